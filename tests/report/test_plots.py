"""Every plot says what the study's numbers say, and says in words where it has nothing to show."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from dataclasses import replace

import mock_study
import numpy as np
import optuna
import pytest
from mock_results import mock_results

from tuner.engines import NetworkSize
from tuner.report import PLOTS, study_body, with_menus
from tuner.report.plots.curves import MOST_CURVES, chosen
from tuner.report.plots.style import epoch_axis, hover_format, ramp
from tuner.report.plots.trial_curves import trial_curves
from tuner.report.plots.value_range import ValueRange
from tuner.report.study_view import load_view
from tuner.report.trial_page import trial_body
from tuner.results import Curve, read_study_results
from tuner.storage import open_database

FEW = {"trials": 6, "epochs": 1}


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
    assert figure.layout.title.text is None
    assert not figure.layout.updatemenus  # the page has controls of its own
    _, read = plain()
    said = PLOTS[name].build(read())
    assert isinstance(said, str)
    assert said.endswith(".")


def decoded(array):
    """The numbers of an array as Plotly writes it."""
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])


def controls(figure):
    """The options of each control by its label."""
    return {one["label"]: one["options"] for one in figure.layout.meta["controls"]}


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
    entries = controls(figure)["color"]
    assert [entry["label"] for entry in entries] == [
        *(f"by {name}" for name in gathered.by_importance),
        "by health",
        "by how the trial ended",
    ]
    visible = [trace.visible is not False for trace in figure.data]
    assert visible == list(entries[0]["traces"]["visible"])
    having = [seen for seen in gathered.trials if seen.curve.epochs]
    for entry in entries:
        shown = [trace for trace, on in zip(figure.data, entry["traces"]["visible"], strict=True) if on]
        shown = [trace for trace in shown if trace.name != "out of range"]
        numbers = {number for trace in shown for number in trace.customdata}
        assert numbers == {seen.number for seen in having}
        assert sum(len(trace.x) for trace in shown) == sum(len(seen.curve.epochs) + 1 for seen in having)
    one = having[0]
    first = next(trace for trace in figure.data if one.number in trace.customdata)
    ys = [float(y) for y, number in zip(first.y, first.customdata, strict=True) if number == one.number]
    assert ys[:-1] == pytest.approx(one.curve.metric)
    assert ys[-1] != ys[-1]  # the gap behind a curve
    assert list(figure.layout.xaxis.tickvals) == [1, 2, 3, 4, 5]


def test_rates_are_shown_if_a_schedule_was_searched(tmp_path):
    search = {"optimizer": ["sgd"], "learning_rate": {"low": 0.01, "high": 0.1}}
    budget = {"trials": 3, "epochs": 2}
    fixed = load_view(mock_results(tmp_path, search=search, budget=budget))
    assert not PLOTS["rate_curves"].tells(fixed)
    assert "Learning-rate curves" not in study_body(fixed)
    searched = {**search, "schedule": ["constant", "cosine"]}
    assert (
        PLOTS["rate_curves"].build(load_view(mock_results(tmp_path, name="two", search=searched, budget=budget))).data
    )


def test_of_many_trials_the_best_and_a_sample_are_drawn(gathered):

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


@pytest.mark.parametrize("upright", [True, False])
def test_parallel_coordinates_begin_with_the_objective_and_fit_what_mattered(gathered, upright):
    figure = PLOTS["parallel"].build(gathered)
    shown = figure.to_plotly_json() if upright else figure.layout.meta["narrow"]
    names = [note["text"] for note in shown["layout"]["annotations"] if "weight" in note["font"]]
    assert names == ["accuracy", *gathered.by_importance[:6]]
    best = next(trace for trace in shown["data"] if trace["name"] == "best tenth")
    across, along = (decoded(best[axis]) for axis in ("xy" if upright else "yx"))
    count = len(names) + 1  # the gap behind a line
    assert len(across) == count * max(3, math.ceil(len(gathered.ranking) / 10))
    assert [float(at) for at in across[: count - 1]] == list(range(count - 1))
    assert math.isnan(across[count - 1])
    last = [along[at] for at in range(len(along) - count, len(along) - 1)]  # the best trial lies on top
    assert max(along[::count]) == last[0]
    assert all(-0.05 <= place <= 1.05 for place in last)
    assert sum(len(decoded(trace["x"])) for trace in shown["data"]) == count * len(gathered.ranking)


def test_a_dimension_that_does_not_count_has_a_place_of_its_own(gathered):
    figure = PLOTS["parallel"].build(gathered)
    at = ["accuracy", *gathered.by_importance].index("momentum")  # which adagrad has none of
    hover = [text for trace in figure.data for text in trace.hovertext if "momentum" in text]
    absent = [seen for seen in gathered.ranking if seen.params["optimizer"] == "adagrad"]
    assert sum(text.endswith(" –") for text in hover) == len(absent) > 0
    ticks = [note for note in figure.layout.annotations if note.x == at and note.text == "–"]
    assert [note.y for note in ticks] == [0]


def test_heat_maps_hold_the_largest_number_of_each_trial_and_epoch(gathered):
    figure = PLOTS["trials_by_epoch"].build(gathered)
    shown = {trace.name: trace for trace in figure.data}
    assert [trace.visible is not False for trace in figure.data] == [True] + [False] * (len(figure.data) - 1)
    assert "share of saturated values" not in shown  # nobody measured any
    gradients = shown["gradient norm"]
    assert list(gradients.y) == [str(number) for number in sorted(gathered.probes)]
    for row, number in enumerate(sorted(gathered.probes)):
        for column, epoch in enumerate(gradients.x):
            looked = [probe for probe in gathered.probes[number][0] if str(probe.epoch) == epoch]
            layers = [layer.gradient_norm for probe in looked for layer in probe.layers]
            value = gradients.z[row][column]
            assert value is None if not layers else 10**value == pytest.approx(max(layers))
            assert (gathered.trials[number].verdict in gradients.text[row][column]) == bool(gradients.text[row][column])


def test_the_layers_of_the_best_trial_come_first(gathered):
    figure = PLOTS["layers_by_epoch"].build(gathered)
    labels = [option["label"] for option in controls(figure)["shown"]]
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
    assert results.trials[2].curve.epochs[0] == 0
    assert list(PLOTS["learning_curves"].build(results).layout.xaxis.tickvals) == [0, 1, 2, 3]


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
    if isinstance(content, dict) and "controls" in content:  # their texts are no markup to the page
        content = {**content, "controls": None}
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


def test_the_page_of_a_trial_says_that_its_curves_are_means(tmp_path):
    """The value is the mean over epochs that differ from training to training, and may be above all points."""
    results = load_view(mock_results(tmp_path, budget={"trials": 1, "epochs": 5}))
    (one,) = results.trials
    values = {**one.trial.user_attrs, "training_values": [0.9, 0.8, 0.7]}
    several = replace(one, trial=replace(one.trial, user_attrs=values))
    said = str(trial_body(results, several, None, {}))
    assert "Each epoch is the mean of 3 trainings" in said
    assert "at the epoch that gave its model" in said
    assert "the mean of" not in str(trial_body(results, one, None, {}))
    assert "the mean if it has several trainings" in PLOTS["learning_curves"].says


def test_an_axis_starts_on_the_better_half_and_marks_the_rest():
    few = [0.98, 0.975, 0.97, 0.969, 0.965, 0.7, 0.2]
    shown = ValueRange.covering("accuracy", few, True)
    low, high = shown.layout()["yaxis"]["range"]
    assert low < 0.969 < 0.98 < high < 0.99
    assert [shown.is_beyond(value) for value in few] == [value < low for value in few]
    assert shown.is_beyond(0.2)
    half, whole = (option["layout"] for option in shown.controls()[0]["options"])
    assert half["yaxis.range"] == [low, high]
    assert whole["yaxis.range"][0] < 0.2
    assert half["yaxis3.range"] == [0, 1]
    assert whole["yaxis3.range"][0] > 1  # the marks are out of sight
    assert shown.marks([1], ["x"], "beyond")["y"] == [0.03]


def test_the_better_half_of_errors_is_below():
    shown = ValueRange.covering("rmse", [1.0, 1.1, 1.2, 1.3, 25.0, 40.0], False)
    assert shown.log
    assert shown.is_beyond(25.0)
    assert not shown.is_beyond(1.1)
    assert shown.layout()["yaxis"]["type"] == "log"
    assert shown.marks([1], ["x"], "beyond")["y"] == [0.97]


@pytest.mark.parametrize("values", [[], [None], [1.0], [1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0], [float("inf"), 1.0]])
def test_values_that_lie_well_need_no_choice(values):
    shown = ValueRange.covering("rmse", values, False)
    assert shown.controls() == []
    assert not any(shown.is_beyond(value) for value in values if value is not None)


def test_outside_of_a_page_the_controls_are_in_the_figure(gathered):
    figure = PLOTS["learning_curves"].build(gathered)
    inside = with_menus(figure)
    assert [menu.type for menu in inside.layout.updatemenus][-1] == "dropdown"
    labels = [button.label for button in inside.layout.updatemenus[-1].buttons]
    assert labels == [option["label"] for option in controls(figure)["color"]]
    assert inside.layout.margin.t > figure.layout.margin.t
    assert not figure.layout.updatemenus


def test_epochs_begin_with_the_first_one():
    assert epoch_axis(1, 40)["tickvals"] == [1, 10, 20, 30, 40]
    assert epoch_axis(1, 1)["tickvals"] == [1]
    assert epoch_axis(1, 1000)["tickvals"][:3] == [1, 200, 400]
    assert epoch_axis(1, 40)["range"][0] > 0


def test_a_trial_has_its_curves_and_the_epoch_that_gave_the_model(gathered):
    drawn = trial_curves(gathered, gathered.best)
    assert list(drawn) == ["accuracy", "Loss", "Learning rate"]
    assert [trace.name for trace in drawn["Loss"].data] == ["training", "validation"]
    assert [float(y) for y in drawn["accuracy"].data[0].y] == pytest.approx(gathered.best.curve.metric)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.9333333, 0.5, None], ".5~g"),
        ([156143.73, 12.5], ".6~g"),
        ([-1234567.8, math.nan], ".7~g"),
        ([2.5e9, math.inf, 3.0], ".5~g"),  # numbers from ten million on have an exponent everywhere
        ([], ".5~g"),
    ],
)
def test_numbers_beside_the_pointer_have_no_exponent_below_ten_million(values, shown):
    assert hover_format(values) == shown


def test_colors_run_from_low_to_high():
    assert len(set(ramp(7))) == 7
    assert ramp(1)[0].startswith("#")


def test_the_front_is_the_best_value_up_to_each_cost_and_ends_at_the_largest(gathered):
    figure = PLOTS["cost"].build(gathered)
    (chosen_by,) = [one for one in controls(figure).items() if one[0] == "cost"]
    assert [option["label"] for option in chosen_by[1]] == ["weights", "multiply-adds of one row"]
    complete = {seen.network_cost["weights"]: seen.value for seen in gathered.in_state("complete")}
    front = next(trace for trace in figure.data if trace.name == "Pareto front")
    assert front.x[-1] == max(complete)
    assert front.line.shape == "hv"
    for cost in complete:
        reached = [value for at, value in zip(front.x, front.y, strict=True) if at <= cost]
        assert reached[-1] == max(value for other, value in complete.items() if other <= cost)
    best = next(trace for trace in figure.data if trace.name == "best")
    assert (best.customdata[0], best.y[0]) == (gathered.best.number, gathered.best.value)


def test_the_limit_of_a_study_is_a_line_at_its_cost(tmp_path):
    figure = PLOTS["cost"].build(load_view(mock_results(tmp_path, limits={"multiply_adds": 50_000}, budget=FEW)))
    (limit,) = [trace for trace in figure.data if trace.name == "limit"]
    assert (list(limit.x), limit.visible) == ([50_000, 50_000], False)  # weights are shown first


def test_networks_of_one_size_have_no_front(tmp_path, monkeypatch):
    monkeypatch.setattr(mock_study, "network_size", lambda recipe: NetworkSize(10, 10, 10))
    assert not PLOTS["cost"].tells(load_view(mock_results(tmp_path, budget=FEW)))
