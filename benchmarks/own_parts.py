"""User-defined parts, each in a file of its own: both engines and the exported script, against each other.

    python benchmarks/own_parts.py

For each part a recipe with it is trained by `fit` and by `compiled` on the same rows, in one batch an epoch, so that
the order of the rows does not count; printed is the largest relative difference of an objective or a loss, or why the
compiled engine refuses it.  Then a study trains it, its best trial is exported as a script, and the script is run in an
empty folder without this package and what else it needs than Keras; printed is how far its score is from the recorded.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

PROJECT = Path(__file__).resolve().parents[1]
ALONE = """
import runpy, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"tuner", "optuna", "sklearn", "pandas", "scipy", "sqlalchemy", "pydantic"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Block())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
PINBALL = '''"""pinball.py"""

from keras import ops


def pinball(y_true, y_pred, *, tau=0.5):
    """The pinball loss of each row, whose best answer is the quantile tau."""
    error = y_true - y_pred
    return ops.mean(ops.maximum(tau * error, (tau - 1.0) * error), axis=-1)


pinball.heads = {"regression": "linear"}
'''
RATES = {"learning_rate": [3e-3, 1e-2]}
PARTS: dict[str, dict[str, Any]] = {
    "Tversky loss": {
        "search": {"loss": "losses.py:tversky", "loss_options": {"losses.py:tversky": {"alpha": 0.3}}, **RATES}
    },
    "pinball loss, tau 0.8": {
        "data": {"source": "diabetes"},
        "search": {"loss": "pinball.py:pinball", "loss_options": {"pinball.py:pinball": {"tau": 0.8}}, **RATES},
    },
    "cost metric, 20 to 1": {"objective": {"metric": "costs.py:money"}, "search": RATES},
    "AdaBelief": {"search": {"optimizer": "training.py:AdaBelief", **RATES}},
    "triangular schedule": {"search": {"schedule": "schedules.py:triangular", **RATES}},
    "initializer": {"search": {"initializer": "shapes.py:Fixup", **RATES}},
    "adaptive clipping": {
        "search": {
            "clipping": "clipping.py:adaptive",
            "clipping_options": {"clipping.py:adaptive": {"factor": 0.02}},
            **RATES,
        }
    },
    "keras.losses:Dice": {
        "head": "sigmoid",
        "search": {"loss": "keras.losses:Dice", "loss_options": {"keras.losses:Dice": {"axis": [[1]]}}, **RATES},
    },
}


def main() -> None:
    """Print a line for each part."""
    print(f"{'part':24}{'compiled and fit':>40}{'script':>12}")
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        page = (PROJECT / "docs" / "user-code.md").read_text(encoding="utf-8")
        files = {
            text.split('"')[3]: text for text in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        }
        for name, text in {**files, "pinball.py": PINBALL}.items():
            (project / name).write_text(text, encoding="utf-8")
        for part, content in PARTS.items():
            print(f"{part:24}{difference(project, content):>40}{script(project, part, content):>12}", flush=True)


def study(content: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a study of a part."""
    return {
        "name": name,
        "model": "models/mlp.py",
        "data": {"source": "breast_cancer"},
        "budget": {"trials": 2, "epochs": 5, "keep": "last"},
        "workers": 1,
        **content,
    }


def difference(project: Path, content: dict[str, Any]) -> str:
    """Compare the engines over five epochs of one recipe."""
    from tuner.catalog import add_user_entries
    from tuner.data import prepare
    from tuner.engines import ENGINES, EpochRecord, TrainingTask
    from tuner.errors import UnsupportedError
    from tuner.study import read_study_dict, resolve_recipe
    from tuner.user_code import Reference, load

    spec = read_study_dict(study(content, "compared"), project)
    prepared = prepare(spec.data, project, spec.seed)
    split = prepared.splits[0]
    recipe = resolve_recipe(spec, {"learning_rate": 3e-3}, 0).model_copy(update={"batch_size": len(split.train)})
    add_user_entries(project, recipe)
    found: list[list[EpochRecord]] = []
    for engine in ("fit", "compiled"):
        records: list[EpochRecord] = []
        task = TrainingTask(recipe, split, prepared.facts, load(project, Reference.parse("models/mlp.py", "build")))
        try:
            ENGINES[engine].make().train(task, lambda record, records=records: records.append(record) is None)  # type: ignore[misc]
        except UnsupportedError as error:
            return f"fit: {error}"
        found.append([replace(record, seconds=0.0) for record in records])
    pairs = [
        (getattr(one, name), getattr(other, name))
        for one, other in zip(*found, strict=True)
        for name in ("metric", "loss", "val_loss")
    ]
    return f"{max(abs(one - other) / max(abs(one), 1e-9) for one, other in pairs):.1e}"


def script(project: Path, part: str, content: dict[str, Any]) -> str:
    """Run a study and its script; return the difference of the score."""
    import tuner

    name = re.sub(r"\W+", "-", part).strip("-")
    tuner.run(**study(content, name), project=project)
    python, rows = project / f"{name}.py", project / f"{name}.npz"
    command = ["-m", "tuner", "export", name, "--format", "python", "--data", rows, "-o", python, "--force"]
    for text in named(content):
        command += ["--code", text]
    subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True, cwd=project)
    empty = project / "empty"
    empty.mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, "-c", ALONE, python, rows], check=True, capture_output=True, cwd=empty)
    return done.stdout.decode().rpartition("difference ")[2].strip()


def named(content: dict[str, Any]) -> list[str]:
    """Return the references in a study."""
    texts = [content.get("objective", {}).get("metric"), *content["search"].values()]
    return [text for text in texts if isinstance(text, str) and ":" in text]


if __name__ == "__main__":
    main()
