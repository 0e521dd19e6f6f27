"""What functions and classes say of themselves, read from their source."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.errors import ContentError
from tuner.user_code import Reference, is_reference, read_definition

FILE = '''
def cost(a, b, scale=2.0, *, kind="mean", sizes=(1, 2), none=None, **more):
    """What it costs.

    More of it.
    """


cost.direction = "minimize"
cost.heads = {"binary": "sigmoid"}
cost.later = sum([1, 2])
other.direction = "maximize"


class Bent:
    heads = {"regression": "linear"}

    def __init__(self, power=-1, name=None):
        self.power = power


class Plain:
    pass
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(FILE, encoding="utf-8")
    return tmp_path


def test_a_function(project: Path) -> None:
    found = read_definition(project, Reference("own.py", "cost"))
    assert (found.is_class, found.required, found.summary) == (False, ("a", "b"), "What it costs.")
    assert found.options == {"scale": 2.0, "kind": "mean", "sizes": (1, 2), "none": None}
    assert found.attributes == {"direction": "minimize", "heads": {"binary": "sigmoid"}}


def test_a_class(project: Path) -> None:
    found = read_definition(project, Reference("own.py", "Bent"), skip=("name",))
    assert (found.is_class, found.required, found.options) == (True, (), {"power": -1})
    assert found.attributes == {"heads": {"regression": "linear"}}
    assert read_definition(project, Reference("own.py", "Plain")).options == {}


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ("[1]", "is one object that all calls share"),
        ("{}", "is one object that all calls share"),
        ("{i for i in (1, 2)}", "is one object that all calls share"),
        ("np.pi", "needs a literal default"),
        ("float('nan')", "needs a literal default"),
        ("b'x'", "The default of an option must be"),
        ("(1, b'x')", "The default of an option must be"),
    ],
)
def test_a_default_is_a_literal_that_cannot_change(tmp_path: Path, default: str, message: str) -> None:
    (tmp_path / "own.py").write_text(f"def cost(a, b, *, scale={default}):\n    pass\n", encoding="utf-8")
    with pytest.raises(ContentError, match=message):
        read_definition(tmp_path, Reference("own.py", "cost"))


def test_a_reference_is_told_from_a_name() -> None:
    assert is_reference("losses.py:tversky")
    assert is_reference("losses.py")
    assert not any(map(is_reference, ("huber", "losses tversky", 3, None, ["losses.py"])))


def test_a_reference_holds_no_control_character() -> None:
    with pytest.raises(ContentError, match="printable"):
        Reference.parse("a\nimport os #.py:cost", "")
