"""What user code sets for a whole process is put back, or the worker is replaced."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import queue
import random
import signal
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tuner.data import DataOptions, prepare
from tuner.engines import ENGINES, KERAS_SETTINGS, Snapshot
from tuner.engines.keras_global_state import clear_session
from tuner.protocol import GlobalStateChanged, Job, JobFailed, JobFinished, ModelWarned, WorkerConfig
from tuner.protocol.wire_format import parse_event
from tuner.study import read_study_dict, resolve_recipe
from tuner.worker.global_state import GlobalState
from tuner.worker.loop import Worker

RESTORED: dict[str, Callable[[], object]] = {
    "Keras's dtype policy": lambda: keras.config.set_dtype_policy("mixed_float16"),
    "Keras's floatx": lambda: keras.config.set_floatx("float16"),
    "Keras's epsilon": lambda: keras.config.set_epsilon(0.5),
    "Keras's image data format": lambda: keras.config.set_image_data_format("channels_first"),
    "Keras's limit of epochs": lambda: keras.config.set_max_epochs(1),
    "Keras's interactive logging": keras.config.enable_interactive_logging,
    "Keras's traceback filtering": keras.config.disable_traceback_filtering,
    "Keras's safe mode": keras.config.enable_unsafe_deserialization,
    "Keras's custom objects": lambda: keras.saving.get_custom_objects().update(relu=keras.activations.elu),
    "the eager mode of functions": lambda: tf.config.run_functions_eagerly(True),
    "the determinism of operations": tf.config.experimental.enable_op_determinism,
    "the soft placement on devices": lambda: tf.config.set_soft_device_placement(False),
    "TensorFlow's JIT": lambda: tf.config.optimizer.set_jit("autoclustering"),
    "environment variables": lambda: os.environ.update(PATH="", TUNER_TEST="1"),
    "the working directory": lambda: os.chdir("/"),
    "the umask": lambda: os.umask(0o777),
    "sys.path": lambda: sys.path.insert(0, "/nowhere"),
    "the standard streams": lambda: setattr(sys, "stdout", None),
    "Python's hooks": lambda: setattr(sys, "excepthook", print),
    "the recursion limit": lambda: sys.setrecursionlimit(5000),
    "warning filters": lambda: warnings.simplefilter("ignore"),
    "logging": lambda: logging.disable(logging.CRITICAL),
    "signal handlers": lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN),
    "the garbage collector": gc.disable,
    "NumPy's error handling": lambda: np.seterr(all="ignore"),
    "NumPy's print options": lambda: np.set_printoptions(precision=1),
}


@pytest.mark.parametrize("name", RESTORED)
def test_what_can_be_put_back_is(tmp_path: Path, name: str) -> None:
    state = GlobalState(tmp_path)
    RESTORED[name]()
    restored, lasting = state.restore()
    assert restored == [name]
    assert lasting == []
    assert state.restore() == ([], [])


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (keras.layers.Dense, "call"),
        (keras.layers, "Dense"),
        (keras.optimizers.Optimizer, "apply"),
        (keras.ops, "relu"),
        (np, "mean"),
        (np, "add"),
        (tf.nn, "relu"),
        (tf.Tensor, "__add__"),
        (random, "random"),
        (random, "randint"),
        (time, "sleep"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_replaced_function_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    state = GlobalState(tmp_path)
    monkeypatch.setattr(place, name, lambda *arguments: None)
    assert state.restore() == ([], ["functions of Python, NumPy, TensorFlow or Keras"])
    monkeypatch.undo()
    assert state.restore() == ([], [])


def test_a_thread_that_is_left_lasts(tmp_path: Path) -> None:
    state = GlobalState(tmp_path)
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="loader")
    thread.start()
    try:
        assert state.restore() == ([], ["threads (loader)"])
    finally:
        end.set()
        thread.join()
    assert state.restore() == ([], [])


@contextlib.contextmanager
def loaded(name: str, **names: Any) -> Iterator[types.ModuleType]:
    module = types.ModuleType(name)
    vars(module).update(names)
    sys.modules[name] = module
    try:
        yield module
    finally:
        del sys.modules[name]


def test_names_of_a_model_file_and_what_its_containers_hold(tmp_path: Path) -> None:
    with loaded("_tuner_content_x", count=0, cache={}, rows=[1], table=np.zeros(2)) as module:
        state = GlobalState(tmp_path)
        assert state.restore() == ([], [])
        module.count += 1  # type: ignore[attr-defined]
        module.late = 3  # type: ignore[attr-defined]
        module.cache["a"] = np.zeros(2)
        module.rows.append(2)
        assert state.restore() == (["global names of a file of the project"], [])
        assert (module.count, module.cache, module.rows) == (0, {}, [1])
        assert not hasattr(module, "late")
        assert state.restore() == ([], [])


def test_a_warning_of_a_model_file_changes_none_of_its_names(tmp_path: Path) -> None:
    with loaded("_tuner_content_x") as module:
        state = GlobalState(tmp_path)
        with pytest.warns(UserWarning, match="few units"):
            exec("import warnings as w\nw.warn('few units')\ndel w", vars(module))
        assert "__warningregistry__" in vars(module)
        assert state.restore() == ([], [])


def test_what_a_late_import_has_set_lasts(tmp_path: Path) -> None:
    """It would not be set again in this process, and another trial may need it."""
    state = GlobalState(tmp_path)
    with loaded("helper", __file__=f"{tmp_path}/helper.py"):
        keras.config.set_epsilon(0.5)
        restored, lasting = state.restore()
    assert restored == ["Keras's epsilon"]
    assert lasting == ["what is set when a file of the project is imported"]


def test_modules_of_others_are_left_alone(tmp_path: Path) -> None:
    with loaded("a_library", __file__=f"{tmp_path}/.venv/lib/site-packages/a.py", count=0) as module:
        state = GlobalState(tmp_path)
        module.count = 1
        assert state.restore() == ([], [])
        assert module.count == 1


def test_clearing_the_session_keeps_the_settings() -> None:
    before = Snapshot(KERAS_SETTINGS)
    try:
        keras.config.set_dtype_policy("mixed_float16")
        clear_session()
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        before.restore()


MODEL = """
import keras

WIDE = []


def build(inputs, outputs, *, activation, initializer, mode="plain"):
    width = 4 + len(WIDE)
    if mode != "plain":
        width = 4
        WIDE.append(1)
    match mode:
        case "policy":
            keras.mixed_precision.set_global_policy("mixed_float16")
        case "epsilon":
            keras.config.set_epsilon(0.3)
    rows = keras.Input(inputs)
    x = keras.layers.Dense(width, activation, kernel_initializer=initializer)(rows)
    x = keras.layers.Dense(outputs, kernel_initializer=initializer, dtype="float32")(x)
    return keras.Model(rows, x)
"""
MODES = ("policy", "epsilon")


@pytest.mark.slow
def test_a_trial_is_what_it_is_alone_whatever_its_worker_trained_before(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(MODEL, encoding="utf-8")
    search = {"loss": "categorical_crossentropy", "model": {"mode": ["plain", *MODES]}}
    content = {"name": "s", "model": "own.py", "data": {"source": "iris"}, "search": search}
    spec = read_study_dict({**content, "budget": {"trials": 1, "epochs": 1}}, tmp_path)
    data = spec.data.model_dump(mode="json")
    place = WorkerConfig(tmp_path, "auto", data, spec.facts.sha256, spec.facts.input_shape, 0)
    prepared = prepare(DataOptions.model_validate(data), tmp_path, 0)
    values = {"learning_rate": 0.05, "loss": "categorical_crossentropy", "activation": "relu"}
    recipes = {mode: resolve_recipe(spec, {**values, "model.mode": mode}, 3).to_json() for mode in ("plain", *MODES)}

    def trained(order: list[str]) -> list[tuple[JobFinished, set[str]]]:
        """How each job ends, in one worker that is new, and what it had changed."""
        found: list[Any] = []
        worker = Worker(queue.SimpleQueue(), lambda message: found.append(parse_event(message)))
        engine, ends = ENGINES["auto"].make(), []
        for number, mode in enumerate(order):
            found.clear()
            worker.train(Job(number, recipes[mode]), place, engine, prepared)
            assert {event.number for event in found} == {number}
            changed = {name for event in found if isinstance(event, GlobalStateChanged) for name in event.restored}
            assert isinstance(found[-1], JobFinished), found[-1]
            assert not any(isinstance(event, GlobalStateChanged) and event.lasting for event in found)
            ends.append((found[-1], changed))
        return ends

    ((alone, changed),) = trained(["plain"])
    after = trained(["policy", "plain", "epsilon", "plain"])
    assert not changed
    assert [end.training for end, _ in after[1::2]] == [alone.training] * 2
    assert {end.engine for end, _ in after[1::2]} == {alone.engine} == {"compiled"}
    assert [names for _, names in after] == [
        {"Keras's dtype policy", "global names of a file of the project"},
        set(),
        {"Keras's epsilon", "global names of a file of the project"},
        set(),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("purpose", ["trial", "revalidate"])
def test_a_model_with_an_activation_before_the_head_is_refused(tmp_path: Path, purpose: str) -> None:
    (tmp_path / "own.py").write_text(MODEL.replace("Dense(outputs,", 'Dense(outputs, "softmax",'), encoding="utf-8")
    search = {"loss": "categorical_crossentropy", "learning_rate": [0.05, 0.1]}
    content = {"name": "s", "model": "own.py", "data": {"source": "iris"}, "search": search}
    spec = read_study_dict({**content, "budget": {"trials": 1, "epochs": 1}}, tmp_path)
    data = spec.data.model_dump(mode="json")
    place = WorkerConfig(tmp_path, "fit", data, spec.facts.sha256, spec.facts.input_shape, 0)
    prepared = prepare(DataOptions.model_validate(data), tmp_path, 0)
    found: list[Any] = []
    worker = Worker(queue.SimpleQueue(), lambda message: found.append(parse_event(message)))
    recipe = resolve_recipe(spec, {"learning_rate": 0.05}, 3).to_json()
    job = Job(0, recipe) if purpose == "trial" else Job(0, recipe, purpose="revalidate", folder=str(tmp_path))
    worker.train(job, place, ENGINES["fit"].make(), prepared)
    if purpose == "trial":
        assert isinstance(found[-1], JobFailed)
        assert "ContentError: The model ends in softmax" in found[-1].error
    else:  # of a study that was run before this was refused
        assert isinstance(found[-1], JobFinished)
        assert "The model ends in softmax" in next(event.text for event in found if isinstance(event, ModelWarned))
