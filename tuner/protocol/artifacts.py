"""Where a worker keeps what a training gave, and the coordinator finds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class TrainingArtifacts:
    """The files of one training.

    Attributes:
        folder: Where they lie.
        number: Of the training.
    """

    folder: Path
    number: int

    @property
    def model(self) -> Path:
        """The Keras file."""
        return self.folder / f"{self.number}.keras"

    def keep(self, outputs: Sequence[np.ndarray], own: Sequence[str] = ()) -> None:
        """Keep the outputs of the model on each split, `(n, k)`, and the names of classes that are not Keras's."""
        arrays = {f"outputs_{number}": array for number, array in enumerate(outputs)}
        np.savez(self._file, own=np.array(own, dtype=np.str_), **arrays)

    def outputs(self) -> list[np.ndarray]:
        """The outputs on each split."""
        with np.load(self._file) as file:
            return [file[f"outputs_{number}"] for number in range(len(file.files) - 1)]

    def own(self) -> tuple[str, ...]:
        """The classes of the model that are not Keras's."""
        with np.load(self._file) as file:
            return tuple(file["own"].tolist())

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.number}.npz"
