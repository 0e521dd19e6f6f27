"""A narrower study around the best trials: from coarse to fine."""

from __future__ import annotations

import textwrap
import tomllib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuner.analysis.refinement.narrowed_parameter import Narrowed
from tuner.analysis.refinement.narrowed_section import Change, narrowed_search, written_point
from tuner.analysis.refinement.narrowed_space import MAX_VOLUME, TrialValues, fits, narrow_space
from tuner.analysis.refinement.remaining_volume import remaining_volume
from tuner.analysis.top_trials import ranked, top_count
from tuner.catalog import TrialState
from tuner.errors import NoBestTrialError, UsageError
from tuner.results import StoredStudy
from tuner.search import StoredTrial, params_from_trial
from tuner.space import Space
from tuner.study import StudySpec, difference, fingerprint, read_study_dict, with_new_names
from tuner.text import percent, plain, toml_text
from tuner.user_code import find_project

MIN_TRIALS = 15
"""Complete trials that it takes: of fewer, the best five are not much better than the rest."""

DEFAULT_SHARE = 0.2

MOST_POINTS = 5
"""Of the best settings, which are the first trials of the new study."""

WIDTH = 120
"""Of the comment at the head of the file."""

_STARTS = ("initial_points", "from")
_NOT_HALVED = "not half, as the best trials are spread over it, and no other value was tried without success"

_SECTIONS = (
    *("data", "objective", "search", "budget", "sampler", "pruner"),
    *("health", "limits", "resources", "tracking", "notify"),
)
"""In the order in which a file has them."""


@dataclass(frozen=True)
class Refined:
    """A narrower study.

    Attributes:
        name: Its name.
        text: Its study file, as TOML.
        complete: Complete trials of the study that it was made from.
        top: How many of them count as the best ones.
        changes: What became of each searched dimension.
        volume: Share of the old space that is left (see `remaining_volume`).
        not_halved: Why more than half of it is left, or None if it is not.
        points: How many of the best settings are its first trials.
    """

    name: str
    text: str
    complete: int
    top: int
    changes: tuple[Change, ...]
    volume: float
    not_halved: str | None
    points: int

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON: the shape of `tuner refine --json`, but for the file."""
        changes = [vars(change) for change in self.changes]
        content = {key: value for key, value in vars(self).items() if key not in ("text", "changes")}
        return {**content, "changes": changes}


def refine(study: StoredStudy, file: Path, project: Path, share: float = DEFAULT_SHARE) -> Refined:
    """Return the study file of a narrower study around the best complete trials; nothing is written.

    Ranges shrink to what the best trials have, with a margin, a learning rate for each optimizer; choices that none of
    them has are left out, if they were tried often enough to say so.  If that leaves more than half of the space,
    ranges shrink further around the best trial.  The first trials are the best settings.  All else is as in the study.

    Args:
        study: The study.
        file: Path of the new study file: what it refers to must be found from there.
        project: The project of the study.
        share: How many of the complete trials count as the best ones, in (0, 1].

    Raises:
        NoBestTrialError: There are fewer than `MIN_TRIALS` complete trials.
        UsageError: It was not made by keras-studies, its space is another one by now, or nothing is left to search.
        StudyFileError: The new study is none that can be run: from its place the model or the data are not found.
    """
    spec, source = _read_spec(study, project), _study_source(study)
    complete = [trial for trial in study.record.trials if study.trial_state(trial)[0] == TrialState.COMPLETE]
    if len(complete) < MIN_TRIALS:
        raise NoBestTrialError(
            f"Refining needs {MIN_TRIALS} complete trials, but the study {study.record.name!r} has {len(complete)}. "
            "Raise its budget and resume it."
        )
    best = ranked(complete, study.objective)
    top = top_count(len(complete), share)
    found = narrow_space(spec.space, _trial_values(study, spec.space, best), top, share)
    search, changes = narrowed_search(source.get("search", {}), spec.space, found)
    if not any(change.searched for change in changes):
        raise UsageError(
            f"A study needs something to search, but the best {top} trials of {study.record.name!r} agree in "
            "every dimension. Use that setting: `tuner best` shows it."
        )
    name = f"{study.record.name[:95]}_fine"
    points = _best_points(best[:top], spec.space, found)
    sampler = {key: value for key, value in source.get("sampler", {}).items() if key not in _STARTS}
    sections = {"name": name, "search": search, "sampler": {**sampler, "initial_points": points}}
    volume = remaining_volume(spec.space, found)
    not_halved = _NOT_HALVED if volume > MAX_VOLUME else None
    refined = Refined(name, "", len(complete), top, tuple(changes), volume, not_halved, len(points))
    text = _text({**source, **sections}, refined, study)
    read_study_dict(tomllib.loads(text), find_project(file), str(file))
    return replace(refined, text=text)


def _trial_values(study: StoredStudy, space: Space, best: Sequence[StoredTrial]) -> list[TrialValues]:
    """Return what the space is narrowed by: the complete trials, best first, then the pruned and diverged ones."""
    keys = [study.objective.sort_key(trial.value) for trial in best]
    found = [
        TrialValues(params_from_trial(trial, space), bisect_left(keys, key), True)
        for trial, key in zip(best, keys, strict=True)
    ]
    for trial in study.record.trials:
        if study.trial_state(trial)[0] in (TrialState.PRUNED, TrialState.DIVERGED):
            found.append(TrialValues(params_from_trial(trial, space), len(best), False))
    return found


def _best_points(best: Sequence[StoredTrial], space: Space, found: Mapping[str, Narrowed]) -> list[dict[str, Any]]:
    """List the best settings that are in the new space, as the study file has them."""
    points: list[dict[str, Any]] = []
    for trial in best:
        values = params_from_trial(trial, space)
        point = written_point(values, space)
        if len(points) < MOST_POINTS and fits(values, found) and point not in points:
            points.append(point)
    return points


def _study_source(study: StoredStudy) -> dict[str, Any]:
    source = study.record.attrs.info.source
    if not source:
        raise UsageError(f"The study {study.record.name!r} was not made by keras-studies: it has no study file.")
    return with_new_names(source)


def _read_spec(study: StoredStudy, project: Path) -> StudySpec:
    """Read the study as it was run.

    Raises:
        UsageError: Its model or data changed, so that it would search another space.
    """
    record = study.record
    spec = read_study_dict(_study_source(study), project, f"the study {record.name!r}", name=record.name)
    before, now = (
        {key: value for key, value in one.items() if key.startswith("search.")}
        for one in (record.attrs.fingerprint, fingerprint(spec))
    )
    changed = difference(before, now)
    if changed:
        raise UsageError(
            f"The trials of {record.name!r} were drawn from a different space than its study file now gives: "
            f"{'; '.join(changed)}. Restore the model and the data, or start from the study file."
        )
    return spec


def _text(content: Mapping[str, Any], refined: Refined, study: StoredStudy) -> str:
    order = ("name", "model", "head", "seed", "engine", "workers", *_SECTIONS)
    ordered = {key: content[key] for key in order if key in content}
    inner = [f"search.{key}" for key in ordered["search"] if key == "model" or key.endswith("_options")]
    rows = [f"{name}.{row}" for name in inner if name != "search.model" for row in ordered["search"][name[7:]]]
    halved = f": {refined.not_halved}" if refined.not_halved else ""
    head = (
        f"A narrower study around the best trials of {study.record.name!r}, made by `tuner refine`: what the best "
        f"{refined.top} of {refined.complete} complete trials have in common ({study.record.direction} "
        f"{study.metric}). Of the settings of the old space, drawn evenly, {percent(refined.volume)} are in this one"
        f"{halved}. Everything else is unchanged."
    )
    header = "\n".join(f"# {line}" for line in textwrap.wrap(plain(head), WIDTH - 2))
    comments = {change.key: change.why for change in refined.changes if change.searched or change.changed}
    comments["sampler.initial_points"] = f"the best settings of {study.record.name!r}, best first"
    return f"{header}\n\n" + toml_text(ordered, {*_SECTIONS, *inner, *rows}, comments)
