"""Study files that Hypothesis makes up: sound ones, and what a slip of the hand makes of them.

`TUNER_EXAMPLES=50` makes 50 times as many examples, and other ones each time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

TIMES = int(os.environ.get("TUNER_EXAMPLES", "1"))
SECTIONS = {
    "data", "objective", "search", "search.model", "search.optimizer_options", "search.optimizer_options.sgd",
    "search.schedule_options", "search.schedule_options.step", "budget", "sampler", "pruner",
}  # fmt: skip
"""Tables that are written as `[section]`."""
CHARACTERS = st.characters(exclude_categories=["Cs"])
"""Those of UTF-8, without the table of its codec, which takes seconds to make."""


def examples(count: int) -> settings:
    """How many examples a property is tried with."""
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(max_examples=count * TIMES, deadline=None, suppress_health_check=slow)


def _choice(*values: Any, least: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=len(values), unique=True)


def _range(low: float, middle: float, high: float, *, log: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    bounds = {"low": st.floats(low, middle), "high": st.floats(middle, high)}
    return st.fixed_dictionaries(bounds, optional={"log": st.just(True)} if log else {})


_STEPS = [{"low": 0.1, "high": high, "step": step} for high in (0.3, 0.9, 0.95) for step in (0.1, 0.125, 0.07)]
OPTIMIZERS = ("sgd", "adam", "adagrad", "rmsprop")
ACTIVATIONS = ("relu", "elu", "swish", "tanh")
_DIMENSIONS: Mapping[str, st.SearchStrategy[Any]] = {
    "learning_rate": st.floats(1e-5, 1.0) | _range(1e-5, 1e-2, 1.0, log=True) | st.just("auto"),
    "momentum": st.floats(0.0, 0.99) | st.sampled_from(_STEPS) | _choice(0.0, 0.5, 0.9),
    "schedule": st.just("auto") | _choice("constant", "step", "cosine", "one_cycle"),
    "initializer": st.just("he_normal") | _choice("he_normal", "glorot_uniform", "orthogonal"),
    "batch_size": st.integers(1, 64) | _choice(8, 16, 32, 64),
    "weight_decay": _range(1e-6, 1e-4, 1e-2, log=True),
    "dropout": _range(0.0, 0.25, 0.5) | _choice(0.0, 0.2, 0.5),
    "l2": _choice(0.0, 1e-4, 1e-2),
}
_MODEL: Mapping[str, st.SearchStrategy[Any]] = {
    "units": st.sampled_from([8, [8, 16], [[8, 4], 16]]),
    "layers": st.integers(1, 3) | _choice(1, 2, 3),
    "batch_norm": st.booleans() | st.just([True, False]),
}


@st.composite
def studies(draw: st.DrawFn) -> dict[str, Any]:
    """The content of a sound study file over iris."""
    search: dict[str, Any] = {"optimizer": draw(_choice(*OPTIMIZERS)), "activation": draw(_choice(*ACTIVATIONS))}
    for name in draw(st.lists(st.sampled_from(sorted(_DIMENSIONS)), unique=True)):
        search[name] = draw(_DIMENSIONS[name])
        if name not in ("learning_rate", "momentum", "weight_decay") and draw(st.booleans()):
            search[name] = _with_condition(draw, search[name], search)
    search["model"] = {name: draw(_MODEL[name]) for name in draw(st.sets(st.sampled_from(sorted(_MODEL))))}
    if "sgd" in search["optimizer"] and draw(st.booleans()):
        search["optimizer_options"] = {"sgd": {"nesterov": [True, False]}}
    budget = {"trials": st.integers(1, 10**6), "time": st.sampled_from(["90s", "1h30m", 7.5])}
    return {
        "name": draw(st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True, alphabet=CHARACTERS)),
        "model": "models/mlp.py",
        "seed": draw(st.integers(0, 2**32 - 1)),
        "data": {"source": "iris", "scale": draw(st.sampled_from(["none", "standardize", "minmax", "robust"]))},
        "objective": {"metric": draw(st.sampled_from(["accuracy", "log_loss", "f1_macro", "balanced_accuracy"]))},
        "search": search,
        "budget": draw(st.fixed_dictionaries({"epochs": st.integers(1, 200)}, optional=budget)),
        "sampler": {"name": draw(st.sampled_from(["tpe", "random", "nsga2"]))},
        "pruner": {"name": draw(st.sampled_from(["none", "median", "hyperband"]))},
    }


def _with_condition(draw: st.DrawFn, written: Any, search: Mapping[str, Any]) -> Any:
    """A dimension under a condition on one or both of the first two."""
    if not isinstance(written, dict):
        written = {"choices": written if isinstance(written, list) or written == "auto" else [written]}
    parents = draw(st.sets(st.sampled_from(["optimizer", "activation"]), min_size=1))
    when = {p: draw(st.lists(st.sampled_from(search[p]), min_size=1, unique=True)) for p in sorted(parents)}
    return {**written, "when": when}


@st.composite
def reordered(draw: st.DrawFn, content: Any) -> Any:
    """The same content with the keys of each table, and the values of each condition, in another order."""
    if not isinstance(content, dict):
        return content
    keys = draw(st.permutations(list(content)))
    found = {key: draw(reordered(content[key])) for key in keys}
    if isinstance(found.get("when"), dict):
        found["when"] = {key: draw(st.permutations(values)) for key, values in found["when"].items()}
    return found


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(CHARACTERS, max_size=12)
    | st.sampled_from(OPTIMIZERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARACTERS, max_size=8), inner, max_size=3),
    max_leaves=5,
)
"""What may stand anywhere in a file by mistake."""


@st.composite
def slips(draw: st.DrawFn, content: dict[str, Any]) -> dict[str, Any]:
    """The content with one key removed, renamed, doubled elsewhere, or given another value."""
    changed = {**content}
    table = changed
    while True:
        key = draw(st.sampled_from(sorted(table)))
        if isinstance(table[key], dict) and table[key] and draw(st.booleans()):
            table[key] = {**table[key]}
            table = table[key]
            continue
        match draw(st.integers(0, 3)):
            case 0:
                del table[key]
            case 1:
                table[draw(st.text(CHARACTERS, max_size=10))] = table.pop(key)
            case 2:
                changed[key] = table[key]
            case _:
                table[key] = draw(ODD)
        return changed
