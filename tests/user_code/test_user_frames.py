"""Which frames of a traceback are the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner import user_code
from tuner.errors import ContentError
from tuner.user_code import Reference, user_frames


def raised(project: Path, source: str, helper: str = "") -> BaseException:
    (project / "own.py").write_text(source)
    (project / "helper.py").write_text(helper)
    build = user_code.load(project, Reference("own.py", "build"))
    with pytest.raises((ValueError, ZeroDivisionError)) as error:
        build()
    return error.value


def test_frames_of_the_project_are_kept_and_others_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    error = raised(
        tmp_path,
        "import json\nfrom helper import read\ndef build():\n    return read('{')\n",
        "import json\ndef read(text):\n    return json.loads(text)\n",
    )
    assert user_frames(error, tmp_path) == (
        "own.py, line 4, in build",
        "    return read('{')",
        "helper.py, line 3, in read",
        "    return json.loads(text)",
    )


def test_frames_of_the_cause_stand_in_for_those_of_a_wrapped_error(tmp_path: Path) -> None:
    cause = raised(tmp_path, "def build():\n    1 / 0\n")
    wrapped = RuntimeError("it could not be traced")
    wrapped.__cause__ = cause
    cause.__context__ = wrapped  # a circle ends
    assert user_frames(wrapped, tmp_path) == ("own.py, line 2, in build", "    1 / 0")
    assert user_frames(RuntimeError("never raised"), tmp_path) == ()


def test_frames_that_are_of_no_file_are_not_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("1 / 0\n")
    with pytest.raises(ContentError) as error:
        user_code.load(tmp_path, Reference("own.py", "build"))
    assert user_frames(error.value, tmp_path) == ("own.py, line 1, in <module>", "    1 / 0")


def test_a_deep_recursion_is_cut_to_its_end(tmp_path: Path) -> None:
    error = raised(tmp_path, "def build(n=50):\n    return build(n - 1) if n else 1 / 0\n")
    assert len(user_frames(error, tmp_path)) == 12


def test_installed_packages_inside_the_project_and_ours_are_not_the_users(tmp_path: Path) -> None:
    folder = tmp_path / ".venv/lib/site-packages"
    folder.mkdir(parents=True)
    (folder / "own.py").write_text("def build():\n    1 / 0\n")
    build = user_code.load(tmp_path, Reference(".venv/lib/site-packages/own.py", "build"))
    with pytest.raises(ZeroDivisionError) as error:
        build()
    assert user_frames(error.value, tmp_path) == ()
