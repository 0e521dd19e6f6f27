"""Learning-rate schedules: pure functions (steps, total steps, base rate) → rates, and one state machine.

Shares, not step counts, are their options, so that one setting means the same for every budget.
`build(steps, total_steps, base, **options)` of a row gives rates; that of the stateful row `reduce_on_plateau` is
`build(base, maximize, **options)` and gives a `ReduceOnPlateau`.
"""

from tuner.registry import Table
from tuner.training.rows import ScheduleRow
from tuner.training.schedules.constant import CONSTANT
from tuner.training.schedules.cosine import COSINE
from tuner.training.schedules.exponential import EXPONENTIAL
from tuner.training.schedules.one_cycle import ONE_CYCLE
from tuner.training.schedules.piecewise import PIECEWISE
from tuner.training.schedules.polynomial import POLYNOMIAL
from tuner.training.schedules.reduce_on_plateau import REDUCE_ON_PLATEAU, ReduceOnPlateau
from tuner.training.schedules.step import STEP

SCHEDULES: Table[ScheduleRow] = Table(
    "schedule", CONSTANT, STEP, EXPONENTIAL, PIECEWISE, POLYNOMIAL, COSINE, ONE_CYCLE, REDUCE_ON_PLATEAU
)

__all__ = ["SCHEDULES", "ReduceOnPlateau"]
