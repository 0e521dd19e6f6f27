"""The one door to model, study and data files: references, hashes, what the package carries."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tuner import user_code
from tuner.errors import ContentError
from tuner.user_code import Reference


def write(project: Path, path: str, text: str) -> Path:
    file = project / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "path", "function"),
    [
        ("models/mlp.py", "models/mlp.py", "build"),
        ("models/mlp.py:other", "models/mlp.py", "other"),
        ("models\\mlp.py:other", "models/mlp.py", "other"),
        ("./models//mlp.py", "models/mlp.py", "build"),
        ("mine.py:", "mine.py", "build"),
    ],
)
def test_references(text: str, path: str, function: str) -> None:
    assert Reference.parse(text, "build") == Reference(path, function)


def test_a_reference_as_text_is_read_again() -> None:
    assert Reference.parse(str(Reference("a/b.py", "f")), "build") == Reference("a/b.py", "f")


@pytest.mark.parametrize(
    "text",
    ["/etc/passwd.py", "../other.py", "models/../../x.py", "..\\x.py", "C:\\x.py", "a.py:f:g", "models/mlp", "", ":f"],
)
def test_a_reference_must_stay_in_the_project_and_be_python(text: str) -> None:
    with pytest.raises(ContentError, match=r"A reference must"):
        Reference.parse(text, "build")


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    outside = write(tmp_path, "outside/evil.py", "def build(): ...\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "evil.py").symlink_to(outside)
    with pytest.raises(ContentError, match=r"There is no file 'evil.py'"):
        user_code.load(project, Reference("evil.py", "build"))
    (project / "models").symlink_to(outside.parent)
    with pytest.raises(ContentError, match="There is no file"):
        user_code.find_file(project, "models/evil.py")


def test_the_project_comes_before_what_the_package_carries(tmp_path: Path) -> None:
    carried = user_code.find_file(tmp_path, "models/mlp.py")
    assert not carried.is_relative_to(tmp_path)
    own = write(tmp_path, "models/mlp.py", "def build(): ...\n")
    assert user_code.find_file(tmp_path, "models/mlp.py") == own.resolve()
    write(tmp_path, "models/zebra.py", "")
    write(tmp_path, "models/_private.py", "")
    files = user_code.list_files(tmp_path, "models")
    assert own in files
    assert [file.name for file in files].count("mlp.py") == 1
    assert {"mlp.py", "cnn.py", "zebra.py"} <= {file.name for file in files}
    assert "_private.py" not in {file.name for file in files}


def test_a_missing_file_has_a_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"no file 'models/mpl.py' .* Did you mean 'models/mlp.py'\?"):
        user_code.find_file(tmp_path, "models/mpl.py")
    with pytest.raises(ContentError, match="There is no file 'models'"):
        user_code.find_file(tmp_path, "models")


@pytest.mark.parametrize(("file", "project"), [("p/studies/a.toml", "p"), ("p/a.toml", "p"), ("p/x/a.toml", "p/x")])
def test_the_project_of_a_study_file(tmp_path: Path, file: str, project: str) -> None:
    assert user_code.find_project(tmp_path / file) == tmp_path / project


def test_the_signature_is_read_without_running_the_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        "m.py",
        "raise RuntimeError('it was run')\n"
        "def build(inputs, outputs, *, units, rate=0.1, sizes=(1, 2)): ...\n"
        "def open_one(inputs, outputs, *, a=1, **more): ...\n",
    )
    found = user_code.read_signature(tmp_path, Reference("m.py", "build"))
    assert found == user_code.Signature({"units": None, "rate": "0.1", "sizes": "(1, 2)"}, open=False)
    assert found.takes("units")
    assert not found.takes("inputs")
    assert user_code.read_signature(tmp_path, Reference("m.py", "open_one")).takes("anything")


@pytest.mark.parametrize("text", ["def build(:\n", "\x00", "def build():\n  \tpass\n pass\n"])
def test_a_file_that_is_not_python(tmp_path: Path, text: str) -> None:
    write(tmp_path, "m.py", text)
    with pytest.raises(ContentError, match=r"m\.py is not valid Python"):
        user_code.read_signature(tmp_path, Reference("m.py", "build"))
    with pytest.raises(ContentError, match=r"m\.py is not valid Python"):
        user_code.load(tmp_path, Reference("m.py", "build"))


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_bytes("# größer\ndef build(): ...\n".encode("latin-1"))
    with pytest.raises(ContentError, match="not valid Python"):
        user_code.read_signature(tmp_path, Reference("m.py", "build"))


def test_a_missing_function_has_a_nearest_one(tmp_path: Path) -> None:
    write(tmp_path, "m.py", "from os.path import join\ndef build(): ...\nother = 3\n")
    expected = r"m\.py has no function 'bild'\. Did you mean 'build'\? It has: build\."
    with pytest.raises(ContentError, match=expected):
        user_code.read_signature(tmp_path, Reference("m.py", "bild"))
    with pytest.raises(ContentError, match=expected):
        user_code.load(tmp_path, Reference("m.py", "bild"))
    with pytest.raises(ContentError, match="no function 'other'"):
        user_code.load(tmp_path, Reference("m.py", "other"))


def test_a_file_that_was_just_written_again_is_run_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's cache knows a file by its size and the second in which it was written."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for number in range(5):
        write(tmp_path, "m.py", f"def build(): return {number}\n")
        assert user_code.load(tmp_path, Reference("m.py", "build"))() == number
    assert not (tmp_path / "__pycache__").exists()


def test_another_content_than_expected_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "m.py", "def build(): return 1\n")
    digest = user_code.sha256(file)
    assert user_code.load(tmp_path, Reference("m.py", "build"), digest)() == 1
    file.write_text("def build(): return 2\n", encoding="utf-8")
    with pytest.raises(ContentError, match=rf"m\.py has changed since .*expected {digest[:12]}.* Restore the file"):
        user_code.load(tmp_path, Reference("m.py", "build"), digest)
    assert user_code.load(tmp_path, Reference("m.py", "build"))() == 2


def test_a_file_is_run_once_for_its_content(tmp_path: Path) -> None:
    write(tmp_path, "m.py", "calls = []\ndef build():\n    calls.append(1)\n    return len(calls)\n")
    assert [user_code.load(tmp_path, Reference("m.py", "build"))() for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import keras_of_mine\n", r"m\.py fails when it is loaded \(line 1\): ModuleNotFoundError: No module named"),
        ("x = 1\n\ny = x / 0\n", r"\(line 3\): ZeroDivisionError: division by zero"),
        ("def f():\n    exit(3)\nf()\n", r"\(line 2\): SystemExit: 3"),
    ],
)
def test_a_file_that_fails_says_where(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "m.py", text)
    for _ in range(2):  # the second time nothing half loaded may lie around
        with pytest.raises(ContentError, match=message):
            user_code.load(tmp_path, Reference("m.py", "build"))
