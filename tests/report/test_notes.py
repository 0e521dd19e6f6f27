"""Notes are Markdown in which texts of a study stay text; pictures are SVG that holds nothing else."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import optuna
import pytest

from tuner.report import load_view, study_note, trial_note, trial_picture
from tuner.report.markdown_escaping import fenced, plain, table
from tuner.results import Curve, read_study_results
from tuner.storage import open_database

EVIL = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) | ``` `x` www.evil.example a@b.c\n# title"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("learning_rate 0.1 - x", r"learning\_rate 0.1 - x"),
        ("# a", r"\# a"),
        ("- a", r"\- a"),
        ("12. a", r"12\. a"),
        ("a | b\n\nc", r"a \| b c"),
        ("<b>&amp;", r"\<b\>\&amp;"),
        ("![x](y)", r"!\[x\](y)"),
        ("https://a www.b a@b", r"https\://a www\.b a\@b"),
    ],
)
def test_what_markdown_would_read_is_escaped(text, escaped):
    assert plain(text) == escaped


def test_tables_and_code_keep_their_form():
    assert table(["a", "b|"], [[1, "x\ny"]], 1) == "| a | b\\| |\n| ---: | --- |\n| 1 | x y |"
    assert fenced("a\n```\nb\n", "toml") == "````toml\na\n```\nb\n````"


def test_hostile_text_is_escaped_in_every_note(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/evil.db", create=True)
    study = optuna.create_study(storage=database.optuna, study_name=EVIL)
    trial = study.ask()
    trial.suggest_categorical(EVIL, [EVIL, "b"])
    trial.set_user_attr("outcome", {"state": "failed", "reason": EVIL})
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
    trial = study.ask()
    trial.suggest_categorical(EVIL, [EVIL, "b"])
    study.tell(trial, 1.0)
    results = load_view(read_study_results(database, EVIL))
    for note in (study_note(results), trial_note(results, results.trials[0], {"head": EVIL}, None)):
        outside = re.sub(r"(`{3,})toml\n.*?\n\1", "", note, flags=re.DOTALL)
        assert not re.search(r"(?<!\\)[<\[`]", outside)
        assert "www\\.evil" in outside
        assert len(note) > len(outside) or "toml" not in note


def test_a_picture_has_a_line_for_each_curve_and_gaps_where_numbers_are_missing(study):
    results = load_view(study)
    seen = results.in_state("complete")[0]
    root = ElementTree.fromstring(trial_picture(results, seen))
    tags = [element.tag.partition("}")[2] for element in root.iter()]
    assert tags.count("polyline") == 4
    assert set(tags) == {"svg", "title", "style", "rect", "line", "text", "g", "polyline"}
    from dataclasses import replace

    gap = replace(seen, curve=Curve((1, 2, 3, 4), (0.1, 0.2, None, 0.4), (None,) * 4, (None,) * 4, (None,) * 4))
    drawn = trial_picture(results, gap)
    assert (drawn.count("<polyline"), drawn.count("<circle")) == (1, 1)
    assert ">loss<" not in drawn
    assert "@media (prefers-color-scheme: dark)" in drawn
    assert not re.search(r'(fill|stroke)="#(?!0072B2|D55E00)', drawn), "the others follow the scheme"
    assert trial_picture(results, replace(seen, curve=Curve())) is None


def test_the_epoch_that_gave_the_model_is_marked_if_training_went_on(study):
    from dataclasses import replace

    results = load_view(study)
    seen = results.in_state("complete")[0]
    epochs = len(seen.curve.epochs)

    def shown(*selected):
        trial = replace(seen.trial, user_attrs={**seen.trial.user_attrs, "selected_epochs": list(selected)})
        marked = replace(seen, trial=trial)
        return trial_picture(results, marked).count('class="mark"'), trial_note(results, marked, None, None)

    lines, note = shown(epochs - 1)
    assert lines == 3
    assert f"epoch {epochs - 1} gave its model" in note
    assert shown(epochs)[0] == shown()[0] == 0
    assert "its model" not in shown(epochs)[1] + shown()[1]


@pytest.mark.parametrize("values", [(5.0,), (0.0, 0.0), (1e-12, 1e12), (-3.0, 2e9, 1.0), (0.02, 0.5)])
def test_every_curve_lies_inside_its_panel(study, values):
    from dataclasses import replace

    results = load_view(study)
    count = len(values)
    curve = Curve(tuple(range(1, count + 1)), values, (None,) * count, (None,) * count, (None,) * count)
    drawn = trial_picture(results, replace(results.trials[0], curve=curve))
    line = re.search(r'points="([^"]+)"', drawn)
    points = line[1].split() if line else [",".join(re.search(r'cx="(.+?)" cy="(.+?)"', drawn).groups())]
    assert len(points) == count
    for point in points:
        x, y = map(float, point.split(","))
        assert 0 <= x <= 960
        assert 38 <= y <= 234
    assert drawn.count("<line") >= 1
