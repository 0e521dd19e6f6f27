"""Values of `[search.model]` against the annotations and defaults of the model's function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tuner import user_code
from tuner.errors import Problem, StudyFileError
from tuner.space import Categorical, Fixed, Float, Int, Parameter
from tuner.study import read_study_dict
from tuner.study.problems import Problems
from tuner.study.search.model_keyword_check import check_keyword


def signature(tmp_path: Path, argument: str) -> user_code.Signature:
    (tmp_path / "m.py").write_text(f"def build(inputs, outputs, *, {argument}): ...\n")
    return user_code.read_signature(tmp_path, user_code.Reference("m.py", "build"))


def problem(tmp_path: Path, argument: str, given: Any, parameter: Parameter) -> Problem | None:
    problems = Problems()
    fits = check_keyword("x", given, parameter, signature(tmp_path, argument), problems)
    assert fits == (not problems.found)
    return problems.found[0] if problems.found else None


@pytest.mark.parametrize(
    ("argument", "parameter"),
    [
        ("x: int", Fixed(-3)),
        ("x: int", Int(1, 8)),
        ("x: float", Fixed(3)),
        ("x: float", Float(0.1, 0.5)),
        ("x: int | list[int] = 3", Categorical((8, (8, 16)))),
        ("x: Sequence[int] = (8, 16)", Categorical(((8, 16), (16, 32)))),
        ("x: 'typing.Optional[int]' = None", Categorical((1, 2))),
        ("x: Literal['max', 'mean']", Categorical(("max", "mean"))),
        ("x: tuple[int, str]", Fixed((3, "same"))),
        ("x: tuple[float, ...]", Fixed((0.1, 1, 2.5))),
        ("x: list[list[int]]", Fixed(((1, 2), (3,)))),
        ("x: Annotated[int, 'units']", Fixed(3)),
        ("x: int = 'auto'", Categorical((3, "auto"))),
        ("x: Own | int", Fixed("anything")),
        ("x: keras.layers.Layer", Fixed("anything")),
        ("x", Fixed("anything")),
        ("x=None", Fixed("anything")),
        ("x=DEFAULT", Fixed("anything")),
        ("x=1", Fixed(0.5)),
        ("x=(8, 16)", Fixed((8.5,))),
        ("y=1, **more", Fixed("anything")),
    ],
)
def test_values_that_the_function_takes(tmp_path: Path, argument: str, parameter: Parameter) -> None:
    assert problem(tmp_path, argument, None, parameter) is None


@pytest.mark.parametrize(
    ("argument", "given", "parameter", "allowed", "step"),
    [
        ("x: Sequence[int] = (8,)", [8, 16], Categorical((8, 16)), "a list of whole numbers", "x = [[8, 16]] for one"),
        ("x: list[int]", 8, Fixed(8), "a list of whole numbers", "Write x = [[8]] for one list"),
        ("x=(8, 16)", [8, 16], Categorical((8, 16)), "a list", "Write x = [[8, 16]]"),
        ("x: int", [[8, 16]], Categorical(((8, 16),)), "a whole number", "Write x = [8, 16] to try each"),
        ("x: int", "8", Fixed("8"), "a whole number", "Write 8, without quotes"),
        ("x: int", "many", Fixed("many"), "a whole number", "Write a whole number, or correct the annotation"),
        ("x: int", 8.0, Fixed(8.0), "a whole number", "Write 8 in place of 8.0"),
        ("x: int", True, Fixed(True), "a whole number", "Write a whole number"),
        ("x: int", {"low": 1.0, "high": 8.0}, Float(1.0, 8.0), "a whole number", "x = { low = 8, high = 64 }"),
        ("x: float | None = None", "high", Fixed("high"), "a number", "Write a number"),
        ("x: bool = False", 1, Fixed(1), "true or false", "Write true or false"),
        ("x: str", 3, Fixed(3), "a text", "Write a text"),
        ("x: Literal['max', 'mean']", "min", Fixed("min"), '"max", "mean"', "Write "),
        ("x: tuple[int, int]", [[1, 2, 3]], Categorical(((1, 2, 3),)), "a list of 2 values", "Write a list of 2"),
        ("x=64", "wide", Fixed("wide"), "a number", "say so with an annotation"),
    ],
)
def test_a_value_that_it_does_not_take_is_named_with_the_next_step(
    tmp_path: Path, argument: str, given: Any, parameter: Parameter, allowed: str, step: str
) -> None:
    found = problem(tmp_path, argument, given, parameter)
    assert found is not None
    assert found.key == "search.model.x"
    assert f"`{argument.partition(' = ')[0]}`" in found.rule
    assert allowed in (found.allowed or "")
    assert step in (found.next_step or "")


def test_a_study_with_one_list_where_a_choice_of_lists_belongs_is_refused() -> None:
    content = {
        "name": "a",
        "model": "models/cnn.py",
        "data": {"source": "digits", "shape": "image"},
        "search": {"model": {"filters": [8, 16], "kernel_size": "3"}},
    }
    with pytest.raises(StudyFileError) as raised:
        read_study_dict(content, Path(__file__).parents[2])
    found = {one.key: one for one in raised.value.problems}
    assert "Write filters = [[8, 16]] for one list" in str(found["search.model.filters"].next_step)
    assert found["search.model.kernel_size"].next_step == "Write 3, without quotes."
