"""The dimensions of numbers: learning rate, momentum, batch size, penalties …"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tuner.space import Categorical, Fixed, Float, Parameter, Value
from tuner.spec.conditions_from import Draft
from tuner.spec.parameters_from import Given, read_parameter
from tuner.spec.places import Place
from tuner.spec.problems import dotted, listed
from tuner.spec.reading import SHARED, Reading, values_of
from tuner.training import LOSSES, OPTIMIZERS, NumberDimension, Task


def number_drafts(dimension: NumberDimension, reading: Reading) -> Iterator[Draft]:
    name, key = dimension.name, dotted("search", dimension.name)
    explicit = name in reading.section
    if explicit and not _means_something(dimension, key, reading):
        return
    limits, reasons = _limits(name, reading)
    if limits is None:
        if explicit:
            reading.problems.add(
                key,
                f"would never count: {reasons}",
                reading.section[name],
                next_step="Remove it, or choose another " + ("loss." if name == "label_smoothing" else "optimizer."),
            )
        return
    given = _given_number(dimension, key, reading, limits)
    if given is not None:
        parent_reasons = dict.fromkeys(limits, reasons)
        yield Draft(name, key, given.parameter, given.when, limits, parent_reasons)
    elif explicit:
        reading.broken.add(name)


def _given_number(
    dimension: NumberDimension, key: str, reading: Reading, limits: Mapping[str, tuple[Value, ...]]
) -> Given | None:
    if dimension.name == "learning_rate":
        sharing = limits.get("optimizer", reading.chosen.get("optimizer", ()))
        auto: Parameter | None = _rates(tuple(str(name) for name in sharing))
    else:
        auto = _shortened(dimension.auto, reading.rows) if dimension.name == "batch_size" else dimension.auto
    if dimension.name in reading.section:
        place = Place(key, dimension.allowed, auto, dimension.words)
        given = read_parameter(reading.section[dimension.name], place, reading.problems)
        if given is not None and given.parameter != auto and dimension.name == "batch_size":
            _check_batch(given.parameter, key, reading)
        return given
    if reading.given is None and dimension.by_default and auto is not None:
        return Given(auto)
    return None if dimension.default is None else Given(Fixed(dimension.default))


def _limits(name: str, reading: Reading) -> tuple[dict[str, tuple[Value, ...]] | None, str]:
    """Under which values of other dimensions this one counts (None for never), and why."""
    if name == "label_smoothing":
        losses = reading.chosen.get("loss")
        return _limited("loss", losses, [n for n in losses or () if LOSSES[n].label_smoothing], "it takes none")
    if name not in SHARED:
        return {}, ""
    optimizers = reading.chosen.get("optimizer")
    having, reason = list(optimizers or ()), ""
    if name == "momentum":
        having = [n for n in having if OPTIMIZERS[n].momentum is not None]
        reason = "it has no momentum term"
    own = [n for n in having if name in reading.table("optimizer_options", n)]
    if own:
        reason = " or ".join(filter(None, [reason, f"it has a {name} of its own in [search.optimizer_options]"]))
    return _limited("optimizer", optimizers, [n for n in having if n not in own], reason)


def _limited(
    parent: str, chosen: tuple[str, ...] | None, having: list[str], reason: str
) -> tuple[dict[str, tuple[Value, ...]] | None, str]:
    if chosen is None or len(having) == len(chosen):
        return {}, reason
    if not having:
        return None, f"{listed(chosen)}: {reason}"
    return {parent: tuple(having)}, reason


def _means_something(dimension: NumberDimension, key: str, reading: Reading) -> bool:
    """Whether the dimension means anything for the task; notes the problem where it does not."""
    if dimension.name != "class_weight" or reading.task in (None, Task.MULTICLASS, Task.BINARY):
        return True
    reading.problems.add(
        key,
        f"class weights need one class a row, but the task of the data is {reading.task}",
        reading.section[dimension.name],
        allowed="a study of the task multiclass or binary",
        next_step="Remove it.",
    )
    return False


def _rates(optimizers: tuple[str, ...]) -> Float | None:
    """The range that covers those of these optimizers; None where none has one."""
    ranges = [OPTIMIZERS[name].learning_rates for name in optimizers]
    known = [rates for rates in ranges if isinstance(rates, Float)]
    return Float(min(r.low for r in known), max(r.high for r in known), log=True) if known else None


def _shortened(auto: Parameter | None, rows: int | None) -> Parameter | None:
    """The choice of batch sizes without those beyond the training part; the smallest one stays."""
    if rows is None or not isinstance(auto, Categorical):
        return auto
    fitting = tuple(size for size in auto.choices if isinstance(size, int) and size <= rows)
    return Categorical(fitting or auto.choices[:1])


def _check_batch(parameter: Parameter, key: str, reading: Reading) -> None:
    if reading.rows is None:
        return
    sizes = [value for value in values_of(parameter) if isinstance(value, int)]
    if sizes and min(sizes) > reading.rows:
        reading.problems.add(
            key,
            f"every batch is larger than the training part, which has {reading.rows:,} rows",
            sizes[0] if len(sizes) == 1 else sizes,
            allowed=f"at most {reading.rows:,}",
            next_step="Use smaller batches.",
        )
    elif sizes and max(sizes) > reading.rows:
        reading.advice.append(
            f"search.batch_size: {max(sizes):,} is more than the {reading.rows:,} rows of the training part, which are "
            "then one batch: sizes beyond that are one and the same"
        )
