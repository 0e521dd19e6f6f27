"""Files that a worker saves of a training, for the coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ModelCost:
    """What a model costs its user.

    Attributes:
        weights: Number of its fitted numbers.
        one_row_ms: Median time to answer one row, in milliseconds.
        batch_ms: The same for 256 rows in one call.
    """

    weights: int
    one_row_ms: float
    batch_ms: float


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

    def keep(
        self,
        outputs: Sequence[np.ndarray],
        own: Sequence[str] = (),
        cost: ModelCost | None = None,
        sample: np.ndarray | None = None,
    ) -> None:
        """Save what is known of a trained model.

        Args:
            outputs: Its outputs on each split, `(n, k)`.
            own: Names of its custom classes.
            cost: What it costs.
            sample: Its outputs on the sample of rows that a saved model is checked with, `(n, k)`.
        """
        arrays: dict[str, Any] = {f"outputs_{number}": array for number, array in enumerate(outputs)}
        arrays |= {} if cost is None else {"cost": np.array([cost.weights, cost.one_row_ms, cost.batch_ms])}
        arrays |= {} if sample is None else {"sample": sample}
        np.savez(self._file, own=np.array(own, dtype=np.str_), **arrays)

    def outputs(self) -> list[np.ndarray]:
        """Return the outputs on each split."""
        with np.load(self._file) as file:
            count = sum(name.startswith("outputs_") for name in file.files)
            return [file[f"outputs_{number}"] for number in range(count)]

    def own(self) -> tuple[str, ...]:
        """Return the names of the custom classes of the model."""
        with np.load(self._file) as file:
            return tuple(file["own"].tolist())

    def cost(self) -> ModelCost | None:
        """Return what the model costs, or None if that was not measured."""
        with np.load(self._file) as file:
            if "cost" not in file.files:
                return None
            weights, one, batch = file["cost"].tolist()
            return ModelCost(int(weights), one, batch)

    def sample(self) -> np.ndarray:
        """Return the outputs on the sample."""
        with np.load(self._file) as file:
            found: np.ndarray = file["sample"]
            return found

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.number}.npz"
