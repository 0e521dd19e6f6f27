"""Mistakes in parts of one's own: each is said once, before anything trains, with the file and the line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from user_objects import COSTS, LOSSES, TRAINING, study, write_project

from tuner.catalog import try_user_code
from tuner.errors import ContentError, StudyFileError
from tuner.study import read_study_dict, resolve_recipe, try_user_objects

pytest.importorskip("keras")
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Mistake:
    """A mistake that is planted in a file of the project.

    Attributes:
        part: The family and the reference that the study names.
        old: What the file says.
        new: What it says with the mistake.
        says: What the message must hold.
        line: The text of the line that the message must name by its number, or None if it needs none.
        task: Of the data.
    """

    part: tuple[str, str]
    old: str
    new: str
    says: str
    line: str | None = None
    task: str = "binary"


LOSS, PINBALL, MONEY = ("loss", "losses.py:tversky"), ("loss", "losses.py:Pinball"), ("metric", "costs.py:money")
BELIEF, RATES = ("optimizer", "training.py:AdaBelief"), ("schedule", "training.py:triangular")
FIXUP, BENT = ("initializer", "training.py:Fixup"), ("activation", "training.py:bent")
ADAPTIVE = ("clipping", "training.py:adaptive")

OF_LOSS = "    return 1.0 - (hit + 1.0) / (hit + alpha * false + beta * missed + 1.0)"
OF_METRIC = "    return np.average(cost, weights=weight)"
OF_RATES = "    return base * (lowest + (1.0 - lowest) * (1.0 - abs(2.0 * part - 1.0)))"
OF_CLIPPING = "    return [g * ops.minimum(1.0, most / (ops.norm(g) + 1e-6)) for g, most in zip(gradients, longest)]"
CALLS = "    globals()['calls'] = calls = globals().get('calls', 0) + 1\n"

MISTAKES: dict[str, Mistake] = {
    # what is read from the source
    "mutable default": Mistake(LOSS, "alpha=0.5", "alpha=[0.5]", "is one object that all calls share", "def tversky"),
    "computed default": Mistake(LOSS, "alpha=0.5", "alpha=1 / 2", "needs a literal default", "def tversky"),
    "required option": Mistake(LOSS, "alpha=0.5", "alpha", "requires (y_true, y_pred, alpha). Give each option a"),
    "missing head": Mistake(LOSS, "tversky.heads", "heads", "losses.py:tversky has no heads. Write tversky.heads = {"),
    "unknown head": Mistake(LOSS, '"sigmoid", "multi', '"sigmod", "multi', "map tasks (multiclass, binary, multi"),
    "misspelt name": Mistake(LOSS, "def tversky", "def tverski", "losses.py has no function 'tversky'. Did you mean"),
    "no Python": Mistake(LOSS, "def tversky", "def tversky(", "losses.py is not valid Python", "def tversky("),
    "missing module": Mistake(LOSS, "from parts", "from shares", "losses.py:tversky fails|imports shares|No module"),
    "no direction": Mistake(MONEY, "money.direction", "direction", "costs.py:money says none. Write money.direction"),
    "class as metric": Mistake(MONEY, "def money", "class money", "costs.py:money is a class. Write a function"),
    "async": Mistake(LOSS, "def tversky", "async def tversky", "is an async function, which nothing", "def tversky"),
    "generator": Mistake(LOSS, OF_LOSS, "    yield 1.0 - hit", "losses.py:tversky is a generator", "yield 1.0"),
    "lambda": Mistake(
        LOSS, "def tversky", "tversky = lambda y, p: p\n\n\ndef other", "value that is assigned", "= lambda"
    ),
    "instance": Mistake(
        FIXUP, "class Fixup", "Fixup = keras.initializers.Ones()\n\n\nclass Other", "Write it with def", "= keras"
    ),
    "imported": Mistake(LOSS, "def tversky", "from parts import sums as tversky\n\n\ndef other", "tversky is imported"),
    "array as default": Mistake(LOSS, "alpha=0.5", "alpha=np.array([1.0])", "needs a literal default", "def tversky"),
    "no arguments": Mistake(LOSS, "def tversky(y_true, y_pred, ", "def tversky(", "Write def tversky(y_true, y_pred)."),
    "one argument": Mistake(MONEY, "(truth, answers, weight=None)", "(truth)", "Write def money(truth, scores)."),
    # what a loss returns
    "column": Mistake(LOSS, OF_LOSS, "    return (1.0 - hit)[:, None]", "losses.py:tversky returned shape (4, 1)"),
    "scalar": Mistake(LOSS, OF_LOSS, "    return ops.mean(hit)", "so shape (4,) for 4 rows, but losses.py:tversky ret"),
    "matrix": Mistake(LOSS, OF_LOSS, "    return y_true * y_pred", "losses.py:tversky returned shape (4, 1)"),
    "nothing": Mistake(LOSS, OF_LOSS, "    1.0 - hit", "losses.py:tversky returned None"),
    "NaN": Mistake(LOSS, OF_LOSS, "    return ops.log(hit - 1e9)", "losses.py:tversky returned [nan"),
    "no gradient": Mistake(LOSS, OF_LOSS, "    return ops.round(hit) * 0 + ops.sum(y_true, -1)", "A loss needs a gra"),
    "raises": Mistake(LOSS, OF_LOSS, "    return hit.nothing", "fails when it is called (line", "hit.nothing"),
    "exits": Mistake(LOSS, OF_LOSS, "    raise SystemExit('no')", "fails when it is called (line", "SystemExit"),
    "eager only": Mistake(
        LOSS,
        OF_LOSS,
        "    return 1.0 - hit if float(hit[0]) < 9 else hit",
        "in a graph, as training",
        "float(hit",
    ),
    "prints": Mistake(LOSS, OF_LOSS, "    print('loss', alpha)\n    return 1.0 - hit", "tversky printed 'loss 0.3'"),
    "second call": Mistake(
        LOSS, OF_LOSS, f"{CALLS}    return (1.0 - hit) * (1.0, 1.0)[calls]", "when it is called again", "[calls]"
    ),
    "lost option": Mistake(PINBALL, ', "tau": self.tau}', "}", "losses.py:Pinball leaves out tau", task="regression"),
    "no Keras class": Mistake(
        PINBALL, "keras.losses.Loss", "object", "losses.py:Pinball fails when|Derive it from", task="regression"
    ),
    # what a metric returns
    "array": Mistake(MONEY, OF_METRIC, "    return cost", "one number, but costs.py:money returned array"),
    "text": Mistake(MONEY, OF_METRIC, "    return 'much'", "one number, but costs.py:money returned 'much'"),
    "metric NaN": Mistake(MONEY, OF_METRIC, "    return float('nan')", "costs.py:money returned nan for 4 rows"),
    "metric raises": Mistake(MONEY, OF_METRIC, "    raise ValueError('no')", "ValueError: no", "raise ValueError"),
    "metric prints": Mistake(MONEY, OF_METRIC, "    print('cost', 3)\n    return 1.0", "money printed 'cost 3'"),
    "writes": Mistake(MONEY, OF_METRIC, "    truth[0] = 1\n    return 1.0", "read-only", "truth[0] = 1"),
    "metric, second call": Mistake(
        MONEY, OF_METRIC, f"{CALLS}    return 1.0 / (2 - calls)", "ZeroDivisionError", "2 - calls"
    ),
    "random metric": Mistake(
        MONEY, OF_METRIC, "    return np.random.rand()", "the same number for the same predictions"
    ),
    "complex": Mistake(MONEY, OF_METRIC, "    return 1j", "one number, but costs.py:money returned 1j"),
    "array of one": Mistake(
        MONEY, OF_METRIC, "    return np.array([1.0])", "one number, but costs.py:money returned ar"
    ),
    # what else has a part of its own
    "rates of 0": Mistake(RATES, OF_RATES, "    return base * (step // steps)", "returned 0 for each of 2,000 steps"),
    "random rates": Mistake(
        RATES, OF_RATES, "    import random\n    return base * random.random()", "the same rate for the same step"
    ),
    "activation sign": Mistake(
        BENT, "return (ops.sqrt", "return ops.sign(x)\n    return (ops.sqrt", "gradient, but that"
    ),
    "activation casts": Mistake(
        BENT,
        "return (ops.sqrt",
        "return ops.cast(x, 'int32')\n    return (ops.sqrt",
        "that of training.py:bent is lost",
    ),
    "no update_step": Mistake(
        BELIEF, "def update_step", "def update_steps", "training.py:AdaBelief has no update_step"
    ),
    "no get_config": Mistake(BELIEF, "def get_config", "def get_settings", "leaves out beta_1, beta_2, epsilon"),
    "no build of Keras": Mistake(BELIEF, "        super().build(variables)\n", "", "Begin it with super().build("),
    "step without effect": Mistake(
        BELIEF,
        "self.assign_sub(variable, rate * upper / lower)",
        "return rate * upper / lower",
        "leaves them unchanged",
    ),
    "third step": Mistake(
        BELIEF,
        "self.assign_sub(variable, rate * upper / lower)",
        "if int(self.iterations) > 1: raise ValueError('no')",
        "fails when it is called again (line",
        "raise ValueError",
    ),
    "gradient None": Mistake(ADAPTIVE, OF_CLIPPING, "    return [None for g in gradients]", "adaptive returned None"),
    "negative rate": Mistake(RATES, OF_RATES, "    return part - 0.5", "returned -0.5 for step 0 of 100"),
    "rate NaN": Mistake(RATES, OF_RATES, "    return float('nan')", "training.py:triangular returned nan"),
    "rates": Mistake(RATES, OF_RATES, "    return [base]", "one rate for each step, but training.py:triangular"),
    "rate raises": Mistake(RATES, OF_RATES, "    return base / step", "when it is called (line", "base / step"),
    "rate prints": Mistake(RATES, OF_RATES, "    print(step)\n    return base", "must not print"),
    "activation shape": Mistake(BENT, "return (ops.sqrt", "return x[:, :1]\n    return (ops.sqrt", "gave (4, 1)"),
    "activation NaN": Mistake(BENT, "return (", "return ops.log(-1.0 - x * x) * (", "training.py:bent gave [[nan"),
    "weights of one shape": Mistake(FIXUP, "random.normal(shape,", "random.normal((2, 2),", "Fixup gave (2, 2)"),
    "initializer loses": Mistake(FIXUP, '{"factor": self.factor}', "{}", "training.py:Fixup leaves out factor"),
    "layer": Mistake(FIXUP, "keras.initializers.Initializer", "keras.layers.Layer", "Derive it from Initializer"),
    "optimizer loses": Mistake(BELIEF, '"beta_2": self.beta_2, ', "", "training.py:AdaBelief leaves out beta_2"),
    "step NaN": Mistake(BELIEF, "rate * upper / lower", "upper / 0.0", "training.py:AdaBelief gave [[-inf"),
    "unknown variable": Mistake(BELIEF, "rate * upper", "rates * upper", "NameError", "rates * upper"),
    "one gradient": Mistake(ADAPTIVE, OF_CLIPPING, "    return gradients[:1]", "here 2, but training.py:adaptive"),
    "no gradients": Mistake(ADAPTIVE, OF_CLIPPING, "    pass", "training.py:adaptive returned a NoneType"),
    "gradient shape": Mistake(ADAPTIVE, OF_CLIPPING, "    return [ops.norm(g) for g in gradients]", "adaptive gave ()"),
    "gradient NaN": Mistake(ADAPTIVE, OF_CLIPPING, "    return [g / 0.0 for g in gradients]", "adaptive gave [["),
    "clipping by hand": Mistake(
        ADAPTIVE, OF_CLIPPING, "    return [g if float(g[0]) else g for g in gradients]", "fails when", "float(g[0])"
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_before_training(tmp_path: Path, name: str) -> None:
    mistake = MISTAKES[name]
    file = mistake.part[1].partition(":")[0]
    text = {"losses.py": LOSSES, "costs.py": COSTS, "training.py": TRAINING}[file]
    assert mistake.old in text
    planted = text.replace(mistake.old, mistake.new, 1)
    (write_project(tmp_path) / file).write_text(planted, encoding="utf-8")
    (told,) = messages(tmp_path, mistake)
    assert any(part in told for part in mistake.says.split("|")), told
    assert file in told
    assert "\n" not in told
    assert "Traceback" not in told
    if mistake.line is not None:
        number = next(n for n, line in enumerate(planted.splitlines(), 1) if mistake.line in line)
        assert f"line {number}" in told


def messages(project: Path, mistake: Mistake) -> list[str]:
    """What `check` says of it: the problems of the study, or those of the first call."""
    family, reference = mistake.part
    search: dict[str, Any] = {"l2": [0.0, 1e-4]}
    search |= {} if family == "metric" else {family: reference}
    if reference.endswith("tversky"):
        search["loss_options"] = {reference: {"alpha": 0.3}}
    changed = {"objective": {"metric": reference} if family == "metric" else {}, "search": search}
    source = {"source": "diabetes" if mistake.task == "regression" else "breast_cancer"}
    try:
        spec = read_study_dict(study(**changed, data=source), project)
    except StudyFileError as error:
        return [f"{problem.rule}. {problem.next_step}" for problem in error.problems]
    with pytest.raises(StudyFileError) as caught:
        try_user_objects(spec)
    with pytest.raises(ContentError):  # a trial is refused as well
        try_user_code(resolve_recipe(spec, {"l2": 0.0}, 0))
    return [f"{problem.rule}. {problem.next_step}" for problem in caught.value.problems]
