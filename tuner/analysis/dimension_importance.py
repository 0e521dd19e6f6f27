"""What mattered: the main effect of each dimension, most important first, and one sentence for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.analysis.main_effects import MainEffect
from tuner.analysis.study_effects import MIN_TRIALS, study_effects
from tuner.analysis.top_trials import top_trials
from tuner.catalog import TrialState, written_value
from tuner.results import StoredStudy
from tuner.search import StoredTrial, find_best, get_choices
from tuner.text import listed, listed_first, percent, significant

TOP_SHARE = 0.1
"""Share of the complete trials that are described as the best ones."""

SHARE_NOTE = (
    "Share: how much of the differences in value between settings of the search space a dimension explains by itself. "
    "The rest is chance, and what dimensions do only in combination."
)
"""What a share is, for people."""

_MOST_NAMED = 4


def importance(study: StoredStudy) -> dict[str, Any]:
    """Estimate how much each searched dimension mattered, most important first.

    `share`, `low`, `high` and `p` are those of `MainEffect`.  All four are None with fewer than `MIN_TRIALS` trials
    that have ended, and for a dimension that had one value only.

    Returns:
        The shape of `tuner compare --json`, see docs/json.md.
    """
    record = study.record
    found = study_effects(study)
    complete = [trial for trial in found.trials if study.trial_state(trial)[0] == TrialState.COMPLETE]
    best, top = find_best(record.trials, study.objective), top_trials(complete, study.objective, TOP_SHARE)
    names = dict.fromkeys(name for trial in record.trials for name in trial.params)
    rows = [
        {
            "name": name,
            **_numbers(found.effects.get(name)),
            "best": None if best is None else written_value(name, best.params.get(name)),
            "top": _typical(name, top),
        }
        for name in names
    ]
    rows.sort(key=lambda row: (not row["mattered"], -(row["share"] or 0.0)))
    return {
        "study": record.name,
        "metric": study.metric,
        "direction": record.direction,
        "trials": len(found.trials),
        "needed": MIN_TRIALS,
        "top": len(top),
        "dimensions": rows,
        "meaning": _meaning(rows, len(found.trials)),
    }


def _numbers(effect: MainEffect | None) -> dict[str, Any]:
    if effect is None:
        return {"share": None, "low": None, "high": None, "p": None, "mattered": False}
    return {
        "share": effect.share,
        "low": effect.low,
        "high": effect.high,
        "p": effect.p,
        "mattered": effect.mattered,
    }


def _typical(name: str, top: Sequence[StoredTrial]) -> str | None:
    """Return the most common choice of the best trials with its count, or their range of a number, or None if empty."""
    having = [trial for trial in top if name in trial.params]
    if not having:
        return None
    values = [trial.params[name] for trial in having]
    if get_choices(having[0].distributions[name]) is not None:
        value, count = Counter(str(written_value(name, value)) for value in values).most_common(1)[0]
        return f"{value} ({count} of {len(top)})"
    low, high = (significant(bound, 3) for bound in (min(values), max(values)))
    text = low if low == high else f"{low} … {high}"
    return text if len(having) == len(top) else f"{text} ({len(having)} of {len(top)})"


def _meaning(rows: Sequence[Mapping[str, Any]], trials: int) -> str:
    """Say in one sentence what mattered: the sentence of every command, page and note."""
    if trials < MIN_TRIALS:
        so_far = "none has" if not trials else "1 has" if trials == 1 else f"{trials} have"
        return f"It is too early to say what mattered: that takes {MIN_TRIALS} trials with a result, and {so_far} one."
    mattered = [f"{row['name']} ({_share_text(row['share'])})" for row in rows if row["mattered"]]
    if not mattered:
        return "No dimension mattered more than chance would explain."
    return (
        f"What mattered: {listed(mattered) if len(mattered) <= _MOST_NAMED else listed_first(mattered, _MOST_NAMED)}."
    )


def _share_text(share: float) -> str:
    return percent(share) if share >= 0.01 else "under 1 %"  # "0 %" would contradict that it mattered
