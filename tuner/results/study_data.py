"""The rows of a study as its trials get them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tuner.data import DataFacts, Split, Subset, held_out, prepare, read_options
from tuner.errors import UsageError
from tuner.results.recipe_code_permission import check_sources
from tuner.results.stored_study import StoredStudy

_DATA = "data."


@dataclass(frozen=True)
class StudyData:
    """The prepared parts of a study: encoded, imputed and scaled by what the training part says.

    Attributes:
        facts: What was found in the data: task, shapes, notes.
        splits: Training and validation part, once for each fold; each with what was fitted on its training part.
        test: The test part, treated as the first split is; the search never sees it.  A choice made by it
            makes its score too good.
    """

    facts: DataFacts
    splits: tuple[Split, ...]
    test: Subset

    def __repr__(self) -> str:
        rows = ", ".join(f"{name} {many:,}" for name, many in self.facts.rows.items())
        folds = f"; {len(self.splits)} folds" if len(self.splits) > 1 else ""
        return f"<StudyData: {self.facts.task}, a row of shape {self.facts.input_shape}; rows: {rows}{folds}>"

    @property
    def train(self) -> Subset:
        """The training part of the first split: `x`, `y` and `weight`, float32, or None if the data have no weights."""
        return self.splits[0].train

    @property
    def validation(self) -> Subset:
        """The validation part of the first split."""
        return self.splits[0].validation

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes or labels, in the order of the outputs; none for regression."""
        return self.facts.classes

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of `x`; none if the source has none."""
        return self.facts.features


def read_study_data(study: StoredStudy, project: Path, code: Collection[str] = ()) -> StudyData:
    """Read and prepare the rows of a study as for its trainings.

    Args:
        study: The study.
        project: Folder that the data's paths are relative to.
        code: Data functions that the user names, besides those that study files of the project name.

    Raises:
        UsageError: Plain Optuna made the study.
        CodeError: Only the database names the data function.
        DataError: The data cannot be read, or changed since the study was run.
    """
    attrs = study.record.attrs
    given = {key.removeprefix(_DATA): value for key, value in attrs.fingerprint.items() if key.startswith(_DATA)}
    if not given:
        raise UsageError(
            f"A study must have been run by this package to have data, but {study.record.name!r} was not. Name another."
        )
    options, seed, sha256 = read_options(given), attrs.fingerprint["seed"], attrs.fingerprint["data_sha256"]
    check_sources(options, project, code)
    prepared = prepare(options, project, seed, sha256)
    test = held_out(options, project, seed, sha256, keep_validation=True).validation
    return StudyData(prepared.facts, prepared.splits, test)
