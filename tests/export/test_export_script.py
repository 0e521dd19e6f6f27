"""An exported script, run where nothing but Keras, TensorFlow and NumPy can be imported, gives the recorded score."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import user_objects
from trained import trained

from tuner.export import export, python_script, save_rows

pytestmark = pytest.mark.slow

ALONE = """
import os, runpy, sys

BLOCKED = {"tuner", "optuna", "sklearn", "pandas", "scipy", "sqlalchemy", "pydantic"}

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{name} is blocked", name=name)

sys.meta_path.insert(0, Block())
"""
RUN_ALONE = f"""{ALONE}
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
FORK_ALONE = f"""{ALONE}
import traceback
import keras, tensorflow

for line in sys.stdin:
    script, *arguments = line.rstrip("\\n").split("\\0")
    child = os.fork()
    if not child:
        os.chdir(os.path.dirname(script))
        for number, name in ((1, "output"), (2, "errors")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
        sys.argv = [script, *arguments]
        try:
            runpy.run_path(script, run_name="__main__")
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        finally:
            sys.stdout.flush()
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""Each script in a fork of one process, which has imported what all of them may import."""

MODEL = "models/mlp.py"
MIXUP = ("build", "train", "load")

STUDIES: dict[str, dict[str, Any]] = {
    "multiclass": {
        "engine": "compiled",
        "data": {"source": "digits", "scale": "minmax"},
        "search": {
            "loss": "categorical_hinge",
            "optimizer": "rmsprop",
            "learning_rate": [1e-3, 3e-3],
            "schedule": "cosine",
            "schedule_options": {"cosine": {"warmup": 0.1, "cycles": 2}},
            "initializer": "orthogonal",
            "clipping": "global_clipnorm",
            "l2": 1e-4,
            "ema_momentum": 0.9,
            "model": {"units": [[32, 16]], "dropout": 0.1, "batch_norm": True},
        },
        "objective": {"metric": "balanced_accuracy"},
    },
    "binary": {
        "engine": "fit",
        "data": {"source": "breast_cancer", "scale": "robust", "validation": {"folds": 2}},
        "search": {
            "loss": "binary_focal_crossentropy",
            "loss_options": {"binary_focal_crossentropy": {"gamma": 1.5}},
            "optimizer": "adamw",
            "learning_rate": [3e-3, 1e-2],
            "schedule": "reduce_on_plateau",
            "schedule_options": {"reduce_on_plateau": {"patience": 1, "factor": 0.5}},
            "class_weight": "balanced",
            "activation": "swish",
            "ema_momentum": 0.8,
        },
        "objective": {"metric": "log_loss"},
        "budget": {"trials": 1, "epochs": 4, "repeats": 2},
    },
    "regression": {
        "engine": "auto",
        "data": {"source": "diabetes", "outliers": "winsorize"},
        "search": {
            "loss": "quantile",
            "loss_options": {"quantile": {"tau": 0.45}},
            "optimizer": "sgd",
            "momentum": 0.9,
            "learning_rate": [1e-2, 3e-2],
            "schedule": "one_cycle",
        },
        "objective": {"metric": "mean_absolute_error"},
        "budget": {"trials": 2, "epochs": 40, "repeats": 3, "stop": {"patience": 2}},
    },
    "multilabel": {
        "engine": "auto",
        "model": "capped.py",
        "data": {"source": "labels.npz", "scale": "standardize"},
        "search": {
            "loss": "binary_crossentropy",
            "optimizer": "nadam",
            "learning_rate": [3e-3, 1e-2],
            "schedule": "exponential",
            "initializer": "he_uniform",
            "l1": 1e-4,
        },
        "objective": {"metric": "f1"},
    },
    "user code": {
        "engine": "compiled",
        "data": {"source": "breast_cancer"},
        "search": {
            "loss": "losses.py:tversky",
            "loss_options": {"losses.py:tversky": {"alpha": 0.3}},
            "optimizer": "training.py:AdaBelief",
            "optimizer_options": {"training.py:AdaBelief": {"beta_1": 0.8}},
            "weight_decay": 1e-3,
            "schedule": "training.py:triangular",
            "initializer": "training.py:Fixup",
            "activation": "training.py:bent",
            "clipping": "global_clipnorm",
            "learning_rate": [1e-3, 1e-2],
        },
        "objective": {"metric": "costs.py:money"},
    },
    "user loop": {
        "engine": "auto",
        "model": "mixup.py",
        "head": "model",
        "data": {"source": "mixup.py:load"},
        "search": {
            "loop": "mixup.py:train",
            "loop_options": {"mixup.py:train": {"strength": 0.4}},
            "learning_rate": [3e-3, 1e-2],
            "schedule": "reduce_on_plateau",
            "schedule_options": {"reduce_on_plateau": {"patience": 1, "factor": 0.5}},
            "class_weight": "balanced",
        },
        "objective": {"metric": "log_loss"},
        "budget": {"trials": 2, "epochs": 3},
    },
}

ORDERS = dict.fromkeys(STUDIES, "numpy") | {"binary": "keras", "multilabel": "keras", "user loop": "keras"}
"""The order of the engine that trains each: `auto` cannot compile a model with a constraint."""

CODE = ["capped.py", "losses.py:tversky", "costs.py:money", "training.py", *(f"mixup.py:{name}" for name in MIXUP)]

CAPPED = """
from __future__ import annotations
\x0c
import keras
from nets.parts import hidden, mean
\x0c

def train():
    raise SystemExit("this is not the function of the script")


def build(inputs, outputs, *, activation, initializer):
    rows = keras.Input(inputs)
    return keras.Model(rows, keras.layers.Dense(outputs)(hidden(mean([10, 14]), activation, initializer)(rows)))

\x0c
if __name__ == "__main__":
    raise SystemExit("run as a program")
"""
HELPER = """
import keras


def mean(numbers):
    return sum(numbers) // len(numbers)


def hidden(units, activation, initializer):
    capped = keras.constraints.MaxNorm(2.0)
    return keras.layers.Dense(units, activation, kernel_initializer=initializer, kernel_constraint=capped)
"""


def write_project(folder: Path) -> None:
    """User code, and what the multi-label study needs: three labels of five numbers, its model, what that imports."""
    user_objects.write_project(folder)
    shutil.copy(Path(__file__).parents[2] / "docs" / "own-training" / "after" / "mixup.py", folder)
    (folder / "capped.py").write_text(CAPPED, encoding="utf-8")
    (folder / "nets").mkdir()
    (folder / "nets" / "parts.py").write_text(HELPER, encoding="utf-8")
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 5))
    y = (x @ random.normal(size=(5, 3)) + random.normal(size=(300, 3)) > 0).astype(int)
    np.savez(folder / "labels.npz", x=x, y=y)


Run = Callable[..., str]


def run_alone(script: Path, *arguments: object) -> str:
    command = [sys.executable, "-c", RUN_ALONE, str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=script.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def fork_alone() -> Iterator[Run]:
    """As `run_alone`, without importing TensorFlow each time."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", FORK_ALONE], **pipes) as process:

        def run(script: Path, *arguments: object) -> str:
            process.stdin.write("\0".join(map(str, [script, *arguments])) + "\n")
            process.stdin.flush()
            status = process.stdout.readline()
            assert status == "0\n", (script.parent / "errors").read_text(encoding="utf-8")
            return (script.parent / "output").read_text(encoding="utf-8")

        yield run


@pytest.mark.parametrize("task", STUDIES)
def test_the_script_reproduces_the_score(task, tmp_path, fork_alone):
    rest = {"name": task, "model": MODEL, "budget": {"trials": 2, "epochs": 4}, "sampler": {"name": "grid"}}
    write_project(tmp_path)
    study = trained(tmp_path, {**rest, **STUDIES[task]})
    exported = export(study, tmp_path, code=CODE)
    assert str(exported.recipe.task) == task or task.startswith("user")
    assert (exported.recipe.last_epoch is not None) == (task == "regression"), "one ends early"
    repeats = STUDIES[task].get("budget", {}).get("repeats", 1)
    assert [len(split.trainings) for split in exported.splits] == [repeats] * len(exported.splits)
    script, rows, model = tmp_path / "best.py", tmp_path / "rows.npz", tmp_path / "best.keras"
    script.write_text(python_script(exported, tmp_path, CODE), encoding="utf-8")
    save_rows(study, exported, tmp_path, rows)
    shutil.rmtree(tmp_path / "nets")  # a script stands on its own
    for file in ("losses.py", "parts.py", "costs.py", "training.py", "mixup.py"):
        (tmp_path / file).unlink()
    run = run_alone if task == "multiclass" else fork_alone  # one as a user runs it
    output = run(script, rows, "--save", model)
    name = exported.metric.partition(":")[2] or exported.metric
    value = float(re.match(rf"validation {name} ([-\d.]+), recorded ([-\d.]+)", output).group(1))  # type: ignore[union-attr]
    assert value == pytest.approx(exported.value, rel=1e-4, abs=1e-6)
    assert model.is_file()
    assert f'ORDER = "{ORDERS[task]}"' in script.read_text(encoding="utf-8").replace("'", '"')
    compile(script.read_text(encoding="utf-8"), "best.py", "exec")
