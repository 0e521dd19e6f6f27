"""The tree of errors, its exit codes, and how messages are built."""

from __future__ import annotations

import inspect
import re

import pytest

from tuner import errors
from tuner.errors import Problem, StudyFileError, TunerError, UnknownNameError, nearest, shown, split_sentence

CLASSES = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, Exception) and not issubclass(value, Warning)
]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_stands_in_the_tree_with_its_exit_code(error: type[TunerError]) -> None:
    (line,) = [line for line in (errors.__doc__ or "").splitlines() if error.__name__ in line]
    code = re.search(r"\b[1-3]\b", line)
    assert issubclass(error, TunerError)
    assert error.exit_code == (int(code[0]) if code else error.__bases__[0].exit_code)


@pytest.mark.parametrize(
    ("given", "expected"), [("adm", "adam"), ("ADAM", "adam"), ("sgdd", "sgd"), ("zzz", None), (7, None), ("", None)]
)
def test_the_nearest_name(given: object, expected: str | None) -> None:
    assert nearest(given, ["sgd", "adam", "rmsprop"]) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [("mse", "mean_squared_error"), ("MAE", "mean_absolute_error"), ("lr", "learning_rate"), ("h", None), ("ms", None)],
)
def test_initials_are_understood(given: str, expected: str | None) -> None:
    names = ["huber", "mean_squared_error", "mean_absolute_error", "learning_rate"]
    assert nearest(given, names) == expected


def test_an_unknown_name_says_what_is_known() -> None:
    error = UnknownNameError("optimizer", "adm", ["sgd", "adam"])
    assert str(error) == "There is no optimizer 'adm'. Did you mean 'adam'? Known: sgd, adam."
    assert (error.family, error.given, error.allowed, error.nearest) == ("optimizer", "adm", ("sgd", "adam"), "adam")
    assert "Did you mean" not in str(UnknownNameError("optimizer", "zzz", ["sgd"]))


def test_a_report_lists_all_problems() -> None:
    problems = [
        Problem("search.lr", "there is no such dimension", "0.1", "names", "learning_rate", "Rename it."),
        Problem("", "the file is empty"),
    ]
    text = str(StudyFileError("a.toml", problems))
    assert text.splitlines() == [
        "a.toml: 2 problems",
        "  search.lr: there is no such dimension",
        "      given:   0.1",
        "      allowed: names",
        "      nearest: learning_rate",
        "      next:    Rename it.",
        "  the file: the file is empty",
    ]
    assert str(StudyFileError("a.toml", problems[1:])).startswith("a.toml: 1 problem\n")


def test_long_values_are_cut() -> None:
    assert shown([1, 2]) == "[1, 2]"
    assert len(shown("x" * 500)) == 80
    assert shown("x" * 500, limit=10) == "'xxxxxxxx…"


@pytest.mark.parametrize(
    ("text", "first", "rest"),
    [
        ("It is cut. Check it. Or not.", "It is cut", "Check it. Or not."),
        ("It is cut, e.g. in line 2.", "It is cut, e.g. in line 2", ""),
        (
            "It is cut, e.g. In line 2. `tuner check` says where.",
            "It is cut, e.g. In line 2",
            "`tuner check` says where.",
        ),
        ("0.5. Write 1.5.", "0.5", "Write 1.5."),
        ("Lines of (a, b). 3 are cut.", "Lines of (a, b)", "3 are cut."),
        ("", "", ""),
    ],
)
def test_the_first_sentence(text: str, first: str, rest: str) -> None:
    assert split_sentence(text) == (first, rest)
