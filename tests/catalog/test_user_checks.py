"""Entries of user code: what is refused when they are called, before anything trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from user_objects import COSTS, LOSSES, TRAINING, study, write_project

from tuner.catalog import LOSSES as TABLE
from tuner.catalog import Recipe, UserObject, add_named_user_entries, add_user_entries, try_user_code
from tuner.errors import CodeError, ContentError
from tuner.study import read_study_dict, resolve_recipe
from tuner.user_code import Reference


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def recipe(project: Path, loss: str = "binary_crossentropy", **changed: Any) -> Recipe:
    spec = read_study_dict(study(**changed), project)
    values: dict[str, Any] = {"loss": loss, "loss.losses.py:tversky.alpha": 0.3, "l2": 0.0}
    return resolve_recipe(spec, {name: value for name, value in values.items() if name in spec.space}, 0)


def test_a_file_that_has_changed_since_is_refused(project: Path) -> None:
    given = recipe(project, "losses.py:tversky")
    add_user_entries(project, given)
    (project / "parts.py").write_text("def sums(y_true, y_pred):\n    return 0, 0, 0\n", encoding="utf-8")
    with pytest.raises(ContentError, match=r"parts\.py has changed since the study was started \(sha256 "):
        add_user_entries(project, given)


def test_code_that_only_a_recipe_names_is_not_run(project: Path) -> None:
    given = recipe(project, "losses.py:tversky")
    with pytest.raises(CodeError, match="only the database or the exported file names"):
        add_named_user_entries(project, given, ["losses.py:tversky"])
    add_named_user_entries(project, given, ["losses.py:tversky", "costs.py:money"])
    (project / "own.toml").write_text(
        '[objective]\nmetric = "costs.py:money"\n[search.loss]\nchoices = ["losses.py:tversky"]\n', encoding="utf-8"
    )
    add_named_user_entries(project, given, [])


BODY = "    return np.average(cost, weights=weight)\n"
BROKEN_METRICS = {
    "raises": ("    raise ValueError('no')\n", r"costs\.py:money fails .line 7.: ValueError: no"),
    "array": ("    return cost\n", r"A metric returns one number, but costs\.py:money returned array"),
    "text": ("    return 'much'\n", r"A metric returns one number, but costs\.py:money returned 'much'"),
    "nan": ("    return float('nan')\n", "A metric of finite scores is a finite number, but .* returned nan"),
    "prints": ("    print('cost', 3)\n    return 1.0\n", "must not print, .* printed 'cost 3'"),
    "writes": ("    truth[0] = 1\n    return 1.0\n", "read-only"),
    "second call": (
        "    global calls\n    calls = globals().get('calls', 0) + 1\n    return 1.0 / (2 - calls)\n",
        "ZeroDivisionError",
    ),
}


@pytest.mark.parametrize("name", BROKEN_METRICS)
def test_what_a_metric_gets_wrong_is_said_before_training(project: Path, name: str) -> None:
    body, message = BROKEN_METRICS[name]
    (project / "costs.py").write_text(COSTS.replace(BODY, body), encoding="utf-8")
    with pytest.raises(ContentError, match=message) as caught:
        try_user_code(recipe(project))
    assert "\n" not in str(caught.value)


def test_rows_with_weights_need_a_metric_that_takes_them(project: Path) -> None:
    text = COSTS.replace(", weight=None", "").replace(", weights=weight", "")
    (project / "costs.py").write_text(text, encoding="utf-8")
    row = read_study_dict(study(), project).metric
    from tuner.catalog import METRICS

    with pytest.raises(ContentError, match="Add weight=None to its arguments"):
        METRICS[row].compute([1.0, 0.0], [0.2, 0.8], [1.0, 2.0])


RETURN = "    return 1.0 - (hit + 1.0) / (hit + alpha * false + beta * missed + 1.0)\n"
BROKEN_LOSSES = {
    "scalar": ("    return ops.mean(hit)\n", r"shape \(4,\) for 4 rows, but losses\.py:tversky returned shape \(\)"),
    "matrix": ("    return y_true * y_pred\n", r"returned shape \(4, 1\)"),
    "nan": ("    return ops.log(hit - 1e9)\n", "A loss of finite outputs is finite, but .* returned .nan"),
    "no gradient": ("    return ops.round(hit) * 0 + ops.sum(y_true, -1)\n", "A loss needs a gradient"),
    "raises": ("    return hit.nothing\n", "tversky fails when it is called: AttributeError"),
    "eager only": ("    return 1.0 - hit if float(hit[0]) < 9 else hit\n", "fails in a graph, as training calls it"),
    "prints": ("    print('loss', alpha)\n    return 1.0 - hit\n", "must not print, .* printed 'loss 0.3'"),
    "second call": (
        "    global calls\n    calls = globals().get('calls', 0) + 1\n    return (1.0 - hit) * (1.0, 1.0)[calls]\n",
        "fails when it is called again: IndexError",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN_LOSSES)
def test_what_a_loss_gets_wrong_is_said_before_training(project: Path, name: str) -> None:
    pytest.importorskip("keras")
    body, message = BROKEN_LOSSES[name]
    assert RETURN in LOSSES
    (project / "losses.py").write_text(LOSSES.replace(RETURN, body), encoding="utf-8")
    with pytest.raises(ContentError, match=message) as caught:
        try_user_code(recipe(project, "losses.py:tversky"))
    assert "\n" not in str(caught.value)


REGRESSION = {
    "data": {"source": "diabetes"},
    "objective": {},
    "search": {"loss": "losses.py:Pinball", "l2": [0.0, 1e-4]},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (', "tau": self.tau}', "}", "get_config of losses.py:Pinball leaves out tau"),
        ("keras.losses.Loss", "object", "Keras must be able to save|Derive it from keras.losses.Loss|fails when"),
    ],
)
def test_what_a_class_gets_wrong(project: Path, old: str, new: str, message: str) -> None:
    pytest.importorskip("keras")
    (project / "losses.py").write_text(LOSSES.replace(old, new), encoding="utf-8")
    with pytest.raises(ContentError, match=message):
        try_user_code(recipe(project, "losses.py:Pinball", **REGRESSION))


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "more"), [("losses.py:tversky", {}), ("losses.py:Pinball", REGRESSION)])
def test_a_sound_loss_is_saved_by_its_registered_name(project: Path, loss: str, more: Any) -> None:
    import keras

    name = f"losses>{loss.partition(':')[2]}"
    assert UserObject(project, Reference.parse(loss, "")).registered
    keras.saving.get_custom_objects()[name] = object  # by another version of the file, before it was changed back
    given = recipe(project, loss, **more)
    add_user_entries(project, given)
    try_user_code(given)
    made = TABLE[loss].build(**given.loss.options)
    again = keras.losses.deserialize(keras.losses.serialize(made))
    assert again.get_config() == made.get_config()
    assert name in str(keras.losses.serialize(made))


def trained_with(project: Path, **chosen: str) -> Recipe:
    spec = read_study_dict(study(objective={}, search={**chosen, "l2": [0.0, 1e-4]}), project)
    return resolve_recipe(spec, {"l2": 0.0}, 0)


SCHEDULE = "    return base * (lowest + (1.0 - lowest) * (1.0 - abs(2.0 * part - 1.0)))\n"
BROKEN_SCHEDULES = {
    "negative": ("    return part - 0.5\n", r"finite and not negative, but .* returned -0.5 for step 0 of 100"),
    "nan": ("    return float('nan')\n", "finite and not negative, but .* returned nan"),
    "list": ("    return [base]\n", "one rate for each step"),
    "raises": ("    return base / step\n", "training.py:triangular fails when it is called: ZeroDivisionError"),
    "prints": ("    print(step)\n    return base\n", "must not print"),
}


@pytest.mark.parametrize("name", BROKEN_SCHEDULES)
def test_what_a_schedule_gets_wrong(project: Path, name: str) -> None:
    pytest.importorskip("keras")
    body, message = BROKEN_SCHEDULES[name]
    assert SCHEDULE in TRAINING
    (project / "training.py").write_text(TRAINING.replace(SCHEDULE, body), encoding="utf-8")
    with pytest.raises(ContentError, match=message):
        try_user_code(trained_with(project, schedule="training.py:triangular"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "name", "old", "new", "message"),
    [
        ("activation", "bent", "return (", "return x[:, :1]\n    return (", "gave .4, 1.. Compute each element"),
        ("activation", "bent", "return (", "return ops.log(-1.0 - x * x) * (", "An activation gives finite values"),
        ("initializer", "Fixup", "random.normal(shape,", "random.normal((2, 2),", "gave .2, 2.. Compute each element"),
        ("initializer", "Fixup", '{"factor": self.factor}', "{}", "get_config of training.py:Fixup leaves out factor"),
        ("initializer", "Fixup", "keras.initializers.Initializer", "keras.layers.Layer", "Derive it from Initializer"),
        ("optimizer", "AdaBelief", '"beta_2": self.beta_2, ', "", "leaves out beta_2"),
        ("optimizer", "AdaBelief", "rate * upper / lower", "upper / 0.0", "gives finite values"),
        ("optimizer", "AdaBelief", "rate * upper / lower", "rates * upper", "fails when it is called: NameError"),
    ],
)
def test_what_the_others_get_wrong(project: Path, family: str, name: str, old: str, new: str, message: str) -> None:
    pytest.importorskip("keras")
    assert old in TRAINING
    (project / "training.py").write_text(TRAINING.replace(old, new), encoding="utf-8")
    with pytest.raises(ContentError, match=message):
        try_user_code(trained_with(project, **{family: f"training.py:{name}"}))
