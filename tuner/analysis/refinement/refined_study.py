"""A narrower study around the best trials: from coarse to fine."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.analysis.ranking import top_trials
from tuner.analysis.refinement.narrowed_parameter import narrow
from tuner.analysis.refinement.narrowed_section import Change, narrowed_search
from tuner.catalog import TrialState
from tuner.errors import NoBestTrialError, UsageError
from tuner.results import StoredStudy
from tuner.search import params_from_trial
from tuner.space import Dimension, Value
from tuner.study import StudySpec, difference, fingerprint, read_study_dict, with_new_names
from tuner.text import toml_text
from tuner.user_code import find_project

LEAST = 15
"""Complete trials that it takes: of fewer, the best five are not much better than the rest."""

SHARE = 0.2

_SECTIONS = ("data", "objective", "search", "budget", "sampler", "pruner", "resources")


@dataclass(frozen=True)
class Refined:
    """A narrower study.

    Attributes:
        name: Its name.
        text: Its study file, as TOML.
        complete: Complete trials of the study that it was made from.
        top: How many of them count as the best ones.
        changes: What became of each searched dimension.
    """

    name: str
    text: str
    complete: int
    top: int
    changes: tuple[Change, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON: the shape of `tuner refine --json`, but for the file."""
        changes = [vars(change) for change in self.changes]
        return {"name": self.name, "complete": self.complete, "top": self.top, "changes": changes}


def refine(study: StoredStudy, file: Path, project: Path, share: float = SHARE) -> Refined:
    """Return the study file of a narrower study around the best complete trials; nothing is written.

    Ranges shrink to what the best trials have, with a margin; choices that none of them has are left out, where they
    were tried often enough to say so.  All else is as in the study.

    Args:
        study: The study.
        file: Path of the new study file: what it refers to must be found from there.
        project: The project of the study.
        share: How many of the complete trials count as the best ones, in (0, 1].

    Raises:
        NoBestTrialError: There are fewer than `LEAST` complete trials.
        UsageError: It was not made by keras-studies, its space is another one by now, or nothing is left to search.
        StudyFileError: The new study is none that can be run: from its place the model or the data are not found.
    """
    spec, source = _read_spec(study, project), _study_source(study)
    complete = [trial for trial in study.record.trials if study.trial_state(trial)[0] == TrialState.COMPLETE]
    if len(complete) < LEAST:
        raise NoBestTrialError(
            f"Refining needs {LEAST} complete trials, but the study {study.record.name!r} has {len(complete)}. "
            "Raise its budget and run it on."
        )
    informative = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.DIVERGED)
    tried = [trial for trial in study.record.trials if study.trial_state(trial)[0] in informative]
    top = [params_from_trial(trial, spec.space) for trial in top_trials(complete, study.objective, share)]
    everything = [params_from_trial(trial, spec.space) for trial in tried]

    def having(dimension: Dimension, values: list[dict[str, Value]]) -> list[Value]:
        return [one[dimension.name] for one in values if dimension.name in one]

    found = {d.name: narrow(d.parameter, having(d, top), having(d, everything)) for d in spec.space.searched}
    search, changes = narrowed_search(source.get("search", {}), spec.space, found)
    if not any(change.searched for change in changes):
        raise UsageError(
            f"A study needs something to search, but the best {len(top)} trials of {study.record.name!r} agree in "
            "every dimension. Take them: `tuner best` shows the setting."
        )
    name = f"{study.record.name[:95]}_fine"
    text = _text({**source, "name": name, "search": search}, changes, study, len(complete), len(top))
    read_study_dict(tomllib.loads(text), find_project(file), str(file))
    return Refined(name, text, len(complete), len(top), tuple(changes))


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
            f"The trials of {record.name!r} were drawn from another space than its study file gives now: "
            f"{'; '.join(changed)}. Put the model and the data back, or start from the study file."
        )
    return spec


def _text(content: Mapping[str, Any], changes: list[Change], study: StoredStudy, complete: int, top: int) -> str:
    order = ("name", "model", "head", "seed", "engine", "workers", *_SECTIONS)
    ordered = {key: content[key] for key in order if key in content}
    inner = [f"search.{key}" for key in ordered["search"] if key == "model" or key.endswith("_options")]
    rows = [f"{name}.{row}" for name in inner if name != "search.model" for row in ordered["search"][name[7:]]]
    header = (
        f"# A narrower study around the best trials of {study.record.name!r}, made by `tuner refine`: what the best\n"
        f"# {top} of {complete} complete trials have in common ({study.record.direction} {study.metric}). "
        "All else is as it was there.\n\n"
    )
    comments = {change.key: change.why for change in changes if change.searched or change.changed}
    return header + toml_text(ordered, {*_SECTIONS, *inner, *rows}, comments)
