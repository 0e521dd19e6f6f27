"""A checkpoint: all that a trial needs to go on after an epoch, as bytes.

The bytes are a mark with the number of the format, the SHA-256 of what follows, and a NumPy archive (no pickles) with
an entry `about` (JSON) and one for each array.  What is damaged, or made by other versions or for another recipe, is
refused: a trial that begins anew is better than one that goes on from something else.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from tuner.catalog import Recipe
from tuner.engines.base import EpochRecord, TrainingState
from tuner.errors import CheckpointError
from tuner.untrusted_files import open_zip, read_array, reason

_MARK = b"keras-studies checkpoint 1\n"
_PACKAGES = ("keras-studies", "keras", "tensorflow", "numpy")
"""Another version of these may compute other numbers."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a trial stands after an epoch.

    Attributes:
        records: Of every epoch so far, of all folds.
        values: The objective of each fold that is finished.
        state: Of the training on the split of the last record.
    """

    records: tuple[EpochRecord, ...]
    values: tuple[float, ...]
    state: TrainingState

    @property
    def fold(self) -> int:
        """Index of the split."""
        return self.records[-1].fold

    @property
    def epoch(self) -> int:
        """Epochs trained on this split."""
        return self.records[-1].epoch

    def to_bytes(self, recipe: Recipe) -> bytes:
        """The checkpoint of a trial of this recipe."""
        state = self.state
        about = {
            **_origin(recipe),
            "records": [record.to_json() for record in self.records],
            "values": self.values,
            "engine": state.engine,
            "objectives": state.values,
            "plain": state.plain,
            "arrays": {name: len(arrays) for name, arrays in state.arrays.items()},
        }
        archive = io.BytesIO()
        entries: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
        for name, arrays in state.arrays.items():
            entries |= {_entry(name, i): array for i, array in enumerate(arrays)}
        np.savez(archive, **entries)
        content = archive.getvalue()
        return _MARK + hashlib.sha256(content).digest() + content

    @classmethod
    def from_bytes(cls, content: bytes, recipe: Recipe) -> Checkpoint:
        """The checkpoint of `to_bytes`.

        Raises:
            CheckpointError: It is damaged, or of other versions or another recipe; the message says which.
        """
        start = len(_MARK) + hashlib.sha256().digest_size
        if not content.startswith(_MARK):
            raise CheckpointError("it is none of this version of keras-studies")
        if hashlib.sha256(content[start:]).digest() != content[len(_MARK) : start]:
            raise CheckpointError("it is damaged")
        try:  # the hash guards against damage, not against who can write to the database
            return cls._read(io.BytesIO(content[start:]), recipe)
        except CheckpointError:
            raise
        except Exception as error:
            raise CheckpointError(f"it cannot be read ({reason(error)})") from error

    @classmethod
    def _read(cls, file: io.BytesIO, recipe: Recipe) -> Checkpoint:
        with open_zip(file) as archive:
            about = json.loads(read_array(archive, "about").tobytes())
            for name, now in _origin(recipe).items():
                if about[name] != now:
                    raise CheckpointError(f"it is of another {name} ({_shown(about[name])}, now {_shown(now)})")
            arrays = {
                name: [read_array(archive, _entry(name, i)) for i in range(count)]
                for name, count in about["arrays"].items()
            }
        state = TrainingState(about["engine"], tuple(about["objectives"]), arrays, about["plain"])
        records = tuple(EpochRecord.from_json(record) for record in about["records"])
        return cls(records, tuple(about["values"]), state)


def _origin(recipe: Recipe) -> dict[str, Any]:
    """What must be the same when a trial goes on."""
    text = json.dumps(recipe.to_json(), sort_keys=True)
    return {
        "recipe": hashlib.sha256(text.encode()).hexdigest(),
        "version": {name: _version(name) for name in _PACKAGES},
    }


def _shown(value: str | Mapping[str, Any]) -> str:
    if isinstance(value, str):
        return value[:12]
    return ", ".join(f"{name} {number}" for name, number in value.items() if number is not None)


def _entry(name: str, number: int) -> str:
    return f"{name} {number}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a folder
        return None
