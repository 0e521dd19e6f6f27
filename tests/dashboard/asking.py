"""Requests to a WSGI application as function calls, and a small study to ask for."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna

from tuner.dashboard import Address

TOKEN = "a-token-of-these-tests-0123456789"
LOCAL = Address("127.0.0.1", "127.0.0.1", 8080)
LAN = Address("0.0.0.0", "0.0.0.0", 8080)
OURS = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    app: Any, method: str, target: str, body: bytes = b"", remote_addr: str = "127.0.0.1", **headers: str
) -> Answer:
    """One request; `Host` is ours unless given, and header names are written with `_` for `-`."""
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "REMOTE_ADDR": remote_addr,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_HOST": "127.0.0.1:8080",
        "HTTP_ACCEPT_ENCODING": "gzip",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(body),
    }
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    setup_testing_defaults(environ)
    started: list[tuple[str, list[tuple[str, str]]]] = []
    parts = app(environ, lambda status, given, exc_info=None: started.append((status, given)))
    content = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    status, given = started[-1]
    return Answer(int(status.split()[0]), dict(given), content)


def study_with_trials(storage: Any, name: str, trials: int = 8) -> optuna.Study:
    """A study as Optuna makes it."""
    study = optuna.create_study(storage=storage, study_name=name, sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
        optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"])
        for step in range(1, 4):
            trial.report(rate / step, step)
        return rate + (optimizer == "adam")

    study.optimize(objective, n_trials=trials)
    return study
