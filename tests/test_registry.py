"""Name tables."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tuner.errors import UnknownNameError
from tuner.registry import Registry


@dataclass(frozen=True)
class Row:
    name: str


TABLE = Registry("thing", Row("second"), Row("first"))


def test_rows_by_name_in_their_order() -> None:
    assert TABLE["first"] == Row("first")
    assert list(TABLE) == ["second", "first"]
    assert list(TABLE.values()) == [Row("second"), Row("first")]
    assert len(TABLE) == 2
    assert "first" in TABLE


@pytest.mark.parametrize("given", ["frist", "", None, 3, ["first"], {"first": 1}])
def test_what_is_no_name_is_refused_and_never_a_type_error(given: object) -> None:
    assert given not in TABLE
    with pytest.raises(UnknownNameError, match="There is no thing"):
        TABLE[given]  # type: ignore[index]


@pytest.mark.parametrize("given", ["frist", "", None, 3, ["first"]])
def test_get_returns_the_default_without_a_row(given: object) -> None:
    assert TABLE.get("first") == Row("first")
    assert TABLE.get(given) is None
    assert TABLE.get(given, "none") == "none"
    assert not TABLE.is_built_in(given)


def test_rows_of_user_code_are_found_but_neither_listed_nor_built_in() -> None:
    table = Registry("thing", Row("first"))
    table.add_user_row(Row("mine.py:own"))
    assert "mine.py:own" in table
    assert table["mine.py:own"] == table.get("mine.py:own") == Row("mine.py:own")
    assert list(table) == ["first"]
    assert [name for name in ("first", "mine.py:own") if table.is_built_in(name)] == ["first"]


def test_the_nearest_name_is_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'first'"):
        TABLE["frist"]


def test_two_rows_of_one_name() -> None:
    with pytest.raises(ValueError, match="Two rows of the thing table have the same name"):
        Registry("thing", Row("a"), Row("a"))
