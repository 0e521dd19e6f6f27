"""`tuner export` writes what it says, and over nothing."""

from __future__ import annotations

import csv
import json
import os
import threading
import tomllib

import mock_study
import pandas
import pytest
from click.testing import CliRunner

import tuner
from tuner.cli.group import tuner as command
from tuner.cli.options import default_file
from tuner.errors import UsageError
from tuner.export import csv_tables
from tuner.storage import open_database


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    database = open_database(f"sqlite:///{folder}/tuner.db", create=True)
    mock_study.run(mock_study.spec_of(folder, budget={"trials": 3, "epochs": 1}), database)
    return database.url


def call(url, *arguments):
    return CliRunner().invoke(command, ["export", "mock", "--storage", url, *map(str, arguments)])


def test_standard_output_holds_the_document_alone(url):
    content = json.loads(call(url).stdout)
    assert content["study"] == "mock"
    found = tomllib.loads(call(url, "--format", "toml", "--trial", content["trial"]).stdout)
    assert found["recipe"]["seed"] == content["recipe"]["seed"]


def test_files(url, tmp_path):
    output, rows = tmp_path / "best.json", tmp_path / "rows.npz"
    result = call(url, "-o", output, "--data", rows)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert json.loads(output.read_text(encoding="utf-8"))["metric"] == "accuracy"
    assert rows.is_file()
    output.write_text("mine", encoding="utf-8")
    assert isinstance(call(url, "-o", output).exception, UsageError)
    assert output.read_text(encoding="utf-8") == "mine"
    assert call(url, "-o", output, "--force").exit_code == 0
    assert isinstance(call(url, "--data", tmp_path / "rows.csv").exception, UsageError)


@pytest.mark.parametrize("name", ["best.toml", "best.TOML", "best.json", ".json"])
def test_the_ending_of_the_file_names_the_format(url, tmp_path, name):
    """`tuner.best("best.toml")`, which the command prints, refused JSON of that name."""
    result = call(url, "-o", tmp_path / name)
    assert result.exit_code == 0, result.output
    text = (tmp_path / name).read_text(encoding="utf-8")
    content = tomllib.loads(text) if name.lower().endswith(".toml") else json.loads(text)
    assert content["study"] == "mock"
    assert tuner.best(tmp_path / name).metric == "accuracy"


@pytest.mark.parametrize(
    ("arguments", "endings"),
    [
        (["-o", "best"], ".json or .toml or .py or .csv"),
        (["-o", "best.yaml"], ".json or .toml or .py or .csv"),
        (["-o", "best.keras"], ".json or .toml or .py or .csv"),
        (["--format", "toml", "-o", "best.json"], ".toml"),
        (["--format", "json", "-o", "best.toml"], ".json"),
        (["--format", "python", "-o", "best.txt"], ".py"),
        (["--format", "csv", "-o", "all.xlsx"], ".csv"),
        (["--data", "rows.csv"], ".npz"),
    ],
)
def test_a_file_with_the_ending_of_another_format_is_refused(url, tmp_path, monkeypatch, arguments, endings):
    """Such a recipe was written, and `tuner.best`, which the command named next, could not read it."""
    monkeypatch.chdir(tmp_path)
    assert f"must end in {endings}, but got" in str(call(url, *arguments).exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "read"), [((), json.loads), (("--format", "toml"), tomllib.loads)])
def test_a_pipe_or_device_needs_no_ending(url, tmp_path, kind, read):
    """`-o >(cat > FILE)` and `-o /dev/stdout` were refused for their names."""
    pipe, texts = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: texts.append(pipe.read_text(encoding="utf-8")), daemon=True)
    reader.start()
    result = call(url, *kind, "-o", pipe, "--force")
    assert result.exit_code == 0, result.output
    reader.join(timeout=10)
    assert read(texts[0])["study"] == "mock"
    assert pipe.is_fifo()
    assert call(url, *kind, "-o", os.devnull, "--force").exit_code == 0
    assert "already exists" in str(call(url, *kind, "-o", pipe).exception)
    tables = call(url, "--format", "csv", "-o", pipe, "--force")
    assert "must end in .csv" in str(tables.exception), "these are two files"


def test_the_ending_of_a_table_is_one_of_a_spreadsheet(url, tmp_path):
    assert call(url, "-o", tmp_path / "all.csv").exit_code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["all.csv", "all_epochs.csv"]


def test_tables_for_a_spreadsheet(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(url, "--format", "csv")
    assert result.exit_code == 0, result.output
    assert "Wrote mock_trials.csv" in result.stderr
    texts = [(tmp_path / name).read_text(encoding="utf-8") for name in ("mock_trials.csv", "mock_epochs.csv")]
    trials, epochs = (list(csv.DictReader(text.splitlines())) for text in texts)
    assert [row["number"] for row in trials] == ["0", "1", "2"]
    assert {row["optimizer"] for row in trials} <= {"sgd", "adam", "adagrad"}
    assert [(row["trial"], row["epoch"]) for row in epochs] == [("0", "1"), ("1", "1"), ("2", "1")]
    assert isinstance(call(url, "--format", "csv").exception, UsageError)
    assert call(url, "--format", "csv", "--force").exit_code == 0


def test_no_text_of_a_table_is_a_formula(study, monkeypatch):
    frame = pandas.DataFrame({"=a": ["=1+1", None, "-2.5"]}, index=pandas.Index([0, 1, 2], name="number"))
    monkeypatch.setattr(csv_tables, "trials_frame", lambda study: frame)
    assert csv_tables.trials_csv(study).splitlines() == ["number,'=a", "0,'=1+1", "1,", "2,-2.5"]


def test_a_study_may_have_any_name():
    assert str(default_file("../a b/=x", ".csv")) == "a_b_x.csv"
    assert str(default_file("…", ".html")) == "study.html"
    assert str(default_file("研" * 100, "_epochs.csv")) == "研" * 50 + "_epochs.csv"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["best.keras"], "but got no --format. Give one of them"),
        (["best.keras", "--format", "json", "-o", "x"], "but got the format json"),
        (
            ["best.keras", "--format", "litert", "-o", "m.tflite", "--trial", "3"],
            "--trial can be given only for a study",
        ),
        (["mock", "--check", "d.csv"], "--check can be given only for a model"),
        (
            ["mock", "--format", "litert", "-o", "m.tflite"],
            "'mock' is a study. Train one first: tuner train mock -o best",
        ),
    ],
)
def test_a_study_and_a_model_are_told_apart(arguments, words):
    result = CliRunner().invoke(command, ["export", *arguments])
    assert isinstance(result.exception, UsageError)
    assert words in str(result.exception)
