"""Settings that the objective cannot tell apart from the best one."""

from __future__ import annotations

from tuner.catalog import METRICS
from tuner.results import StoredStudy
from tuner.search import ranked_complete, setting_key
from tuner.text import count


def ties_text(study: StoredStudy) -> str | None:
    """Say how many other settings reached the best value, or return None if none did.

    On few validation rows many do: of 40 trials on the 30 rows of iris 13.  A setting that was tried again is one.
    """
    complete = ranked_complete(study.record.trials, study.objective)
    different = len({setting_key(trial) for trial in complete if trial.value == complete[0].value}) - 1
    if different < 1:
        return None
    coarse = study.metric in tuple(METRICS) and METRICS[study.metric].proportion
    finer = ", or a metric such as log_loss," if coarse else ""
    return (
        f"{count(different, 'other setting')} reached the same value; trial {complete[0].number} was the first. "
        f"More validation rows{finer} would tell them apart."
    )
