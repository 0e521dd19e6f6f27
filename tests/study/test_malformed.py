"""Bad study files: each is refused with one report that names file, key, what was given and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.errors import StudyFileError, UsageError
from tuner.study import read_study, read_study_dict

FOLDER = Path(__file__).parent / "malformed"

# File → keys of its problems, and words of the report.
EXPECTED: dict[str, tuple[set[str], tuple[str, ...]]] = {
    # the file itself
    "a_list.yaml": ({""}, ("a list",)),
    "alias.yaml": ({""}, ("aliases", "line 4")),
    "binary.toml": ({""}, ("UTF-8", "0x89")),
    "duplicate_key.toml": ({"seed"}, ("once", "line 3", "seed = 2")),
    "duplicate_key.yaml": ({"seed"}, ("once", "line 5")),
    "duplicate_section.toml": ({"budget"}, ("once", "line 9")),
    "empty.toml": ({""}, ("empty", "tuner new")),
    "latin_1.toml": ({""}, ("UTF-8", "0xf6")),
    "nested_too_deep.toml": ({""}, ("must be TOML",)),
    "not_toml.toml": ({""}, ("must be TOML", "line 1", "This is a letter")),
    "not_yaml.yaml": ({""}, ("must be YAML", "line 2")),
    "only_a_comment.toml": ({""}, ("empty",)),
    "python_object.yaml": ({""}, ("must be YAML", "python/object")),
    "unquoted_text.toml": ({""}, ("must be TOML", "model = models/mlp.py")),
    "wrong_suffix.json": ({""}, (".json", ".toml, .yaml, .yml")),
    # the top level
    "bad_name.toml": ({"name"}, ('"a/b"', "letters, digits")),
    "data_is_text.toml": ({"data"}, ("must be a section", "[data]")),
    "missing_function.toml": ({"model"}, ("'bild'", "Did you mean 'build'")),
    "missing_model_file.toml": ({"model"}, ("models/mpl.py", "nearest: models/mlp.py")),
    "model_leaves_project.toml": ({"model"}, ("stay in the project",)),
    "negative_seed.toml": ({"seed", "workers"}, ("given:   -1", "from 0 to 4294967295", "from 1 to 1024")),
    "no_data.toml": ({"data"}, ("needs data", 'source = "digits"')),
    "no_model.toml": ({"model"}, ("needs a model", "models/mlp.py")),
    "unknown_section.toml": ({"serach"}, ("nearest: search",)),
    "wrong_types.toml": (
        {"name", "model", "seed", "workers", "engine", "head", "data.source", "budget.trials", "budget.epochs"},
        ('"one"', "2.5", "must be text", "must be a whole number", 'given:   "100"', "given:   true"),
    ),
    # data
    "data_options.toml": (
        {"data.scale", "data.outlier", "data.validation", "data.test"},
        ("nearest: standardize", "nearest: outliers", "0 < validation < 1", "given:   nan"),
    ),
    "fractions.toml": ({"data.validation"}, ("validation + test < 1", "0.6", "0.5")),
    "missing_data_file.toml": ({"data.source"}, ("data/trian.csv", "next:")),
    "one_fold.toml": ({"data.validation"}, ("folds", "from 2 to 100")),
    "target_absent.toml": ({"data.target"}, ("colour", "weight, length, kind")),
    "unknown_source.toml": ({"data.source"}, ("'digits'", "breast_cancer")),
    # objective
    "metric_of_another_task.toml": ({"objective.metric"}, ("not defined for the task", "multiclass", "accuracy")),
    "metric_options.toml": ({"objective.options"}, ("must be a table", "given:   3", "{ beta = 2.0 }")),
    "unknown_metric.toml": ({"objective.metric"}, ("acuracy", "nearest: accuracy")),
    "val_accuracy.toml": (
        {"objective.metric", "objective.direction"},
        ("nearest: accuracy", "follows from the metric"),
    ),
    "val_loss.toml": ({"objective.metric"}, ("losses of different trials cannot be compared", 'metric = "log_loss"')),
    # budget
    "absurd_budget.toml": ({"budget.trials", "budget.time"}, ("1000000", "366 days", "9999d")),
    "budget.toml": (
        {f"budget.{key}" for key in ("trials", "time", "target", "patience", "epochs", "epoch", "checkpoint")},
        ('"soon"', '"10m"', "nearest: epochs", "finite", "1000000000"),
    ),
    "unreachable_target.toml": ({"budget.target"}, ("best possible accuracy is 1", "given:   1.5")),
    # search: the dimensions
    "absurd_choices.toml": (
        {"search.learning_rate", "search.momentum", "search.batch_size.high"},
        ("at most 1,000 values", "at most 1,000,000 steps", "99999999999999"),
    ),
    "choice_twice.toml": (
        {"search.optimizer", "search.batch_size", "search.class_weight"},
        ("must differ", "Name sgd once", "Name 32 once"),
    ),
    "empty_choice.toml": ({"search.optimizer"}, ("at least one value",)),
    "empty_search.toml": ({"search"}, ("nothing to search", "leave the section out")),
    "huge_batch.toml": ({"search.batch_size"}, ("larger than the training part",)),
    "log_with_step.toml": ({"search.learning_rate"}, ("`log` and `step` exclude each other", "Remove log or step")),
    "log_with_zero.toml": ({"search.momentum"}, ("`low > 0` must hold", "Raise low")),
    "loss_of_another_task.toml": ({"search.loss"}, ('"huber"', "multiclass", "categorical_crossentropy")),
    "low_above_high.toml": ({"search.learning_rate"}, ("`low <= high` must hold", "low=0.1, high=0.01", "Swap")),
    "nan_bounds.toml": (
        {"search.learning_rate.low", "search.learning_rate.high", "search.momentum"},
        ("given:   nan", "given:   inf", "finite"),
    ),
    "nothing_searched.toml": ({"search"}, ("every dimension has only one value",)),
    "range_keys.toml": (
        {"search.learning_rate.hihg", "search.learning_rate", "search.momentum", "search.dropout"},
        ("nearest: high", "high is missing", "a range or a choice"),
    ),
    "range_of_names.toml": ({"search.optimizer"}, ("a choice, not a range",)),
    "step.toml": (
        {"search.batch_size.step", "search.momentum", "search.l1.step"},
        ("`step > 0` must hold", "must be a whole number", '"small"'),
    ),
    "unknown_dimension.toml": (
        {"search.optimiser", "search.nesterov", "search.units"},
        ("nearest: optimizer", "[search.optimizer_options.sgd]", "[search.model]"),
    ),
    "unknown_names.toml": (
        {"search.optimizer", "search.schedule", "search.loss"},
        ("nearest: adam", "nearest: cosine", "nearest: huber"),
    ),
    "wrong_values.toml": (
        {
            "search.optimizer",
            "search.learning_rate",
            "search.batch_size",
            "search.momentum",
            "search.schedule",
            "search.l2",
        },
        ('"fast"', "64.5", "1.5", '["cosine"]', "from 0 to 0.9999"),
    ),
    # search: the model
    "dropout_twice.toml": ({"search.model.dropout"}, ("given twice",)),
    "model_keywords.toml": (
        {"search.model.unist", "search.model.activation", "search.model.units", "search.model.inputs"},
        ("nearest: units", "a dimension of its own", "no automatic range"),
    ),
    "model_values.toml": (
        {"search.model.units", "search.model.layers.high", "search.model.dropout"},
        ("given:   nan", "finite", "{ a = 1 }"),
    ),
    # search: options and conditions
    "never_shared.toml": ({"search.learning_rate"}, ("would have no effect", "of its own")),
    "options_not_searched.toml": (
        {"search.optimizer_options.lion", "search.loss_options.categorical_focal_crossentropy"},
        ("an optimizer that is not searched", "a loss that is not searched", "Add lion to search.optimizer"),
    ),
    "options_unknown.toml": (
        {
            "search.optimizer_options.sgd.nestrov",
            "search.optimizer_options.adma",
            "search.schedule_options.constant",
            "search.clipping_options.none",
        },
        ("nearest: nesterov", "must be a section", "has no options"),
    ),
    "options_without_momentum.toml": (
        {"search.momentum", "search.label_smoothing", "search.optimizer_options.adagrad.momentum"},
        ("no momentum term", "takes none"),
    ),
    "when_circle.toml": (
        {"search.schedule.when", "search.activation.when.activation"},
        ("schedule → batch_size → schedule", "depend on itself"),
    ),
    "when_circle_of_three.toml": ({"search.schedule.when"}, ("schedule → activation → batch_size → schedule",)),
    "when_fixed.toml": ({"search.batch_size.when.optimizer"}, ("a searched choice", "adam")),
    "when_no_momentum.toml": ({"search.momentum.when"}, ("adagrad", "no momentum term", "allowed: sgd")),
    "when_twice.toml": (
        {"search.momentum.when.optimizer", "search.optimizer_options.sgd.nesterov.when.optimizer"},
        ("redundant", "only once"),
    ),
    "when_unknown.toml": (
        {
            "search.batch_size.when.optimzer",
            "search.l2.when.optimizer",
            "search.l1.when.learning_rate",
            "search.schedule.when",
        },
        ("nearest: optimizer", '"lion"', "allowed: adam, sgd"),
    ),
    # sampler and pruner
    "grid_of_a_range.toml": ({"sampler.name"}, ("a grid needs a finite space", "learning_rate")),
    "sampler_options.toml": (
        {
            "sampler.n_startup_trials",
            "sampler.n_ei_candidate",
            "sampler.group",
            "sampler.initial_points",
            "pruner.name",
        },
        ("nearest: n_ei_candidates", "nearest: hyperband", "from 1 to 10000", "true, false"),
    ),
    "threshold.toml": ({"pruner.name"}, ("lower=0.9, upper=0.1",)),
    "wilcoxon_without_folds.toml": ({"pruner.name"}, ("folds = 5",)),
    # everything at once
    "several.toml": (
        {
            "model",
            "seed",
            "data.scale",
            "objective.metric",
            "search.optimizer",
            "search.learning_rate",
            "budget.trials",
            "sampler.name",
            "pruner.startup",
        },
        ("9 problems", "models/mpl.py", "nearest: tpe"),
    ),
}


def test_every_bad_file_is_expected():
    assert {file.name for file in FOLDER.iterdir()} - {"fruit.csv"} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_bad_file_is_refused(name):
    keys, words = EXPECTED[name]
    with pytest.raises(StudyFileError) as caught:
        read_study(FOLDER / name)
    assert {problem.key for problem in caught.value.problems} == keys
    text = str(caught.value)
    assert text.startswith(str(FOLDER / name))
    for word in words:
        assert word in text
    for problem in caught.value.problems:
        assert problem.rule
        assert problem.allowed or problem.next_step
        assert "pydantic" not in str(problem)
        assert "Traceback" not in str(problem)


def test_a_folder_is_no_study():
    with pytest.raises(StudyFileError, match=r"this is a folder[\s\S]*Name one of its files: a_list\.yaml"):
        read_study(FOLDER)


def test_a_file_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyFileError, match="there is no such file") as caught:
        read_study("studies/digit.toml")
    assert caught.value.problems[0].nearest == "studies/digits.toml"
    with pytest.raises(StudyFileError) as caught:
        read_study("digits")
    assert caught.value.problems[0].nearest == "studies/digits.toml", "the name of the study, as other commands take it"


@pytest.mark.parametrize("path", ["", ".", "\0", "x" * 5_000, "../" * 50 + "etc/passwd"])
def test_an_odd_path_is_refused_as_any_other(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyFileError):
        read_study(path)


def test_a_large_file_is_not_read(tmp_path):
    file = tmp_path / "large.toml"
    file.write_text("# x\n" * 400_000)
    with pytest.raises(StudyFileError, match="at most 256,000 bytes"):
        read_study(file)


@pytest.mark.parametrize("word", ["loss", "val_loss", "validation_loss", "Train_Loss", "training-loss", "test loss"])
@pytest.mark.parametrize(("source", "instead"), [("digits", "log_loss"), ("diabetes", "mean_squared_error")])
def test_a_loss_is_never_the_objective(word, source, instead, tmp_path):
    content = {"name": "a", "model": "models/mlp.py", "data": {"source": source}, "objective": {"metric": word}}
    with pytest.raises(StudyFileError, match="a loss cannot be the objective") as caught:
        read_study_dict(content, tmp_path)
    assert instead in str(caught.value.problems[0].next_step)


# Values of every kind, in every place: whatever stands there, the report is ours.
ODD = [
    None,
    True,
    -1,
    0,
    10**400,
    float("nan"),
    float("inf"),
    1e308,
    "",
    "auto",
    "\0",
    "x" * 10_000,
    b"bytes",
    object(),
    [],
    {},
    [[]],
    [{}],
    [None],
    ["sgd", ["adam"]],
    {"low": 1},
    {"low": "a", "high": None},
    {"low": 10**400, "high": 1},
    {"low": 0, "high": 1, "log": "yes"},
    {"low": 0.1, "high": 0.2, "step": 10**400},
    {"choices": 3},
    {"choices": [0.1, 0.2], "when": []},
    {"choices": "auto", "when": {"optimizer": {"deep": {"deeper": []}}}},
    {1: 2},
]
PLACES = [
    *[(key,) for key in ("name", "model", "head", "seed", "engine", "workers", "data", "objective", "search")],
    *[(key,) for key in ("budget", "sampler", "pruner", "limits", "resources")],
    *[("limits", key) for key in ("weights", "multiply_adds", "bytes")],
    *[("resources", key) for key in ("cpus", "gpus")],
    *[("data", key) for key in ("source", "target", "validation", "test", "scale", "shape", "class_weight", "drop")],
    ("objective", "metric"),
    *[("budget", key) for key in ("trials", "time", "target", "patience", "epochs", "checkpoint")],
    *[("search", key) for key in ("loss", "optimizer", "learning_rate", "momentum", "batch_size", "class_weight")],
    *[("search", key) for key in ("dropout", "model", "optimizer_options", "loss_options", "nonsense")],
    ("search", "model", "units"),
    ("search", "optimizer_options", "sgd"),
    ("search", "optimizer_options", "sgd", "learning_rate"),
    ("search", "optimizer_options", "sgd", "nesterov"),
    *[("sampler", key) for key in ("name", "initial_points", "n_startup_trials")],
    *[("pruner", key) for key in ("name", "reduction_factor")],
]


def sound() -> dict:
    return {
        "name": "sound",
        "model": "models/mlp.py",
        "data": {"source": "iris"},
        "objective": {"metric": "accuracy"},
        "search": {"optimizer": ["sgd", "adam"], "model": {"units": [8, 16]}},
        "budget": {},
        "sampler": {},
        "pruner": {},
    }


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_no_value_at_any_place_raises_anything_else(place, tmp_path):
    for odd in ODD:
        content = sound()
        table = content
        for key in place[:-1]:
            table = table.setdefault(key, {})
        table[place[-1]] = odd
        refused = no_value = None
        try:
            spec = read_study_dict(content, tmp_path)
        except StudyFileError as error:
            refused = error
        except UsageError as error:
            no_value = str(error)
        if no_value is not None:  # an object of Python
            assert no_value.startswith(f"`{'.'.join(place)}"), "it names the place"
            assert all(len(line) < 2_000 for line in no_value.splitlines())
        elif refused is None:
            assert spec.space.searched
        else:
            assert all(problem.key for problem in refused.problems)
            assert all(len(line) < 2_000 for line in str(refused).splitlines())  # nothing is quoted in full
