"""Studies that are really trained, in this process, for the tests of exports."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from mock_results import url_of

from tuner.catalog import Recipe
from tuner.data import prepare
from tuner.engines import ENGINES, EpochRecord, TrainingResult, run_trial
from tuner.executors import InlineExecutor
from tuner.results import StoredStudy, read_study_results
from tuner.runner.study_runner import StudyRunner
from tuner.storage import open_database
from tuner.study import read_study_dict
from tuner.user_code import Reference, load


def trained(folder: Path, content: Mapping[str, Any]) -> StoredStudy:
    """The study after its trials, each trained with the engine that it names."""
    spec = read_study_dict(content, folder)
    repeats = spec.budget.repeats
    prepared, engine = prepare(spec.data, folder, spec.seed), ENGINES[spec.engine].make()

    def train(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
        records: list[EpochRecord] = []
        made = Recipe.from_json(recipe)
        build = load(folder, Reference.parse(made.model.reference, "build"), made.model.sha256, made.model.helpers)
        training = run_trial(
            engine, made, prepared, build, lambda record, report: not records.append(record), repeats=repeats
        )
        yield from (record for record in records if record.fold == 0)  # a fold's epochs would be reported again
        return training

    database = open_database(url_of(folder), create=True)
    StudyRunner(spec, database, InlineExecutor(train, engine=lambda: engine.last_engine)).run()
    return read_study_results(database, spec.name)
