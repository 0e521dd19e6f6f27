"""Searching with Optuna: what is proposed next, what ends early, and what failures tell the sampler.

Importing this package does not import Optuna.
"""

from tuner.search.distributions import distribution, encode, params_of, setting_key, suggest, values_of
from tuner.search.initial_points import initial_points
from tuner.search.outcomes import Outcome, best_of, state_of, tell, value_of
from tuner.search.pruners import DEFAULT_PRUNER, PRUNERS, PrunerRow
from tuner.search.samplers import DEFAULT_SAMPLER, SAMPLERS, SamplerRow
from tuner.search.setting_index import SettingIndex

__all__ = [
    "DEFAULT_PRUNER",
    "DEFAULT_SAMPLER",
    "PRUNERS",
    "SAMPLERS",
    "Outcome",
    "PrunerRow",
    "SamplerRow",
    "SettingIndex",
    "best_of",
    "distribution",
    "encode",
    "params_of",
    "setting_key",
    "initial_points",
    "state_of",
    "suggest",
    "tell",
    "value_of",
    "values_of",
]
