"""Learning-rate schedules: pure functions (steps, total steps, base rate) → rates, and one state machine.

Shares, not step counts, are their options, so that one setting means the same for every budget.
`build(steps, total_steps, base, **options)` of a row returns rates; that of the stateful row `reduce_on_plateau` is
`build(base, maximize, **options)` and returns a `ReduceOnPlateau`.
"""

from tuner.catalog.entries import ScheduleEntry
from tuner.catalog.schedules.constant import CONSTANT
from tuner.catalog.schedules.cosine import COSINE
from tuner.catalog.schedules.exponential import EXPONENTIAL
from tuner.catalog.schedules.one_cycle import ONE_CYCLE
from tuner.catalog.schedules.piecewise import PIECEWISE
from tuner.catalog.schedules.polynomial import POLYNOMIAL
from tuner.catalog.schedules.reduce_on_plateau import REDUCE_ON_PLATEAU, ReduceOnPlateau
from tuner.catalog.schedules.step import STEP
from tuner.registry import Registry

SCHEDULES: Registry[ScheduleEntry] = Registry(
    "schedule", CONSTANT, STEP, EXPONENTIAL, PIECEWISE, POLYNOMIAL, COSINE, ONE_CYCLE, REDUCE_ON_PLATEAU
)

__all__ = ["SCHEDULES", "ReduceOnPlateau"]
