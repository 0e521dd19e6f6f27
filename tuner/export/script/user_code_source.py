"""Losses, metrics and the like that are user code, in a script: their files as modules, and a name for each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tuner.catalog import (
    LOSSES,
    METRIC,
    METRICS,
    Recipe,
    UserMetric,
    optimizer_arguments,
    user_optimizer_arguments,
    user_references,
)
from tuner.export.script.literals import literal
from tuner.user_code import Helper, find_file, find_helpers, is_reference


def user_name(family: str) -> str:
    """Return the name of an object of user code in the script."""
    return f"USER_{family.upper()}"


def user_modules(recipe: Recipe, project: Path) -> dict[str, Helper]:
    """Return module → file of each object of user code, and of what these files import from the project."""
    found: dict[str, Helper] = {}
    for path, module in _modules(recipe).items():
        found |= find_helpers(project, path)
        found[module] = Helper(module, path, find_file(project, path).read_bytes(), package=False)
    return found


def user_imports(recipe: Recipe) -> list[str]:
    """Return the statements that import the objects of user code."""
    modules = _modules(recipe)
    return [
        f"{user_name(family)} = importlib.import_module({literal(modules[reference.path])}).{reference.function}"
        for family, reference in user_references(recipe)
        if not reference.installed
    ]


def package_imports(recipe: Recipe) -> list[str]:
    """Return the statements that import the objects of installed packages."""
    return [
        f"from {reference.path} import {reference.function} as {user_name(family)}"
        for family, reference in user_references(recipe)
        if reference.installed
    ]


def user_loss_text(recipe: Recipe) -> str:
    """Return the call that constructs a loss of user code."""
    options: Mapping[str, object] = recipe.loss.options
    wrapper = LOSSES[recipe.loss.name].own_class
    if wrapper is None:
        return user_call_text("loss", options)
    return f"{wrapper}({user_name('loss')}, {literal(dict(options))})"


def user_optimizer_text(recipe: Recipe) -> str:
    """Return the call that constructs an optimizer of user code."""
    return user_call_text("optimizer", user_optimizer_arguments(**optimizer_arguments(recipe)))


def user_loop_text(recipe: Recipe) -> str:
    """Return the call of a training loop of user code."""
    options = "".join(f", {name}={literal(value)}" for name, value in recipe.loop.options.items())
    return f"{user_name('loop')}(model, recipe, LoopData(**data), Report(observe){options})"


def user_call_text(family: str, options: Mapping[str, object]) -> str:
    """Return the call of an object of user code with options."""
    return f"{user_name(family)}({', '.join(f'{name}={literal(value)}' for name, value in options.items())})"


def metric_text(recipe: Recipe, scores: str) -> str:
    """Return the call that computes the objective from `truth`, scores and `weight`."""
    function = METRICS[recipe.metric].function
    if not isinstance(function, UserMetric):
        return f"{recipe.metric}(truth, {scores}, weight, TASK)"
    given = f"*decided(truth, {scores}, TASK)" if function.decides else f"truth, {scores}"
    weight = "" if function.weight is None else f", {function.weight}=weight"
    options = "".join(f", {name}={literal(value)}" for name, value in function.options.items())
    return f"float({user_name(METRIC)}({given}{weight}{options}))"


def metric_functions(recipe: Recipe) -> list[str]:
    """Return the names of the functions of ours that `metric_text` calls."""
    function = METRICS[recipe.metric].function
    if isinstance(function, UserMetric):
        return ["decided"] if function.decides else []
    return [recipe.metric]


def metric_label(name: str) -> str:
    """Return the name of the objective as a script prints it: of user code the function's."""
    return name.partition(":")[2] if is_reference(name) else name


def _modules(recipe: Recipe) -> dict[str, str]:
    """Return file → module; names of our own, as a file may be called like a library."""
    paths = dict.fromkeys(one.path for _, one in user_references(recipe) if not one.installed)
    return {path: f"keras_studies_code_{number}" for number, path in enumerate(paths)}
