"""Every plot says what the study's numbers say, and says in words where it has nothing to show."""

from __future__ import annotations

import html
import json
import re

import optuna
import pytest
from mock_results import mock_results

from tuner.report import PLOTS, titled
from tuner.report.plots.curves import MOST_CURVES, chosen
from tuner.report.plots.style import ramp, value_axis
from tuner.report.study_view import Curve, load_view
from tuner.results import read_study_results
from tuner.storage import open_database


@pytest.fixture(scope="module")
def gathered(study):
    return load_view(study)


@pytest.fixture
def plain(tmp_path):
    """Make a study as plain Optuna does, and gather it."""
    database = open_database(f"sqlite:///{tmp_path}/plain.db", create=True)

    def make(name="plain", direction="minimize"):
        made = optuna.create_study(storage=database.optuna, study_name=name, direction=direction)
        return made, lambda: load_view(read_study_results(database, name))

    return make


def traces(figure):
    return json.loads(figure.to_json())["data"]


@pytest.mark.parametrize("name", PLOTS)
def test_each_is_a_figure_of_a_study_and_a_sentence_of_an_empty_one(name, gathered, plain):
    figure = PLOTS[name].build(gathered)
    assert figure.data
    json.loads(figure.to_json())
    assert titled(figure, "A <b>title</b>", 450).layout.title.text == "A &lt;b&gt;title&lt;/b&gt;"
    assert figure.layout.title.text is None
    _, read = plain()
    said = PLOTS[name].build(read())
    assert isinstance(said, str)
    assert said.endswith(".")


def test_the_history_ends_at_the_best_and_marks_what_has_no_value(gathered):
    by_name = {trace.name: trace for trace in PLOTS["history"].build(gathered).data}
    assert by_name["best so far"].y[-1] == gathered.best.value
    assert list(by_name["best so far"].y) == sorted(by_name["best so far"].y)
    complete = gathered.in_state("complete")
    assert list(by_name["complete"].x) == [seen.number for seen in complete]
    assert list(by_name["complete"].y) == [seen.value for seen in complete]
    assert list(by_name["diverged"].x) == [seen.number for seen in gathered.in_state("diverged")]
    assert by_name["diverged"].yaxis == "y2"


def test_learning_curves_are_there_once_for_each_dimension(gathered):
    figure = PLOTS["learning_curves"].build(gathered)
    entries = figure.layout.updatemenus[0].buttons
    assert [entry.label for entry in entries] == [
        *(f"by {name}" for name in gathered.by_importance),
        "by health",
        "by how the trial ended",
    ]
    visible = [trace.visible is not False for trace in figure.data]
    assert visible == list(entries[0].args[0]["visible"])
    having = [seen for seen in gathered.trials if seen.curve.epochs]
    for entry in entries:
        shown = [trace for trace, on in zip(figure.data, entry.args[0]["visible"], strict=True) if on]
        numbers = {number for trace in shown for number in trace.customdata}
        assert numbers == {seen.number for seen in having}
        assert sum(len(trace.x) for trace in shown) == sum(len(seen.curve.epochs) + 1 for seen in having)
    one = having[0]
    first = next(trace for trace in figure.data if one.number in trace.customdata)
    ys = [float(y) for y, number in zip(first.y, first.customdata, strict=True) if number == one.number]
    assert ys[:-1] == pytest.approx(one.curve.metric)
    assert ys[-1] != ys[-1]  # the gap behind a curve


def test_of_many_trials_the_best_and_a_sample_are_drawn(gathered):
    from dataclasses import replace

    one = gathered.in_state("complete")[0]
    many = []
    for number in range(3 * MOST_CURVES):
        trial = optuna.trial.create_trial(value=float(number % 1000))
        trial.number = number
        many.append(replace(one, trial=trial, value=trial.value, curve=Curve((1,), (0.5,))))
    drawn = chosen(gathered, many)
    assert len(drawn) == MOST_CURVES
    assert [seen.number for seen in drawn] == sorted({seen.number for seen in drawn})
    best = sorted(many, key=lambda seen: -seen.value)[: MOST_CURVES // 3]
    assert {seen.number for seen in best} <= {seen.number for seen in drawn}


def test_importances_are_those_of_compare(gathered):
    (bars,) = PLOTS["importances"].build(gathered).data
    rows = {row["name"]: row for row in gathered.importance["dimensions"]}
    assert dict(zip(bars.y, bars.x, strict=True)) == {name: row["share"] for name, row in rows.items()}
    assert list(bars.y)[-1] == gathered.by_importance[0]


def test_parallel_coordinates_show_where_a_dimension_does_not_count(gathered):
    (trace,) = PLOTS["parallel"].build(gathered).data
    by_label = {axis.label: axis for axis in trace.dimensions}
    complete = gathered.in_state("complete")
    assert set(by_label) == {*gathered.dimensions, "accuracy"}
    momentum = by_label["momentum"]  # which adagrad has none of
    absent = [seen.params["optimizer"] == "adagrad" for seen in complete]
    assert momentum.ticktext[0] == "–"
    assert [bool(value == momentum.tickvals[0]) for value in momentum.values] == absent
    assert any(absent)
    rates = by_label["learning_rate"]
    assert 10 ** float(rates.values[0]) == pytest.approx(complete[0].params["learning_rate"], rel=1e-5)


def test_heat_maps_hold_the_largest_number_of_each_trial_and_epoch(gathered):
    figure = PLOTS["trials_by_epoch"].build(gathered)
    shown = {trace.name: trace for trace in figure.data}
    assert [trace.visible is not False for trace in figure.data] == [True] + [False] * (len(figure.data) - 1)
    assert "share of saturated values" not in shown  # nobody measured any
    gradients = shown["gradient norm"]
    assert list(gradients.y) == [f"trial {number}" for number in sorted(gathered.probes)]
    for row, number in enumerate(sorted(gathered.probes)):
        for column, epoch in enumerate(gradients.x):
            looked = [probe for probe in gathered.probes[number][0] if str(probe.epoch) == epoch]
            layers = [layer.gradient_norm for probe in looked for layer in probe.layers]
            value = gradients.z[row][column]
            assert value is None if not layers else 10**value == pytest.approx(max(layers))
            assert (gathered.trials[number].verdict in gradients.text[row][column]) == bool(gradients.text[row][column])


def test_the_layers_of_the_best_trial_come_first(gathered):
    figure = PLOTS["layers_by_epoch"].build(gathered)
    labels = [button.label for button in figure.layout.updatemenus[0].buttons]
    assert labels[0].startswith(f"trial {gathered.best.number}, the best, ")
    assert len(labels) == len(figure.data)
    probes = gathered.probes[gathered.best.number][0]
    assert list(figure.data[0].x) == [str(probe.epoch) for probe in probes]
    assert list(figure.data[0].y) == [layer.layer for layer in probes[0].layers]


def test_epochs_spent_and_saved_add_up_to_the_plan(gathered):
    spent, saved = PLOTS["epochs_spent"].build(gathered).data
    assert sum(spent.x) == sum(seen.epochs for seen in gathered.trials)
    assert sum(spent.x) + sum(saved.x) == 5 * len(gathered.trials)


def test_pruned_trials_of_plain_optuna_have_curves(plain):
    study, read = plain(direction="maximize")
    for number in range(3):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        for step in range(4):
            trial.report(number / (step + 1), step)
        study.tell(trial, float(number))
    results = read()
    assert results.metric == "objective"
    assert results.trials[2].curve.metric == (2.0, 1.0, 2 / 3, 0.5)
    assert len(PLOTS["learning_curves"].build(results).data) > 1
    assert PLOTS["rate_curves"].build(results) == "No learning rates were recorded."


def test_text_of_a_study_is_text_in_every_plot(plain):
    evil = "<b>bold</b>&amp;<a href='https://evil.example'>x</a>"
    study, read = plain()
    for number in range(25):
        trial = study.ask()
        trial.suggest_categorical(evil, [evil, "b"])
        trial.suggest_float("x", 0, 1)
        trial.report(number, 1)
        study.tell(trial, float(number))
    failing = study.ask()
    failing.set_user_attr("outcome", {"state": "diverged", "reason": evil})
    study.tell(failing, state=optuna.trial.TrialState.FAIL)
    results = read()
    drawn = [plot.build(results) for plot in PLOTS.values()]
    said = [t for figure in drawn if not isinstance(figure, str) for t in texts(json.loads(figure.to_json()))]
    assert sum(html.escape(evil, quote=False) in text for text in said) >= 5
    assert any(html.escape(evil, quote=False)[:15] in text for text in said if text.endswith("…"))
    ours = re.compile(r"<br>|<extra>.*?</extra>")
    assert not [text for text in said if "<" in ours.sub("", text)]


def texts(content):
    """Every text in plain JSON."""
    if isinstance(content, str):
        return [content]
    if isinstance(content, dict) and content.get("dimensions"):  # reads no tags in the ticks of its axes
        content = {**content, "dimensions": [{**axis, "ticktext": None} for axis in content["dimensions"]]}
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else []
    return [text for part in inner for text in texts(part)]


def test_folds_are_averaged_and_planned(tmp_path):
    study = mock_results(
        tmp_path,
        budget={"trials": 4, "epochs": 5},
        data={"source": "iris", "validation": {"folds": 3}},
    )
    results = load_view(study)
    assert (results.folds, results.planned_epochs) == (3, 15)
    again = load_view(study, {seen.number: seen for seen in results.trials})
    assert again.trials == results.trials
    assert all(a is b for a, b in zip(again.trials, results.trials, strict=True))


def test_axes_fit_what_is_shown():
    assert value_axis("rmse", [0.001, 0.2, 5.0])["type"] == "log"
    assert value_axis("rmse", [1.0, 1.0]) == {"title": {"text": "rmse"}}
    far = value_axis("rmse", [*(1.0 + at / 100 for at in range(60)), 25.0])
    assert far["range"][1] < 5
    assert "double click" in far["title"]["text"]
    assert len(set(ramp(7))) == 7
    assert ramp(1)[0].startswith("#")
