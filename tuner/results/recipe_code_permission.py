"""Code that a recipe names: it is run, or written into a script, only if its owner names it as well."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from tuner.catalog import Recipe
from tuner.data import DataOptions, read_options
from tuner.user_code import Reference, check_content, check_named, find_file, helper_hashes, keras_file_hashes, sha256


def check_model_code(recipe: Recipe, project: Path, code: Collection[str]) -> None:
    """Refuse a model file that its owner does not name, or that is not the one of the study.

    Args:
        recipe: Of a database, or of a file.
        project: Folder that the model file is relative to.
        code: References that the user names, besides those in study files of the project.

    Raises:
        CodeError: Nobody but the database or file names it.
        ContentError: It is not there, or it or what it imports has changed.
    """
    model = recipe.model
    reference = Reference.parse(model.reference, "build")
    check_named(project, reference, code)
    now = {reference.path: sha256(find_file(project, reference.path)), **helper_hashes(project, reference.path)}
    now |= keras_file_hashes(project, model.helpers)
    check_content(now, {reference.path: model.sha256, **model.helpers})


def check_data_code(recipe: Recipe, project: Path, code: Collection[str]) -> None:
    """Refuse data functions that their owner does not name; other sources of data are no code.

    Raises:
        CodeError: Nobody but the database or file names one.
    """
    check_sources(read_options(recipe.data), project, code)


def check_sources(options: DataOptions, project: Path, code: Collection[str]) -> None:
    """Refuse data functions of a `[data]` section, as `check_data_code` does."""
    for source in (options.source, options.validation, options.test):
        if isinstance(source, str) and source.partition(":")[0].endswith(".py"):
            check_named(project, Reference.parse(source, "load"), code)
