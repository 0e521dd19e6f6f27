"""The end of a script, from a template: what builds, trains and scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tuner.catalog import LOOPS, SCHEDULES
from tuner.export.exported_recipe import Export
from tuner.export.script import recipe_source
from tuner.export.script.literals import literal
from tuner.export.script.user_code_source import metric_label, metric_text, user_loop_text
from tuner.user_code import is_name

_TEMPLATE = "train.py.jinja"


class QuotedSource(str):
    """Python that a filter has written; the template takes nothing else."""

    __slots__ = ()


def training_source(export: Export, function: str) -> str:
    """Return the functions that build, prepare, score and train, with the recipe's choices in their places.

    Args:
        export: The trial.
        function: The model's function, as the script calls it.
    """
    recipe = export.recipe
    return (
        template_environment()
        .get_template(_TEMPLATE)
        .render(
            export=export,
            recipe=recipe,
            function=function,
            loaded=bool(recipe.model.saved_models),
            own_loop=not LOOPS[recipe.loop.name].by_engine,
            stateful=SCHEDULES[recipe.schedule.name].stateful,
        )
    )


def template_environment() -> Environment:
    """Return an environment in which a value that went through no filter raises a `TypeError`."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # Python, not HTML: `finalize` refuses what is not quoted
        undefined=StrictUndefined,
        finalize=_check_source,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "literal": literal,
        "name": lambda name: _name(metric_label(name)),
        "metric": lambda recipe: metric_text(recipe, recipe_source.scores_text(recipe)),
        "initializer": recipe_source.initializer_text,
        "optimizer": lambda recipe: recipe_source.folded(recipe_source.optimizer_text(recipe)),
        "loss": lambda recipe: recipe_source.folded(recipe_source.loss_text(recipe)),
        "build": recipe_source.build_text,
        "scores": recipe_source.scores_text,
        "schedule": lambda recipe: recipe_source.folded(recipe_source.schedule_text(recipe)),
        "rates": recipe_source.rates_text,
        "plateau": recipe_source.plateau_text,
        "loop": user_loop_text,
    }
    environment.filters = {name: _to_source(write) for name, write in filters.items()}
    return environment


def _to_source(write: Callable[..., str]) -> Callable[..., QuotedSource]:
    return lambda *values: QuotedSource(write(*values))


def _name(value: str) -> str:
    if not is_name(value):
        raise TypeError(f"A script holds names of Python, but {value!r} is none.")
    return value


def _check_source(value: Any) -> QuotedSource:
    if not isinstance(value, QuotedSource):
        raise TypeError(f"A script holds what a filter has written, but {value!r} went through none.")
    return value
