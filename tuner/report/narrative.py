"""A study in a few sentences: what was asked, what came out, and how far to trust it."""

from __future__ import annotations

import math
from collections import Counter

from tuner.analysis import ties_text
from tuner.catalog import METRICS, TrialState
from tuner.report.failures import failures
from tuner.report.study_view import StudyView, TrialView
from tuner.results import rejected_text
from tuner.text import count, listed, one_line, shorten, significant

_MOST_NAMED = 6
_IN_ANSWER = 4
_REASON_CHARS = 200


def question_text(results: StudyView) -> str:
    """Say in one sentence what the study asks."""
    names = [name.removeprefix("model.") for name in results.dimensions]
    shown = names if len(names) <= _MOST_NAMED else [*names[: _MOST_NAMED - 1], f"{len(names) - _MOST_NAMED + 1} more"]
    what = listed(shown) or "settings"
    best = f"the {'highest' if results.objective.maximize else 'lowest'} {results.metric}"
    model, data = results.fingerprint.get("model"), results.fingerprint.get("data.source")
    where = f" for {str(model).partition(':')[0]} on {data}" if model and data else ""
    return f"Which {what} {'gives' if len(names) == 1 else 'give'} {best}{where}?"


def answer_text(results: StudyView) -> str:
    """Say in one sentence what came out."""
    best, tried = results.best, len(results.trials)
    if best is None or best.value is None:
        if not tried:
            return "There is no answer yet: no trial has been run."
        ended = {state: len(results.in_state(state)) for state in TrialState}
        counts = listed([f"{many} {state}" for state, many in ended.items() if many])
        why = rejected_text(results.study) or _common_reason(results)
        said = f"There is no answer yet: no trial is complete. Of {count(tried, 'trial')}, {counts}."
        return f"{said} {why}" if why else said
    where = " on validation data" if results.study.metric else ""
    setting = listed([f"{name} {_short(value)}" for name, value in _leading_params(results, best)])
    return (
        f"The best {results.metric}{where} is {significant(best.value, 4)}, from trial {best.number} of {tried:,}"
        f"{', with ' + setting if setting else ''}."
    )


def _common_reason(results: StudyView) -> str | None:
    """Say why most trials diverged or failed, or None if no reason was given."""
    found = failures(results)
    if not found or found[0].trials[0].reason is None:
        return None
    reason = shorten(one_line(found[0].reason), _REASON_CHARS).rstrip(".")
    which = "The reason" if len(found) == 1 else f"The most common reason, of {count(len(found[0].trials), 'trial')}"
    return f"{which}: {reason}."


def _failed(results: StudyView) -> list[str]:
    """Say how many trials failed, with the most common error; none if none did."""
    found = [one for one in failures(results) if one.state == TrialState.FAILED]
    if not found:
        return []
    many = sum(len(one.trials) for one in found)
    reason = shorten(one_line(found[0].reason), _REASON_CHARS).rstrip(".")
    return [f"{many:,} of {count(len(results.trials), 'trial')} failed: {reason}."]


def _leading_params(results: StudyView, best: TrialView) -> list[tuple[str, object]]:
    """Those of the best trial that mattered most."""
    names = [name for name in results.by_importance if name in best.params]
    return [(name.removeprefix("model."), best.params[name]) for name in names[:_IN_ANSWER]]


def _short(value: object) -> str:
    return significant(value, 3) if isinstance(value, float) else str(value)


def caveats(results: StudyView) -> list[str]:
    """Say how far to trust the answer, a sentence each; none while there is no answer."""
    best = results.best
    complete = [seen.value for seen in results.in_state(TrialState.COMPLETE) if seen.value is not None]
    if best is None or best.value is None:
        return []
    coverage = results.study.coverage
    whole = _failed(results) + ([] if coverage is None else [f"{coverage[0].upper()}{coverage[1:]}."])
    if len(complete) == 1:
        return ["It is the only complete trial, so there is nothing to compare it with.", *whole]
    found = [
        f"It is the best of {count(len(complete), 'complete trial')}, all measured on the same rows, so it looks "
        "somewhat better than it will be on new data."
    ]
    ties = ties_text(results.study)
    if ties is not None:
        found.append(ties)
    error = standard_error(results)
    if error:
        near = sum(abs(value - best.value) <= error for value in complete) - 1
        within = "no other trial is" if not near else f"{count(near, 'other trial is', 'other trials are')}"
        found.append(f"On this many rows its standard error is {significant(error, 2)}: {within} within that range.")
    return [*found, *whole]


def standard_error(results: StudyView) -> float | None:
    """Return the standard error of the best value, a proportion of independent validation rows.

    None if it is no such proportion: rows of a group, or in an order, depend on each other.
    """
    many = results.info.facts.rows.get("validation", 0) * results.folds
    metric = METRICS.get(results.study.metric)
    if metric is None or results.info.task not in metric.proportion:
        return None
    dependent = any(results.fingerprint.get(f"data.{key}") is not None for key in ("group", "order"))
    if not many or results.best is None or dependent:
        return None
    value = float(results.best.value or 0.0)
    return math.sqrt(max(value * (1.0 - value), 0.0) / many)


def status_text(results: StudyView) -> str:
    """Say whether the study runs, and count its trials by state: "running; 40 trials: 12 complete, 28 pruned"."""
    counts = Counter(seen.state for seen in results.trials)
    parts = ", ".join(f"{counts[state]:,} {state}" for state in TrialState if counts[state])
    trials = f"{count(len(results.trials), 'trial')}{': ' + parts if parts else ''}"
    return f"running; {trials}" if results.study.record.alive else trials
