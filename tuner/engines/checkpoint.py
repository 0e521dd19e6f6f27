"""A checkpoint: all that a trial needs to resume after an epoch, as bytes.

The bytes are a mark with the number of the format, the SHA-256 of what follows, and a NumPy archive (no pickles) with
an entry `about` (JSON) and one for each array.  Damaged checkpoints, and those of other versions or another recipe, are
refused: the trial restarts.
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
from tuner.engines.predict_times import PredictTimes
from tuner.errors import CheckpointError
from tuner.untrusted_files import open_zip, read_array, reason

_HEADER = b"keras-studies checkpoint 1\n"
_PACKAGES = ("keras-studies", "keras", "tensorflow", "numpy")
"""Another version of these may compute other numbers."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a trial after an epoch.

    Attributes:
        records: Of every epoch so far, of all folds.
        values: The objective of each training that is finished.
        state: Of the training on the split of the last record.
        predict_times: Time of the network to answer, or None if it was not measured.
    """

    records: tuple[EpochRecord, ...]
    values: tuple[float, ...]
    state: TrainingState
    predict_times: PredictTimes | None = None

    @property
    def fold(self) -> int:
        """The index of the training."""
        return self.records[-1].fold

    @property
    def epoch(self) -> int:
        """The epochs of this training."""
        return self.records[-1].epoch

    def to_bytes(self, recipe: Recipe) -> bytes:
        """Return the checkpoint of a trial of this recipe as bytes."""
        state = self.state
        about = {
            **_provenance(recipe),
            "records": [record.to_json() for record in self.records],
            "values": self.values,
            "predict_times": None if self.predict_times is None else vars(self.predict_times),
            "engine": state.engine,
            "objectives": state.values,
            "plain": state.plain,
            "arrays": {name: len(arrays) for name, arrays in state.arrays.items()},
        }
        archive = io.BytesIO()
        entries: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
        for name, arrays in state.arrays.items():
            entries |= {_entry_name(name, i): array for i, array in enumerate(arrays)}
        np.savez(archive, **entries)
        content = archive.getvalue()
        return _HEADER + hashlib.sha256(content).digest() + content

    @classmethod
    def from_bytes(cls, content: bytes, recipe: Recipe) -> Checkpoint:
        """Restore a checkpoint from `to_bytes`.

        Raises:
            CheckpointError: It is damaged, or of other versions or another recipe; the message says which.
        """
        start = len(_HEADER) + hashlib.sha256().digest_size
        if not content.startswith(_HEADER):
            raise CheckpointError("it was not written by this version of keras-studies")
        if hashlib.sha256(content[start:]).digest() != content[len(_HEADER) : start]:
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
            for name, now in _provenance(recipe).items():
                if about[name] != now:
                    raise CheckpointError(f"its {name} differs ({_format(about[name])}, now {_format(now)})")
            arrays = {
                name: [read_array(archive, _entry_name(name, i)) for i in range(count)]
                for name, count in about["arrays"].items()
            }
        state = TrainingState(about["engine"], tuple(about["objectives"]), arrays, about["plain"])
        records = tuple(EpochRecord.from_json(record) for record in about["records"])
        times = about.get("predict_times")
        return cls(records, tuple(about["values"]), state, None if times is None else PredictTimes(**times))


def _provenance(recipe: Recipe) -> dict[str, Any]:
    """Return what must be the same when a trial resumes."""
    text = json.dumps(recipe.to_json(), sort_keys=True)
    return {
        "recipe": hashlib.sha256(text.encode()).hexdigest(),
        "version": {name: _version(name) for name in _PACKAGES},
    }


def _format(value: str | Mapping[str, Any]) -> str:
    if isinstance(value, str):
        return value[:12]
    return ", ".join(f"{name} {number}" for name, number in value.items() if number is not None)


def _entry_name(name: str, number: int) -> str:
    return f"{name} {number}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a folder
        return None
