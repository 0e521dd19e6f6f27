"""README's commands, examples and table are true."""

from __future__ import annotations

import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest

from tuner.cli.group import COMMANDS
from tuner.engines import ENGINES
from tuner.search import PRUNERS, SAMPLERS
from tuner.study import read_study_dict

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_there_is_one_command_to_start_and_one_to_test():
    assert [block.count("\n") for block in blocks("sh")] == [1, 1]
    start, tests = blocks("sh")
    assert start.strip().endswith(".venv/bin/tuner run studies/digits.toml")
    assert tests.strip().endswith(".venv/bin/python -m pytest")


def test_ci_runs_the_command_of_the_readme():
    script = (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"grep -E -- '([^']+)'", script)
    found = [line for line in README.splitlines() if re.search(pattern, line)]
    assert found == [blocks("sh")[1].strip()]
    assert (PROJECT / ".ci" / "run").stat().st_mode & 0o111


def test_ci_is_a_script_that_bash_reads():
    done = subprocess.run(["bash", "-n", str(PROJECT / ".ci" / "run")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_study_file_is_accepted():
    (text,) = blocks("toml")
    spec = read_study_dict(tomllib.loads(text), PROJECT)
    assert spec.advice == ()
    assert {dimension.name for dimension in spec.space.searched} == {
        "optimizer",
        "learning_rate",
        "schedule",
        "model.units",
    }


@pytest.mark.slow
def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    Path("example.py").write_text(code, encoding="utf-8")
    names = runpy.run_path("example.py")
    assert 0.1 < float(capsys.readouterr().out.split()[0]) <= 1.0
    model, best = names["model"], names["best"]
    assert type(model.optimizer).__name__.lower() == best.optimizer.name
    assert best.compile(model) is model
    assert (tmp_path / "runs" / "tuner.db").is_file()


def test_what_works_today_counts_right():
    assert f"samplers ({len(SAMPLERS)}) and pruners ({len(PRUNERS)})" in README


@pytest.mark.parametrize("part", list(ENGINES))
def test_every_engine_is_named(part):
    assert re.search(rf"^\| .*`{part}`.* \| works \|$", README, re.MULTILINE)


def test_commands_that_are_absent_are_absent():
    rows = re.findall(r"^\| (.*?) \| absent", README, re.MULTILINE)
    assert not {name for row in rows for name in re.findall(r"`(\w+)`", row)} & set(COMMANDS)
