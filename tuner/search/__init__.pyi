from .default_initial_points import FIRST_TRIALS, initial_points, portfolio_points, published_points
from .distributions import distribution, params_from_trial, searched_params, setting_key, suggest, to_optuna_params
from .network_cost_model import NetworkCostModel
from .optuna_logging import silence_optuna
from .outcomes import Outcome, tell
from .point_queue import KnownPoints, PointQueue
from .portfolio import Portfolio, load_portfolio
from .projection import known_values, project, shared_name
from .pruners import DEFAULT_PRUNER, PRUNERS
from .samplers import DEFAULT_SAMPLER, SAMPLERS
from .stored_trial import StoredDistribution, StoredState, StoredTrial, get_choices
from .trial_ranking import OUTCOME, find_best, ranked_complete, trial_state
from .trial_window import FinishedTrials
from .tried_settings import SettingIndex

__all__ = [
    "DEFAULT_PRUNER",
    "DEFAULT_SAMPLER",
    "FIRST_TRIALS",
    "PRUNERS",
    "SAMPLERS",
    "OUTCOME",
    "FinishedTrials",
    "NetworkCostModel",
    "Outcome",
    "KnownPoints",
    "PointQueue",
    "Portfolio",
    "SettingIndex",
    "StoredDistribution",
    "StoredState",
    "StoredTrial",
    "get_choices",
    "distribution",
    "find_best",
    "initial_points",
    "load_portfolio",
    "known_values",
    "params_from_trial",
    "portfolio_points",
    "project",
    "published_points",
    "ranked_complete",
    "searched_params",
    "setting_key",
    "shared_name",
    "silence_optuna",
    "suggest",
    "tell",
    "to_optuna_params",
    "trial_state",
]
