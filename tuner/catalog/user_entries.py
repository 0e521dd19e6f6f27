"""Entries of user code: losses, metrics and the like that a study names by reference, `losses.py:tversky`.

What an entry says is read from the source, without running it: options are the arguments with a literal default, the
rest are attributes (`tversky.heads = …`).  Its `build` loads the file, and runs exactly the content that was hashed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tuner import user_code
from tuner.catalog.dimensions import DIMENSIONS, ChoiceDimension, choice_dimension
from tuner.catalog.entries import Entry, MetricEntry
from tuner.catalog.metrics import METRICS
from tuner.catalog.task import Task
from tuner.catalog.user_entry_readers import KERAS_ARGUMENTS, METRIC, READERS
from tuner.catalog.user_object import UserObject
from tuner.user_code import Reference

if TYPE_CHECKING:
    from tuner.catalog.recipe import Recipe


def read_user_entry(family: str, one: UserObject, task: Task | None, head: str) -> Entry | MetricEntry:
    """Read the entry of user code; nothing is run.

    Args:
        family: Name of the dimension, or `METRIC`.
        one: The code.
        task: The task of the study, or None if it is unknown.
        head: The head of the study or recipe.

    Raises:
        ContentError: It is not there, does not say what is needed, or cannot be of this family.
    """
    definition = user_code.read_definition(one.project, one.reference, KERAS_ARGUMENTS.get(family, ()))
    return READERS[family](definition, one, task, head)


def add_user_entry(family: str, entry: Entry | MetricEntry) -> None:
    """Make an entry known under its reference, in place of an earlier one."""
    if isinstance(entry, MetricEntry):
        METRICS.add_user_row(entry)
    else:
        choice_dimension(family).table.add_user_row(entry)


def user_references(recipe: Recipe) -> Iterator[tuple[str, Reference]]:
    """Yield the family and the reference of each object of user code in a recipe."""
    names = {METRIC: recipe.metric}
    for name, dimension in DIMENSIONS.items():
        if isinstance(dimension, ChoiceDimension):
            chosen = getattr(recipe, name)
            names[name] = chosen if isinstance(chosen, str) else chosen.name
    for family, name in names.items():
        if user_code.is_reference(name):
            yield family, Reference.parse_object(name)


def add_user_entries(project: Path, recipe: Recipe) -> None:
    """Make the user code of a recipe known to this process; nothing is run yet.

    Raises:
        ContentError: A file is not there, or not the one that the study was started with.
    """
    for family, reference in user_references(recipe):
        now = UserObject(project, reference).hashes()
        user_code.check_content(now, {path: recipe.code[path] for path in now if path in recipe.code})
        one = UserObject(project, reference, now, recipe.metric_keys if family == METRIC else {})
        add_user_entry(family, read_user_entry(family, one, recipe.task, recipe.head))


def add_named_user_entries(project: Path, recipe: Recipe, named: Collection[str]) -> None:
    """Make the user code of a recipe known to this process, if its owner names it as well.

    Args:
        project: Folder that references are relative to.
        recipe: Of a database, or of a file.
        named: References that the user names, besides those in study files of the project.

    Raises:
        CodeError: Nobody but the database or file names one.
        ContentError: As for `add_user_entries`.
    """
    for _, reference in user_references(recipe):
        user_code.check_named(project, reference, named)
    add_user_entries(project, recipe)
