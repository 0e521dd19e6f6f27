"""No code asks for a row of a table by its name: what it wants to know is a field of the row."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import pytest
from structure import PACKAGE, Module, modules

from tuner.catalog import (
    ACTIVATIONS,
    CLIPPINGS,
    DIMENSIONS,
    INITIALIZERS,
    LOOPS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    SCHEDULES,
    ChoiceDimension,
)
from tuner.data import SOURCES
from tuner.engines import ENGINES
from tuner.search import PRUNERS, SAMPLERS

TABLES = (
    ACTIVATIONS, CLIPPINGS, DIMENSIONS, ENGINES, INITIALIZERS, LOOPS, LOSSES, METRICS, OPTIMIZERS, PRUNERS, SAMPLERS,
    SCHEDULES, SOURCES,
)  # fmt: skip
WORDS = {"auto", "none"}
"""Words of the study file for "choose it" and "nothing", which rows are called by as well."""
NAMES = {name for table in TABLES for name in table} - WORDS

ELSEWHERE = {
    "tuner/data/split_preprocessing.py": {"median"},  # how a hole is filled
    "tuner/data/imputing_and_scaling.py": {"median"},
    "tuner/health/activation_recorder.py": {"relu", "sigmoid", "tanh"},  # kinds of functions that die or saturate
    "tuner/engines/prober.py": {"sigmoid"},  # output activations
    "tuner/export/script/recipe_source.py": {"relu", "sigmoid", "tanh"},
    "tuner/refit/serving_model.py": {"relu", "tanh"},
    "tuner/refit/saving_error_advice.py": {"function"},  # in the configuration of a Keras layer
    "tuner/catalog/output_activations.py": {"relu", "sigmoid", "tanh"},
    "tuner/engines/compiled/initial_weights.py": {"constant"},  # a draw that is the same everywhere
    "tuner/engines/compiled/layer_calls.py": {"function", "l1", "l2"},  # in configurations of Keras's layers
    "tuner/engines/compiled/tunable_objects.py": {"learning_rate"},  # in the configuration of a Keras optimizer
    "tuner/catalog/dimensions.py": {"learning_rate", "momentum", "weight_decay"},  # fields of rows of the tables
    "tuner/catalog/initializers.py": set(ACTIVATIONS),
    "tuner/study/cross_checks.py": {"initializer", "activation"},  # the rule is about the two
    "tuner/search/default_initial_points.py": {"optimizer"},
    "tuner/runner/rate_ranges.py": {"optimizer"},  # a ramp is that of an optimizer
}
"""Texts that are the name of a row by chance, or in the tables themselves: by file."""


def texts(node: ast.expr) -> Iterator[str]:
    """The texts that an expression is, or that a literal of several holds."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for item in node.elts:
            yield from texts(item)


def asked_for(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Line and name of each row that is compared with, matched, or listed with others of its table."""
    for node in nodes:
        if isinstance(node, ast.Compare):
            found = [text for side in (node.left, *node.comparators) for text in texts(side)]
        elif isinstance(node, ast.MatchValue):
            found = [*texts(node.value)]
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            found = [*texts(node)]
            if len(found) < 2 or not any(set(found) <= set(table) for table in TABLES):
                continue
        else:
            continue
        yield from ((node.lineno, text) for text in found if text in NAMES)


def test_the_check_sees_what_it_is_for() -> None:
    code = """
if row.name == "adam" or name in ("sgd", other): ...
APART = ("lamb", "muon")
match name:
    case "tpe": ...
"""
    assert {name for _, name in asked_for(ast.walk(ast.parse(code)))} == {"adam", "sgd", "lamb", "muon", "tpe"}


def test_no_code_asks_for_a_row_by_name() -> None:
    found, needed = [], set()
    for module in modules():
        file = module.path.relative_to(PACKAGE.parent).as_posix()
        for line, name in asked_for(module.nodes):
            if name in ELSEWHERE.get(file, ()):
                needed.add(file)
            else:
                found.append(f"{file}:{line}: {name}")
    assert found == [], "make what is asked a field of the row, or of the dimension"
    assert needed == set(ELSEWHERE), "an exception that is needed no more"


def test_each_choice_has_a_row_by_default() -> None:
    for dimension in DIMENSIONS.values():
        if isinstance(dimension, ChoiceDimension):
            assert dimension.default is None or dimension.default in dimension.table
            assert all(name in DIMENSIONS for name in dimension.own)


def names(module: Module) -> Iterator[str]:
    """Every identifier and text of a module."""
    for node in module.nodes:
        for field in ("id", "attr", "arg", "name", "value"):
            if isinstance(text := getattr(node, field, None), str):
                yield text


@pytest.mark.parametrize("dimension", ["momentum", "weight_decay", "ema_momentum"])
def test_a_number_of_an_optimizer_is_named_in_three_files(dimension: str) -> None:
    """Its row, its field of the recipe, its keyword of Keras; all else reads the table."""
    found = {module.path.relative_to(PACKAGE).as_posix() for module in modules() if dimension in names(module)}
    # values, and the rate that suits one; `OptimizerEntry.momentum`; that of batch normalization; Keras's attribute,
    # an input of a kernel
    others = {"search/default_initial_points.py", "search/portfolio.py", "runner/rate_ranges.py", "catalog/entries.py"}
    others |= {f"engines/compiled/{name}.py" for name in ("size_independent_layers", "optimizer_kernels")}
    assert found - others == {"catalog/dimensions.py", "catalog/recipe.py", "catalog/optimizers.py"}
