"""What is read of a study file before the study."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.errors import StudyFileError
from tuner.study import StudyOutline, read_outline, read_study

PROJECT = Path(__file__).parents[2]


def outline(folder: Path, text: str) -> StudyOutline:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return read_outline(file)


def test_it_is_what_the_study_will_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    for name in ("digits", "digits_cnn", "wine_folds"):
        file = f"studies/{name}.toml"
        study, found = read_study(file), read_outline(file)
        assert (found.name, found.project, found.source) == (study.name, study.project, study.data.source)
        assert (found.workers, found.trials) == (study.workers, study.budget.trials)
        assert found.axes in (None, len(study.facts.input_shape))


def test_all_keys(tmp_path: Path) -> None:
    text = 'name = "other"\nworkers = 3\n[data]\nsource = "photos"\nshape = [8, 8, 3]\n[budget]\ntrials = 7\n'
    text += '[notify]\ncommand = "mail"\n'
    assert outline(tmp_path, text) == StudyOutline("other", tmp_path.resolve(), "photos", 3, 3, 7, "mail")


@pytest.mark.parametrize(
    "text",
    [
        "seed = 1",
        'workers = "two"\ndata = "rows.csv"\nbudget = 3\nnotify = "mail"',
        "workers = -1\n[data]\nsource = 1\nshape = 5\n[budget]\ntrials = true\n[notify]\ncommand = [1]",
    ],
)
def test_what_is_wrong_counts_as_missing(tmp_path: Path, text: str) -> None:
    assert outline(tmp_path, text) == StudyOutline("mine", tmp_path.resolve(), None, None, None, None, None)


@pytest.mark.parametrize("text", ["", "= 1", "a = 1\na = 2"])
def test_what_cannot_be_parsed(tmp_path: Path, text: str) -> None:
    with pytest.raises(StudyFileError):
        outline(tmp_path, text)
