"""What makes two runs the same study."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.study import difference, fingerprint, read_study_dict

PROJECT = Path(__file__).parents[2]
CONTENT = {
    "name": "a",
    "model": "models/mlp.py",
    "data": {"source": "iris"},
    "search": {"learning_rate": {"low": 1e-4, "high": 0.1, "log": True}, "optimizer": ["sgd", "adagrad"]},
}


def of(project=PROJECT, **sections):
    return fingerprint(read_study_dict({**CONTENT, **sections}, project))


def test_it_is_flat_json_and_reads_itself_as_the_same():
    content = of()
    assert json.loads(json.dumps(content)) == content
    assert not any(isinstance(value, dict) and value for value in content.values())
    assert difference(json.loads(json.dumps(content)), of()) == []
    del content["data.missing_values"]  # as in studies of before it could be said
    assert difference(content, of()) == []
    now = of(budget={"epochs": 20, "keep": "last"})
    before = {key: value for key, value in now.items() if key not in ("keep", "stop.patience")}
    assert difference(before, now) == []
    changed = {**of(), "data.missing_values": ["?"]}
    assert difference(content, changed) == ['data.missing_values: [] before, ["?"] now']


@pytest.mark.parametrize(
    "sections",
    [
        {"budget": {"trials": 7, "time": "1h", "target": 0.9, "patience": 3, "checkpoint": True}},
        {"sampler": {"name": "random"}, "pruner": {"name": "none"}},
        {"workers": 3, "engine": "fit", "resources": {"gpus": 0.5}},
        {"name": "b"},
        {"objective": {"metric": "acc"}},
    ],
)
def test_what_may_change_while_a_study_goes_on(sections):
    assert difference(of(), of(**sections)) == []


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"budget": {"epochs": 5, "stop": {"patience": 24}}}, "epochs: 300 before, 5 now"),
        ({"budget": {"keep": "last"}}, "keep: best before, last now"),
        ({"budget": {"stop": {"patience": 7}}}, "stop.patience: 24 before, 7 now"),
        ({"budget": {"stop": False}}, "stop.patience: 24 before, null now"),
        ({"seed": 4}, "seed: 0 before, 4 now"),
        ({"limits": {"weights": 50_000}}, "limits.weights: not there before, 50000 now"),
        ({"head": "model"}, "head: auto before, model now"),
        ({"objective": {"metric": "log_loss"}}, "objective: maximize accuracy before, minimize log_loss now"),
        ({"data": {"source": "iris", "scale": "robust"}}, "data.scale: standardize before, robust now"),
        (
            {"search": {**CONTENT["search"], "learning_rate": {"low": 1e-3, "high": 0.1, "log": True}}},
            "search.learning_rate: 0.0001 … 0.1 (log) before, 0.001 … 0.1 (log) now",
        ),
        (
            {"search": {**CONTENT["search"], "momentum": [0.5, 0.9]}},
            "search.momentum: not there before, 0.5 | 0.9 where optimizer is sgd now",
        ),
        (
            {"search": {**CONTENT["search"], "optimizer": ["sgd", "adam"]}},
            "search.optimizer: sgd | adagrad before, sgd | adam now",
        ),
    ],
)
def test_what_makes_another_study(sections, line):
    assert difference(of(), of(**sections)) == [line]


def test_what_is_gone_is_told():
    search = {**CONTENT["search"], "momentum": 0.9}
    assert difference(of(search=search), of()) == ["search.momentum: 0.9 where optimizer is sgd before, not there now"]


def test_nearly_equal_bounds_and_texts_that_look_like_numbers_differ(tmp_path):
    one = of(search={"learning_rate": {"low": 0.1234567, "high": 0.2}})
    other = of(search={"learning_rate": {"low": 0.1234568, "high": 0.2}})
    assert len(difference(one, other)) == 1
    (tmp_path / "net.py").write_text("def build(inputs, outputs, *, activation, initializer, units): ...\n")
    search = {"batch_size": [8, 16]}
    text, number = (of(tmp_path, model="net.py", search={**search, "model": {"units": value}}) for value in ("1", 1))
    assert difference(text, number) == ['search.model.units: "1" before, 1 now']


def test_other_data_and_another_model_file_are_told(tmp_path):
    model = tmp_path / "net.py"
    model.write_text("def build(inputs, outputs, *, activation, initializer):\n    return None\n")
    rows = "".join(f"{i},{i % 2}\n" for i in range(40))
    (tmp_path / "d.csv").write_text("a,b\n" + rows)
    sections = {"model": "net.py", "data": {"source": "d.csv", "target": "b"}}
    before = of(tmp_path, **sections)
    model.write_text(model.read_text() + "# changed\n")
    (tmp_path / "d.csv").write_text("a,b\n" + rows.replace("3,1", "3,0", 1))
    lines = difference(before, of(tmp_path, **sections))
    assert [line.partition(":")[0] for line in lines] == ["the content of the model file", "the content of the data"]
    assert all(line.endswith("(sha256)") for line in lines)


def test_versions_are_read_without_importing_the_packages():
    content = of()
    assert all(content[f"version.{name}"].count(".") == 1 for name in ("keras", "tensorflow", "optuna"))
    code = (
        "import sys; from tuner.study import fingerprint, read_study; fingerprint(read_study('studies/digits.toml')); "
        "print([m for m in ('tensorflow', 'keras', 'optuna') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
