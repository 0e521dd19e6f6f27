"""Global state of a worker process, restored between trials.

What user code changes in the process is restored before the next trial; if it cannot be restored, the worker is
replaced.  The engines set the seeds themselves, at each build.
"""

from __future__ import annotations

import gc
import importlib
import locale
import logging
import os
import signal
import sys
import threading
import types
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tuner.engines import KERAS_SETTINGS, Setting, Snapshot
from tuner.output_files import get_umask

_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPIPE", "SIGCHLD")
    if hasattr(signal, name)
)
_WATCHED = (
    *("builtins", "math", "random", "time", "warnings", "numpy", "numpy.linalg", "numpy.random", "tensorflow", "keras"),
    *("keras.src.backend.tensorflow.core", "keras.src.backend.tensorflow.math", "keras.src.backend.tensorflow.nn"),
    *("keras.src.backend.tensorflow.numpy", "keras.src.backend.tensorflow.random"),
)
"""Modules whose functions and classes must not change, besides the public ones of Keras."""
_TENSORFLOW = ("data", "linalg", "math", "nn", "random")
_PLAIN = (dict, list, set)
_SET_BY_PYTHON = ("__builtins__", "__warningregistry__")
"""Names of a module that Python sets by itself; the second lists the warnings that its code has raised."""
_PACKAGE = Path(__file__).resolve().parents[1]


def _restore_environment(values: Mapping[str, str]) -> None:
    for name in os.environ.keys() - values.keys():
        del os.environ[name]
    os.environ.update(values)


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # the folder is gone
        return None


def _restore_streams(streams: tuple[Any, Any, Any]) -> None:
    sys.stdin, sys.stdout, sys.stderr = streams


def _hooks() -> tuple[Any, ...]:
    return sys.excepthook, sys.unraisablehook, threading.excepthook, sys.gettrace(), sys.getprofile()


def _restore_hooks(hooks: tuple[Any, ...]) -> None:
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks[:3]
    sys.settrace(hooks[3])
    sys.setprofile(hooks[4])


def _restore_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # forgets, too, which warnings were shown
    warnings.filters[:] = filters  # type: ignore[index]


def _logging() -> tuple[int, list[logging.Handler], int]:
    return logging.root.level, list(logging.root.handlers), logging.root.manager.disable


def _restore_logging(state: tuple[int, list[logging.Handler], int]) -> None:
    logging.root.setLevel(state[0])
    logging.root.handlers[:] = state[1]
    logging.disable(state[2])


def _restore_signals(handlers: list[Any]) -> None:
    for number, handler in zip(_SIGNALS, handlers, strict=True):
        if handler is not None and signal.getsignal(number) != handler:
            signal.signal(number, handler)


def _collector() -> tuple[bool, tuple[int, int, int]]:
    return gc.isenabled(), gc.get_threshold()


def _restore_collector(state: tuple[bool, tuple[int, int, int]]) -> None:
    (gc.enable if state[0] else gc.disable)()
    gc.set_threshold(*state[1])


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _process_settings() -> Iterator[Setting]:
    yield Setting("environment variables", lambda: dict(os.environ), _restore_environment)
    yield Setting("the working directory", _working_directory, os.chdir)
    yield Setting("the umask", get_umask, os.umask)
    yield Setting("sys.path", lambda: list(sys.path), lambda value: sys.path.__setitem__(slice(None), value))
    yield Setting("sys.argv", lambda: list(sys.argv), lambda value: sys.argv.__setitem__(slice(None), value))
    yield Setting("the standard streams", lambda: (sys.stdin, sys.stdout, sys.stderr), _restore_streams)
    yield Setting("Python's hooks", _hooks, _restore_hooks)
    yield Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit)
    yield Setting("warning filters", lambda: list(warnings.filters), _restore_filters)
    yield Setting("logging", _logging, _restore_logging)
    yield Setting(
        "signal handlers",
        lambda: [signal.getsignal(number) for number in _SIGNALS],
        _restore_signals if _in_main_thread() else None,
    )
    yield Setting("the garbage collector", _collector, _restore_collector)
    yield Setting("the locale", lambda: locale.setlocale(locale.LC_ALL), lambda v: locale.setlocale(locale.LC_ALL, v))
    yield Setting("NumPy's error handling", np.geterr, lambda value: np.seterr(**value))
    yield Setting("NumPy's print options", np.get_printoptions, lambda value: np.set_printoptions(**value))


class _Functions:
    """Functions and classes of libraries, and the methods of Keras's classes."""

    def __init__(self) -> None:
        modules = _watched_modules()
        classes = {tf.Tensor, tf.Variable}
        for thing in [thing for module in modules for thing in vars(module).values() if isinstance(thing, type)]:
            classes.update(base for base in thing.__mro__ if base.__module__.startswith("keras.src."))
        for cls in classes:
            getattr(cls, "__annotations__", None)  # adds them, if nobody has read them yet
        spaces = [vars(owner) for owner in (*modules, *classes)]
        self._known = [(space, {name: v for name, v in space.items() if _is_code(v)}) for space in spaces]
        # A method may be put in front of one that is inherited; a module loads more of itself when it is used.
        self._sizes = [(space, len(space)) for space in map(vars, classes)]

    def unchanged(self) -> bool:
        """Return True if none has changed."""
        return all(known.items() <= space.items() for space, known in self._known) and all(
            len(space) == size for space, size in self._sizes
        )


def _watched_modules() -> list[Any]:
    public = {name for name in sys.modules if name.startswith("keras.") and name.count(".") == 1}
    names = {*_WATCHED, *public} - {"keras._tf_keras", "keras.applications", "keras.src"}
    return [importlib.import_module(name) for name in names] + [getattr(tf, name) for name in _TENSORFLOW]


def _is_code(value: Any) -> bool:
    return callable(value) or isinstance(value, classmethod | property)


def _threads() -> set[threading.Thread]:
    """Return the threads started by Python code, not those that only call into Python."""
    return {thread for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)}


class _Module:
    """Names of a module of the user, with the contents of plain containers."""

    def __init__(self, module: types.ModuleType) -> None:
        self._space = vars(module)
        self._names = self._set_by_user()
        self._contents = [(value, value.copy()) for value in self._names.values() if type(value) in _PLAIN]

    def restore(self) -> bool:
        """Restore what has changed; returns True if anything had."""
        now = self._set_by_user()
        changed = now.keys() != self._names.keys() or any(now[name] is not self._names[name] for name in now)
        if changed:
            for name in now.keys() - self._names.keys():
                del self._space[name]
            self._space.update(self._names)
        for container, content in self._contents:
            if not _equal(container, content):
                changed = True
                container.clear()
                (container.extend if isinstance(container, list) else container.update)(content)
        return changed

    def _set_by_user(self) -> dict[str, Any]:
        return {name: value for name, value in self._space.items() if name not in _SET_BY_PYTHON}


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # arrays in it, for example: restore to be sure
        return False


class GlobalState:
    """A snapshot of the global state, after the user's files were loaded and before a trial.

    Args:
        project: Folder of the user's files.
    """

    def __init__(self, project: Path) -> None:
        self._project, self._seen = f"{project}{os.sep}", set[str]()
        self._settings = Snapshot([*KERAS_SETTINGS, *_process_settings()])
        self._functions, self._threads = _Functions(), _threads()
        self._modules = [_Module(module) for module in self._new_modules()]

    def restore(self) -> tuple[list[str], list[str]]:
        """Restore what has changed.

        Returns:
            What was restored, and what could not be.
        """
        restored, lasting = self._settings.restore()
        if [module for module in self._modules if module.restore()]:
            restored.append("global names of a file of the project")
        if not self._functions.unchanged():
            lasting.append("functions of Python, NumPy, TensorFlow or Keras")
        left = sorted(thread.name for thread in _threads() - self._threads if thread.is_alive())
        if left:
            lasting.append(f"threads ({', '.join(left[:3])})")
        if self._new_modules() and restored:  # their import may have changed it, and is done once in a process
            lasting.append("what is set when a file of the project is imported")
        return restored, lasting

    def _new_modules(self) -> list[types.ModuleType]:
        """Return the user's modules that were loaded since the last call."""
        if len(self._seen) == len(sys.modules):
            return []
        new = [(name, module) for name, module in list(sys.modules.items()) if name not in self._seen]
        self._seen.update(name for name, _ in new)
        return [module for name, module in new if self._is_own(name, module)]

    def _is_own(self, name: str, module: types.ModuleType | None) -> bool:
        if name.startswith("_tuner_content_"):
            return True
        file = str(getattr(module, "__dict__", {}).get("__file__"))  # a lazy module would be loaded by `getattr`
        own = file.startswith(self._project) and not file.startswith((f"{sys.prefix}{os.sep}", f"{_PACKAGE}{os.sep}"))
        return own and "site-packages" not in file and name != "__main__"
