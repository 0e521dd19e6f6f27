"""What a worker spares itself while it imports Keras."""

from __future__ import annotations

import importlib
import sys
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol, runtime_checkable

import pytest

from tuner.worker.loop import _cache_protocol_members, _hide_modules


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three modules of which one is imported; `asks` can do without `heavy`."""
    (tmp_path / "heavy_module.py").write_text("")
    (tmp_path / "light_module.py").write_text("")
    (tmp_path / "asks_module.py").write_text(
        "try:\n    import heavy_module as heavy\nexcept ImportError:\n    heavy = None\nimport light_module as light\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("heavy_module", "asks_module", "light_module"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.import_module("light_module")


@pytest.mark.usefixtures("modules")
def test_an_import_does_without_what_is_hidden_and_a_later_one_gets_it() -> None:
    with _hide_modules("heavy_module", "light_module"):
        asks = importlib.import_module("asks_module")
    assert asks.heavy is None
    assert asks.light is sys.modules["light_module"], "what is imported already stays"
    assert importlib.import_module("heavy_module").__name__ == "heavy_module"


@pytest.mark.usefixtures("modules")
def test_an_error_hides_nothing_for_good() -> None:
    with pytest.raises(RuntimeError), _hide_modules("heavy_module"):
        raise RuntimeError
    assert importlib.import_module("heavy_module").__name__ == "heavy_module"


def test_the_members_of_a_protocol_are_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[type] = []

    @runtime_checkable
    class Sized(Protocol):
        size: int

    def list_members(cls: type) -> set[str]:
        listed.append(cls)
        return {"size"}

    monkeypatch.setattr(typing, "_get_protocol_attrs", list_members, raising=False)
    _cache_protocol_members()
    assert [isinstance(one, Sized) for one in (SimpleNamespace(size=1), 2, SimpleNamespace(), 3)] == [True] + 3 * [
        False
    ]
    assert len(listed) <= 1, "and never from Python 3.12 on, which lists them when the class is made"
