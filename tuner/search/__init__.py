"""Searching with Optuna: what is proposed next, what ends early, and what failures tell the sampler.

Importing this package does not import Optuna.
"""

from tuner.search.distributions import encode, params_of, suggest, values_of
from tuner.search.outcomes import Outcome, best_of, state_of, tell, value_of
from tuner.search.pruners import DEFAULT_PRUNER, PRUNERS, PrunerRow
from tuner.search.samplers import DEFAULT_SAMPLER, SAMPLERS, SamplerRow
from tuner.search.starts import starts

__all__ = [
    "DEFAULT_PRUNER",
    "DEFAULT_SAMPLER",
    "PRUNERS",
    "SAMPLERS",
    "Outcome",
    "PrunerRow",
    "SamplerRow",
    "best_of",
    "encode",
    "params_of",
    "starts",
    "state_of",
    "suggest",
    "tell",
    "value_of",
    "values_of",
]
