"""The fingerprint of a study, which must be the same in each of its runs, and the readable difference of two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from tuner.space import Categorical, Dimension, Fixed, Float, Int, Parameter

if TYPE_CHECKING:
    from tuner.study.study_spec import StudySpec

_PACKAGES = ("keras", "tensorflow", "optuna")
LATER_KEYS: Mapping[str, Any] = {
    "data.missing_values": [],
    "data.group": None,
    "data.order": None,
    "data.split": None,
    "data.columns": {},
    "data.header": True,
    "data.comment": None,
    "data.decimal": ".",
    "data.missing_target": "error",
    "keep": "last",
    "stop.patience": None,
    "search.loop": "standard",
    "repeats": 1,
}
"""Keys that older fingerprints lack, and the values they imply."""
_ABSENT = object()
_FILE = "file."
"""Prefix of the keys of files that the model file imports, or that a keyword of the model names."""
_CODE = "code."
"""Prefix of the keys of files with losses, metrics and the like that are user code, and of what these import."""
_USED_BY = {_FILE: ("which the model uses", "not used"), _CODE: ("which the study names", "not named")}
_HASHES = {"model_sha256": "the content of the model file", "data_sha256": "the content of the data"}


def fingerprint(spec: StudySpec) -> dict[str, Any]:
    """Return what all trials of a study share, flat and as plain JSON.

    Sampler, pruner, engine, workers and budgets may change when a study resumes, and are not part of it.  The epochs
    are: trials with different numbers of epochs cannot be compared.
    """
    content: dict[str, Any] = {
        "task": spec.facts.task.value,
        "model": str(spec.model),
        "model_sha256": spec.model_sha256,
        "head": spec.head,
        "objective": f"{spec.direction} {spec.metric}",
        "epochs": spec.length.epochs,
        "keep": spec.length.keep,
        "stop.patience": spec.length.patience,
        "repeats": spec.budget.repeats,
        "seed": spec.seed,
        "data_sha256": spec.facts.sha256,
    }
    content |= {f"objective.{key}": value for key, value in spec.metric_keys.items()}
    content |= {f"limits.{key}": value for key, value in spec.limits.given.items()}
    content |= {f"{_FILE}{path}": digest for path, digest in spec.helpers.items()}
    content |= {f"{_CODE}{path}": digest for path, digest in sorted(spec.user_objects.all_files().items())}
    content |= {f"data.{key}": value for key, value in spec.data.model_dump(mode="json").items()}
    content |= {f"search.{dimension.name}": _text(dimension) for dimension in spec.space}
    content |= {f"version.{package}": _version(package) for package in _PACKAGES}
    return content


def code_hashes(fingerprint: Mapping[str, Any]) -> dict[str, str]:
    """Return path → hash of each Python file that a fingerprint names: the model's, and those with other user code."""
    model = str(fingerprint.get("model", "")).partition(":")[0]
    found = {model: fingerprint.get("model_sha256")} | {
        key.removeprefix(prefix): digest
        for prefix in _USED_BY
        for key, digest in fingerprint.items()
        if key.startswith(prefix)
    }
    return {path: str(digest) for path, digest in found.items() if path.endswith(".py")}


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """List the differences of two fingerprints, one line each.

    Args:
        old: The fingerprint in the storage.
        new: The fingerprint of the study file.
    """
    old, new, lines = {**LATER_KEYS, **old}, {**LATER_KEYS, **new}, []
    for key in [*old, *(key for key in new if key not in old)]:
        before, now = old.get(key, _ABSENT), new.get(key, _ABSENT)
        prefix = next((one for one in _USED_BY if key.startswith(one)), None)
        if prefix is not None:
            before, now = (None if value is _ABSENT else str(value) for value in (before, now))
            if before != now:
                used, unused = _USED_BY[prefix]
                shown = [unused if value is None else value[:12] for value in (before, now)]
                lines.append(
                    f"the content of {key.removeprefix(prefix)}, {used}: {shown[0]} before, {shown[1]} now (sha256)"
                )
        elif before is _ABSENT:
            lines.append(f"{key}: not there before, {_shown(now)} now")
        elif now is _ABSENT:
            lines.append(f"{key}: {_shown(before)} before, not there now")
        elif json.dumps(before, sort_keys=True) != json.dumps(now, sort_keys=True):
            lines.append(_changed(key, before, now))
    return lines


def _changed(key: str, before: Any, now: Any) -> str:
    if key in _HASHES:
        return f"{_HASHES[key]}: {str(before)[:12]} before, {str(now)[:12]} now (sha256)"
    return f"{key}: {_shown(before)} before, {_shown(now)} now"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _text(dimension: Dimension) -> str:
    conditions = " and ".join(
        f"{when.name} is {' or '.join(_value(value) for value in when.one_of)}" for when in dimension.conditions
    )
    text = _parameter(dimension.parameter)
    return f"{text} where {conditions}" if conditions else text


def _parameter(parameter: Parameter) -> str:
    """Format a parameter in full: unlike `str(parameter)` with every digit, and texts apart from numbers."""
    match parameter:
        case Fixed(value):
            return _value(value)
        case Categorical(choices):
            return " | ".join(_value(choice) for choice in choices)
        case Float(low, high, log, step) | Int(low, high, log, step):
            text = f"{low!r} … {high!r}"
            if log:
                return f"{text} (log)"
            return text if step is None or (isinstance(parameter, Int) and step == 1) else f"{text} (step {step!r})"


def _value(value: Any) -> str:
    if isinstance(value, str) and value.isidentifier() and value not in ("true", "false", "null"):
        return value
    return json.dumps(value, ensure_ascii=False)


def _version(package: str) -> str | None:
    """Return major and minor version of a package, or None if it is not installed; nothing is imported."""
    try:
        return ".".join(version(package).split(".")[:2])
    except PackageNotFoundError:
        return None
