"""Files that a worker saves of a training, for the coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class TrainingArtifacts:
    """The files of one training.

    Attributes:
        folder: Their folder.
        number: Number of the training.
    """

    folder: Path
    number: int

    @property
    def model(self) -> Path:
        """Path of the Keras file."""
        return self.folder / f"{self.number}.keras"

    def keep(self, outputs: Sequence[np.ndarray], own: Sequence[str] = ()) -> None:
        """Save the outputs of the model on each split, `(n, k)`, and the names of its custom classes."""
        arrays: dict[str, Any] = {f"outputs_{number}": array for number, array in enumerate(outputs)}
        np.savez(self._file, own=np.array(own, dtype=np.str_), **arrays)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on each split."""
        with np.load(self._file) as file:
            return [file[f"outputs_{number}"] for number in range(len(file.files) - 1)]

    def own(self) -> tuple[str, ...]:
        """Return the names of the custom classes of the model."""
        with np.load(self._file) as file:
            return tuple(file["own"].tolist())

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.number}.npz"
