from .asked_settings import SettingIndex
from .distributions import distribution, params_from_trial, searched_params, setting_key, suggest, to_optuna_params
from .initial_points import initial_points
from .outcomes import OUTCOME, Outcome, find_best, tell, trial_state
from .pruners import DEFAULT_PRUNER, PRUNERS
from .pruners.base import PrunerRow
from .samplers import DEFAULT_SAMPLER, SAMPLERS
from .samplers.base import SamplerRow

__all__ = [
    "DEFAULT_PRUNER",
    "DEFAULT_SAMPLER",
    "PRUNERS",
    "SAMPLERS",
    "OUTCOME",
    "Outcome",
    "PrunerRow",
    "SamplerRow",
    "SettingIndex",
    "distribution",
    "find_best",
    "initial_points",
    "params_from_trial",
    "searched_params",
    "setting_key",
    "suggest",
    "tell",
    "to_optuna_params",
    "trial_state",
]
