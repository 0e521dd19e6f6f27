"""What a checkpoint costs, and whether a trial that was killed repeatedly ends like one that was not.

    python benchmarks/checkpoints.py [--epochs 12]
    python benchmarks/checkpoints.py --kills 3 [--engine compiled|fit] [--seed 0]

The first form prints a line for each engine and model on digits: time of an epoch, size of a checkpoint, time of making
it in the worker, of sending it to the coordinator, and of writing it to SQLite, the share of these in an epoch, and the
share of the worker's part in the time of a trial, at the pace that a worker keeps.  The second runs a study of two
trials with `tuner run`, once without a cut, and once with SIGKILL to the coordinator and its workers at random moments,
each time followed by the same command; then it compares values, curves and health, bit for bit.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
STUDY = """
name = "checkpoints"
model = "models/mlp.py"
engine = "{engine}"
workers = 2
[data]
source = "digits"
[search]
loss = "categorical_crossentropy"
optimizer = ["sgd", "adam"]
learning_rate = {{ low = 1e-3, high = 1e-2, log = true }}
momentum = {{ low = 0.5, high = 0.9 }}
schedule = "reduce_on_plateau"
class_weight = "balanced"
[search.model]
units = 64
dropout = 0.3
batch_norm = true
[budget]
trials = 2
epochs = {epochs}
checkpoint = true
[pruner]
name = "none"
"""
EPOCHS = {"compiled": 600, "fit": 60}
TABLES = {
    "values": "value from trial_values",
    "parameters": "param_name, param_value from trial_params",
    "reports": "step, intermediate_value from trial_intermediate_values",
    "epochs": "fold, epoch, loss, val_loss, metric, learning_rate from tuner_epochs",
    "probes": "fold, epoch, loss, constant_loss from tuner_probes",
    "layers": 'fold, epoch, position, layer, gradient, "update", dead, saturated from tuner_layers',
    "verdicts": "position, verdict, tuner_verdicts.number, text from tuner_verdicts",
    "checkpoints": "epoch from tuner_checkpoints",
}
"""What is compared, each row behind the number of its trial."""


def read(database: Path, query: str) -> list[Any]:
    """Rows; none while there are no tables."""
    if not database.exists():
        return []
    with sqlite3.connect(database, timeout=60) as connection:
        if not connection.execute("select 1 from sqlite_master where name = 'tuner_checkpoints'").fetchall():
            return []  # the tables are not made yet
        return connection.execute(query).fetchall()


def start(folder: Path, file: Path, log: Any) -> subprocess.Popen[bytes]:
    """`tuner run`, with its workers in sessions of their own."""
    command = [sys.executable, "-m", "tuner", "run", str(file), "--storage", f"sqlite:///{folder}/t.db"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def descendants(pid: int) -> list[int]:
    """Children of a process, and theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def wait_for_checkpoints(database: Path, before: dict[int, int], process: subprocess.Popen[bytes]) -> dict[int, int]:
    """Until each of the two trials has one that is later than before; their epochs."""
    while True:
        now = dict(read(database, "select trial_id, epoch from tuner_checkpoints"))
        if len(now) == 2 and all(now[trial] > before.get(trial, 0) for trial in now):
            return now
        if process.poll() is not None:
            raise SystemExit("the study ended before it could be killed: give it more epochs")
        time.sleep(0.05)


def kill(kills: int, engine: str, seed: int) -> None:
    """Run a study without a cut and with some, and compare what is stored."""
    draw, stored, cuts = random.Random(seed), [], []
    for times in (0, kills):
        with tempfile.TemporaryDirectory(prefix="tuner-checkpoints-") as name:
            folder = Path(name)
            file, database = folder / "checkpoints.toml", folder / "t.db"
            file.write_text(STUDY.format(engine=engine, epochs=EPOCHS[engine]))
            epochs: dict[int, int] = {}
            with open(folder / "log", "wb") as log:
                for _ in range(times):
                    process = start(folder, file, log)
                    epochs = wait_for_checkpoints(database, epochs, process)
                    time.sleep(draw.uniform(0.0, 1.5))
                    victims = [*descendants(process.pid), process.pid]
                    draw.shuffle(victims)
                    for victim in victims:
                        os.kill(victim, signal.SIGKILL)
                    process.wait()
                    last = dict(read(database, "select trial_id, max(epoch) from tuner_epochs group by 1"))
                    cuts.append({trial: (epochs[trial], last[trial]) for trial in sorted(epochs)})
                if start(folder, file, log).wait() != 0:
                    raise SystemExit((folder / "log").read_text())
            if "anew" in (folder / "log").read_text():
                raise SystemExit((folder / "log").read_text())
            joined = "select trials.number, {} join trials using (trial_id)"
            stored.append({table: sorted(read(database, joined.format(query))) for table, query in TABLES.items()})
    print(f"{engine}: {kills} times killed, at (checkpoint at least, last epoch stored) of each trial: {cuts}")
    for table in TABLES:
        one, other = (found[table] for found in stored)
        print(
            f"  {table}: {len(one)} rows without a cut, {len(other)} with: {'equal' if one == other else 'DIFFERENT'}"
        )


def measured(engine: str, model: dict[str, Any], epochs: int) -> tuple[dict[str, float], int, int]:
    """Median seconds of an epoch and of each part of a checkpoint, its bytes, and the weights of the model."""
    from tuner.data import prepare
    from tuner.engines import ENGINES, Checkpoint, run_trial
    from tuner.protocol import CheckpointSaved
    from tuner.protocol.wire_format import decode, encode, event_message, parse_event
    from tuner.storage import StudySession, open_database
    from tuner.study import read_study_dict, resolve_recipe
    from tuner.user_code import Reference, load

    content = {"name": "c", "model": "models/mlp.py", "data": {"source": "digits"}, "budget": {"epochs": epochs}}
    search = {"optimizer": "adam", "learning_rate": [1e-3, 1e-4], "model": model}
    spec = read_study_dict({**content, "search": search}, PROJECT)
    values = spec.space.resolve(lambda dimension: getattr(dimension.parameter, "choices", [None])[0])
    recipe, prepared = resolve_recipe(spec, values, 0), prepare(spec.data, PROJECT, 0)
    times: dict[str, list[float]] = {"epoch": [], "make": [], "send": [], "write": []}
    sizes = [0, 0]

    def timed(name: str, call: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        found = call()
        times[name].append(time.perf_counter() - began)
        return found

    def on_epoch(record: Any, report: Any) -> bool:
        times["epoch"].append(record.seconds)
        return True

    with tempfile.TemporaryDirectory(prefix="tuner-checkpoints-") as folder:
        database = open_database(f"sqlite:///{folder}/t.db", create=True)
        store = StudySession(database, "c", "maximize")
        store.claim_trials(lambda waiting: [{}])

        def keep(make: Callable[[], Checkpoint]) -> None:
            made = timed("make", lambda: make().to_bytes(recipe))
            sizes[:] = len(made), sum(array.size for array in make().state.arrays["probed"])
            message = event_message(CheckpointSaved(0, 0, 1, 1.0, made))
            event = timed("send", lambda: parse_event(decode(encode(message))))

            def write() -> None:
                store.add_checkpoint(0, (0, 1), 1.0, (), event.content)
                store.flush()

            timed("write", write)

        build = load(PROJECT, Reference.parse(recipe.model.reference, "build"))
        run_trial(ENGINES[engine].make(), recipe, prepared, build, on_epoch, on_checkpoint=keep)
        store.close()
        database.close()
    return {name: statistics.median(seconds) for name, seconds in times.items()}, sizes[0], sizes[1]


def cost(epochs: int) -> None:
    """Print a line for each engine and model."""
    from tuner.protocol import CHECKPOINT_EVERY_S
    from tuner.worker.checkpoint_policy import MAX_TIME_SHARE

    print("engine     weights   epoch ms     MB   make ms   send ms   write ms   of an epoch   of a trial")
    for engine in EPOCHS:
        for model in ({"units": 64}, {"units": 64, "dropout": 0.3, "batch_norm": True}, {"units": 900, "layers": 2}):
            seconds, size, weights = measured(engine, model, epochs)
            mine = seconds["make"] + seconds["send"] / 2  # the other half is the coordinator's
            share = mine / (mine + max(CHECKPOINT_EVERY_S, mine / MAX_TIME_SHARE))
            ms = [1000 * seconds[name] for name in ("make", "send", "write")]
            print(
                f"{engine:9} {weights:9,} {1000 * seconds['epoch']:10.1f} {size / 1e6:6.2f} {ms[0]:9.1f} {ms[1]:9.1f} "
                f"{ms[2]:10.1f} {sum(ms) / seconds['epoch'] / 1000:13.1%} {share:12.2%}"
            )


def main() -> None:
    """Measure, or kill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--engine", choices=list(EPOCHS), default="compiled")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.kills:
        kill(options.kills, options.engine, options.seed)
    else:
        cost(options.epochs)


if __name__ == "__main__":
    main()
