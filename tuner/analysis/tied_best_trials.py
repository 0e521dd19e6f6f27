"""Settings that the objective cannot tell apart from the best one."""

from __future__ import annotations

from tuner.catalog import METRICS
from tuner.results import StoredStudy
from tuner.search import StoredTrial, ranked_complete, setting_key
from tuner.storage import trial_attributes
from tuner.text import count


def ties_text(study: StoredStudy) -> str | None:
    """Say how many other settings reached the best value, and which is smallest, or return None if none did.

    On few validation rows many do: of 40 trials on the 30 rows of iris 13.  A setting that was tried again is one.  The
    first of them counts as the best everywhere, as for Optuna: so the best trial of a study that runs does not change
    without a better value.
    """
    complete = ranked_complete(study.record.trials, study.objective)
    equal = [trial for trial in complete if trial.value == complete[0].value]
    different = len({setting_key(trial) for trial in equal}) - 1
    if different < 1:
        return None
    metric = METRICS.get(study.metric)
    finer = ", or a metric such as log_loss," if metric is not None and metric.proportion else ""
    return (
        f"{count(different, 'other setting')} reached the same value; trial {equal[0].number} was the first"
        f"{_smallest_text(equal)}. More validation rows{finer} would tell them apart."
    )


def _smallest_text(equal: list[StoredTrial]) -> str:
    """Name the trial with the fewest weights if it is not the first one."""
    weights = {trial.number: size.weights for trial in equal if (size := trial_attributes(trial).network_size)}
    first, smallest = equal[0].number, min(weights, key=lambda number: (weights[number], number), default=None)
    if smallest is None or first not in weights or weights[smallest] == weights[first]:
        return ""
    return f", trial {smallest} has the fewest weights ({weights[smallest]:,}, not {weights[first]:,})"
