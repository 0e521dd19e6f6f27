"""The table of data sources, and which of them a study file means."""

from __future__ import annotations

from pathlib import Path

from tuner.data.data_config import DataOptions
from tuner.data.sources import builtin
from tuner.data.sources.base import Source, locate
from tuner.data.sources.images import IMAGES
from tuner.data.sources.npz import NPZ
from tuner.data.sources.tabular import CSV, PARQUET
from tuner.data.sources.user_function import FUNCTION
from tuner.errors import DataError, nearest
from tuner.registry import Registry

SOURCES: Registry[Source] = Registry(
    "data source",
    builtin.DIGITS,
    builtin.BREAST_CANCER,
    builtin.WINE,
    builtin.IRIS,
    builtin.DIABETES,
    builtin.LINNERUD,
    builtin.MNIST_5K,
    CSV,
    PARQUET,
    NPZ,
    IMAGES,
    FUNCTION,
)

BUILT_IN: tuple[str, ...] = tuple(name for name, source in SOURCES.items() if source.built_in)
"""Names of the built-in sets."""

_TAKEN_BY_SOME = frozenset[str]().union(*(source.takes for source in SOURCES.values()))
"""Keys of `[data]` that only some sources understand."""


def find_source(text: str, project: Path) -> Source:
    """Return the source that `text` names: a built-in set, a function, a file by its suffix, or a folder of images.

    Raises:
        DataError: It is none of these; the message names the nearest built-in set or file.
    """
    named = _source_by_name(text)
    if named is not None:
        return named
    near = nearest(text, BUILT_IN)
    if near and not (project / text).exists():
        raise DataError(f"There is no data source {text!r}. Did you mean {near!r}? Built in: {', '.join(BUILT_IN)}.")
    if locate(text, project).is_dir():
        return IMAGES
    endings = ", ".join(ending for source in SOURCES.values() for ending in source.suffixes)
    raise DataError(f"A file of data must end in one of {endings}, but got {text!r}. Convert or rename it.")


def _source_by_name(text: str) -> Source | None:
    """Return the source that `text` names, whatever is on the disk; None if it can only be a folder."""
    if text in BUILT_IN:
        return SOURCES[text]
    if text.partition(":")[0].endswith(".py"):
        return FUNCTION
    return next((source for source in SOURCES.values() if text.lower().endswith(source.suffixes)), None)


def was_folder(text: str) -> bool:
    """Return whether a source that a study has read was a folder of images; it need not be there any more."""
    return _source_by_name(text) is None


def check_keys(source: Source, options: DataOptions) -> None:
    """Refuse the keys of `[data]` that mean nothing to this source.

    Raises:
        DataError: The first such key that is not at its default.
    """
    for key, sentence in refused_keys(source, options).items():
        raise DataError(sentence, key=key)


def refused_keys(source: Source, options: DataOptions) -> dict[str, str]:
    """Return the keys of `[data]` that mean nothing to this source and are not at their defaults, with a sentence."""
    found = {}
    for key, field in DataOptions.model_fields.items():
        if key in _TAKEN_BY_SOME - source.takes and getattr(options, key) != field.default:
            takers = ", ".join(other.name for other in SOURCES.values() if key in other.takes)
            found[key] = (
                f"`{key}` needs a source of the kind {takers}, but got {getattr(options, key)!r} with "
                f"{options.source!r} ({source.name}). Remove `{key}` from [data]."
            )
    return found
