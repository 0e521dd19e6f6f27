from .distributions import distribution, encode, params_of, setting_key, suggest, values_of
from .initial_points import initial_points
from .outcomes import Outcome, best_of, state_of, tell, value_of
from .pruners import DEFAULT_PRUNER, PRUNERS
from .pruners.base import PrunerRow
from .samplers import DEFAULT_SAMPLER, SAMPLERS
from .samplers.base import SamplerRow
from .setting_index import SettingIndex

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
    "initial_points",
    "params_of",
    "setting_key",
    "state_of",
    "suggest",
    "tell",
    "value_of",
    "values_of",
]
