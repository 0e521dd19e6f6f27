"""From `[data]` to the parts that are trained and measured on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner.catalog import Task
from tuner.data.column_advice import column_advice
from tuner.data.content_hash import content_hash, encoded_hash, matches_rows
from tuner.data.data_config import DataOptions, Folds
from tuner.data.dataset import Array, DataFacts, HeldOut, PreparedData, Subset
from tuner.data.encoders import ENCODERS
from tuner.data.encoding import Encoded, check_texts, encode, missing, refuse_missing
from tuner.data.group_and_order_columns import PARTS
from tuner.data.independent_units import Dependence
from tuner.data.likely_groups import find_split_groups
from tuner.data.linear_separability import is_linearly_separable
from tuner.data.raw_data import RawData, join
from tuner.data.source_remarks import remarks
from tuner.data.sources import check_keys, find_source
from tuner.data.split_advice import split_advice
from tuner.data.split_notes import split_notes
from tuner.data.split_preprocessing import Fitted, fit_split, unscaled_parts
from tuner.data.splitting import Layout, check_apart, given_parts, split_indices
from tuner.data.strata import target_strata
from tuner.data.targets_and_task import Targets, encode_targets
from tuner.errors import DataError, UnknownNameError, shown
from tuner.text import count

_SAMPLE = 64


@dataclass(frozen=True)
class _Rows:
    """All rows, read and split, with features that are numbers."""

    raw: RawData
    targets: Targets
    dependence: Dependence
    layout: Layout
    encoded: Encoded
    sha256: str
    notes: tuple[str, ...]


def prepare(
    options: DataOptions, project: Path, seed: int, sha256: str | None = None, *, advise: bool = False
) -> PreparedData:
    """Prepare the training and validation parts of a study, without the test part.

    The test part is split off first.  Imputing, outliers and scaling are fitted on the training part of each split.
    For binary and multiclass tasks each part gets its share of each class.

    Args:
        options: The `[data]` section.
        project: Folder that paths and references are relative to.
        seed: The only source of randomness.
        sha256: Hash that the data must have, that of the study; None to take them as they are.
        advise: Whether to look for signs that a random split is too optimistic.

    Raises:
        DataError: The data cannot be used as they are; the message says why and what to do.
        ContentError: A data function cannot be loaded.
    """
    rows = _read(options, project, seed, sha256)
    _check_validation(rows, options)
    fitted = [_fit(rows, options, train, validation) for train, validation in rows.layout.splits]
    facts = _facts(rows, fitted, options)
    _check_class_weight(options, facts)
    if advise:
        separable = is_linearly_separable([each.split for each in fitted], facts.task)
        facts = replace(facts, advice=_advice(rows, fitted[0], options), linearly_separable=separable)
    return PreparedData(facts, tuple(each.split for each in fitted))


def check_repeatable(options: DataOptions, project: Path, sha256: str) -> None:
    """Read what code of the project gives once more.

    Args:
        options, project: As for `prepare`.
        sha256: Hash of what it gave before.

    Raises:
        DataError: It gives other rows, or the same in another order.
    """
    if _coded(options, project) and not matches_rows(sha256, _sources(options, project)[-1]):
        raise DataError(
            f"A data function must give the same rows in the same order each time it is called, but "
            f"{options.source} gave others the second time. Seed it again in each call: "
            "rng = numpy.random.default_rng(0) inside the function."
        )


def unscaled_splits(
    options: DataOptions, project: Path, seed: int, sha256: str | None = None
) -> tuple[tuple[Subset, Subset], ...]:
    """Return the training and validation part of each split of `prepare`, before imputing and scaling.

    `preprocessing.apply` of the split gives its features, `(y - target_center) / target_scale` its targets.
    Arguments and errors are those of `prepare`.
    """
    rows = _read(options, project, seed, sha256)
    return tuple(
        unscaled_parts(rows.raw, rows.targets, rows.encoded, options, train, validation)
        for train, validation in rows.layout.splits
    )


def held_out(
    options: DataOptions, project: Path, seed: int, sha256: str | None = None, *, keep_validation: bool = False
) -> HeldOut:
    """Return all rows that are not for the test as `train`, and the test part, perhaps empty, as `validation`.

    It is for training a chosen recipe and scoring it once.  Arguments and errors are those of `prepare`.

    Args:
        options, project, seed, sha256: As for `prepare`.
        keep_validation: Whether `train` is the training part of the first split alone, for a training that needs
            validation rows.
    """
    rows = _read(options, project, seed, sha256)
    train = rows.layout.splits[0][0] if keep_validation else rows.layout.development
    split = _fit(rows, options, train, rows.layout.test).split
    return HeldOut(**vars(split), sample=rows.encoded.x[rows.layout.development[:_SAMPLE]])


def _read(options: DataOptions, project: Path, seed: int, expected: str | None) -> _Rows:
    """Read all sources, split the rows, encode the features."""
    raw, origin, of_rows = _sources(options, project)
    if expected is not None and not matches_rows(expected, of_rows):
        hint = "A data function must give the same rows each time it is called; `tuner check` tries it. "
        raise _changed(of_rows, expected, hint if _coded(options, project) else "")
    raw, origin, notes = _without_missing(raw, origin, options)
    targets = encode_targets(raw, options.task)
    strata, dependence = target_strata(targets), Dependence.of_rows(raw)
    layout = split_indices(origin, strata, options, seed, dependence)
    check_apart(layout, raw, dependence, options)
    encoded = encode(raw, options, layout.development)
    by_text = (encoder.words for name, encoder in encoded.encoders.items() if name not in options.encodings)
    sha256 = encoded_hash(of_rows, by_text)
    if expected not in (None, sha256):
        raise _changed(sha256, expected, "An older version took numbers in columns of text in another order. ")
    said = (*split_notes(raw, targets, layout, dependence, options), *raw.notes, *notes, *encoded.notes)
    return _Rows(raw, targets, dependence, layout, encoded, sha256, (targets.note, *said))


def _changed(sha256: str, expected: str, hint: str) -> DataError:
    return DataError(
        f"The data must stay as they were when the study was started, but their hash is now {sha256[:12]} (it was "
        f"{expected[:12]}). {hint}Put the data back, or start a study under another name."
    )


def _coded(options: DataOptions, project: Path) -> bool:
    """Return whether code of the project gives any of the rows."""
    texts = (options.source, options.validation, options.test)
    return any(find_source(text, project).runs_code for text in texts if isinstance(text, str))


def _sources(options: DataOptions, project: Path) -> tuple[RawData, Array, str]:
    """Read the rows of all sources, with the source of each, and the hash of both."""
    raws: list[RawData] = []
    texts = (options.source, options.validation, options.test)
    for text in texts:
        if isinstance(text, str):
            source = find_source(text, project)
            check_keys(source, options)
            raw = source.read(text, options, project)
            as_texts = _texts_of_first(raws[0], raw) if raws else ()
            if as_texts and source.read_as is not None:
                raw = source.read_as(text, options, project, as_texts)
            raws.append(replace(raw, notes=(*raw.notes, *remarks(raw))))
    numbers = [number for number, text in enumerate(texts) if isinstance(text, str)]
    raw, origin = join(raws), np.repeat(numbers, [len(raw) for raw in raws])
    origin = given_parts(raw, origin, options)
    check_texts(raw, options)
    return raw, origin, content_hash(raw, encode_targets(raw, options.task), origin)


def _texts_of_first(first: RawData, raw: RawData) -> tuple[str, ...]:
    """Columns that are texts in the first source and numbers in another one, which may hold digits alone."""
    target = raw.labels if first.y.dtype == object and raw.y.dtype != object else ()
    return (*(name for name in raw.features if name in first.texts), *target)


def _without_missing(raw: RawData, origin: Array, options: DataOptions) -> tuple[RawData, Array, tuple[str, ...]]:
    """Select the rows that may be used, with a note if some lack values."""
    rows, lacking = missing(raw)
    if not lacking:
        return raw, origin, ()
    if options.missing == "error":
        refuse_missing(raw, lacking)
    if options.missing != "drop":
        return raw, origin, tuple(_replaced(raw, lacking, options))
    where = ", ".join(list(lacking)[:10])
    if rows.all():
        raise DataError(
            f"`missing = 'drop'` must leave some rows, but each row of {raw.source} lacks a value ({where}).",
            key="missing",
        )
    for number in np.setdiff1d(origin, origin[~rows]):
        part, all_rows = ("training", *PARTS[1:])[number], int((origin == number).sum())
        raise DataError(
            f"`missing = 'drop'` must leave some rows of each part, but all rows for {part} ({all_rows}) lack a value "
            f"({where}). Fill them, or replace them with `missing = 'median'`.",
            key="missing",
        )
    were = "was" if rows.sum() == 1 else "were"
    note = f"{count(int(rows.sum()), 'row')} of {len(rows):,} without a value in {where} {were} left out."
    return raw.take(~rows), origin[~rows], (note,)


def _replaced(raw: RawData, lacking: Mapping[str, int], options: DataOptions) -> Iterable[str]:
    """Return the rules for missing numbers and dates, and for missing texts."""
    encoders = {name: ENCODERS[options.get_encoding(name)[0]] for name in raw.texts}
    texts = {name: cells for name, cells in lacking.items() if name in encoders and not encoders[name].fills_missing}
    numbers = {name: cells for name, cells in lacking.items() if name not in texts}
    if numbers:
        dates = not numbers.keys().isdisjoint(raw.texts)
        what = "cell" if dates else "number"
        cells = count(sum(numbers.values()), f"missing {what} is", f"missing {what}s are")
        yield f"{cells} replaced by the {options.missing} of the training part ({', '.join(list(numbers)[:10])})."
    without_category = {name: cells for name, cells in texts.items() if encoders[name].unknown is not None}
    if without_category:
        cells = count(sum(without_category.values()), "missing text belongs", "missing texts belong")
        yield f"{cells} to no category ({', '.join(list(without_category)[:10])})."
    if without_words := {name: cells for name, cells in texts.items() if name not in without_category}:
        cells = count(sum(without_words.values()), "missing text counts as one", "missing texts count as texts")
        yield f"{cells} without words ({', '.join(list(without_words)[:10])})."


def _check_class_weight(options: DataOptions, facts: DataFacts) -> None:
    """Refuse a `class_weight` that names no class of the data, or if a row has not one class."""
    if options.class_weight is None:
        return
    if facts.task not in (Task.BINARY, Task.MULTICLASS):
        raise DataError(
            f"`class_weight` needs a task with one class per row, but the data are for {facts.task}. Remove it.",
            key="class_weight",
        )
    for name in options.class_weight:
        if name not in facts.classes:
            raise DataError(
                f"`class_weight` must name classes of the data. {UnknownNameError('class', name, facts.classes)}",
                key="class_weight",
            )


def _check_validation(rows: _Rows, options: DataOptions) -> None:
    """Refuse a validation part with a single class: areas and correlations mean nothing there."""
    source = options.validation if isinstance(options.validation, str) else options.source
    for _, validation in rows.layout.splits:
        weighing = _weighing(rows, validation)
        if not len(weighing):
            raise DataError(
                f"The validation part must have rows with a weight above 0, but all {len(validation)} weigh 0 "
                f"({source}). Give some of them a weight, or leave the weights out.",
                key="validation",
            )
        alone, without = _only_class(rows.targets, weighing), _weightless(rows, validation)
        if alone is not None and without:
            raise DataError(
                f"The validation part must have rows of at least two classes that weigh more than 0, but those of "
                f"class {without[0]!r} all weigh 0 ({source}). Give some of them a weight, or leave the weights out.",
                key="validation",
            )
        if alone is not None:
            those = "its only one is" if len(validation) == 1 else f"all {len(validation):,} are"
            raise DataError(
                f"The validation part must have rows of at least two classes, but {those} of class {alone!r} "
                f"({source}). Add rows of another class, {_other_validation(options)}.",
                key="validation",
            )


def _other_validation(options: DataOptions) -> str:
    if isinstance(options.validation, Folds):
        return "or use fewer folds"
    own = isinstance(options.validation, str) or options.split is not None
    return "or set `validation` to a fraction" if own else "or set `validation` to a larger fraction"


def _weighing(rows: _Rows, part: Array) -> Array:
    """Return the rows of a part whose weight is above 0."""
    return part if rows.raw.weight is None else part[rows.raw.weight[part] > 0]


def _weightless(rows: _Rows, part: Array) -> list[str]:
    """Return the classes of a part whose rows all weigh 0."""
    class_index = rows.targets.class_index
    if class_index is None:
        return []
    return [rows.targets.classes[int(c)] for c in np.setdiff1d(class_index[part], class_index[_weighing(rows, part)])]


def _only_class(targets: Targets, rows: Array) -> str | None:
    """Return the class of all these rows, or None if they differ or a row has not one class."""
    if targets.class_index is None:
        return None
    found = np.unique(targets.class_index[rows])
    return targets.classes[int(found[0])] if len(found) == 1 else None


def _unmeasured_notes(rows: _Rows) -> Iterator[str]:
    """Say which classes and labels the rows of a part cannot measure."""
    splits, test = rows.layout.splits, rows.layout.test
    parts = {
        f"validation part{f' of fold {fold}' if len(splits) > 1 else ''}": part
        for fold, (_, part) in enumerate(splits, 1)
    }
    alone = _only_class(rows.targets, test)
    if alone is None:
        parts |= {"test part": test} if len(test) else {}
    else:
        those = "The only test row is" if len(test) == 1 else f"All {len(test):,} test rows are"
        yield f"{those} of class {alone!r}: metrics such as auc cannot be scored there."
    for what, part in {"training part": splits[0][0], **parts}.items():
        then = "it is not learned" if what == "training part" else "how well it is recognized is not measured there"
        for name in _weightless(rows, part)[:1]:
            yield f"The class {shown(name)} weighs 0 in every row of the {what}: {then}."
    for what, part in parts.items():
        y = rows.targets.y[part]
        if rows.targets.task is Task.MULTICLASS:
            yield from _unmeasured("class", "no row", rows.targets.classes, ~y.any(axis=0), what)
        elif rows.targets.task is Task.MULTILABEL:
            yield from _unmeasured("label", "no row", rows.targets.classes, ~y.any(axis=0), what)
            yield from _unmeasured("label", "every row", rows.targets.classes, y.all(axis=0), what)


def _unmeasured(kind: str, where: str, names: Sequence[str], absent: Array, what: str) -> Iterator[str]:
    some = [names[column] for column in np.flatnonzero(absent).tolist()]
    if some:
        more = f" (and {count(len(some) - 1, 'other')})" if len(some) > 1 else ""
        yield (
            f"The {kind} {shown(some[0])}{more} is in {where} of the {what}: how well it is recognized is not measured "
            f"there (docs/tables.md says how each metric counts it)."
        )


def _fit(rows: _Rows, options: DataOptions, train: Array, validation: Array) -> Fitted:
    return fit_split(rows.raw, rows.targets, rows.encoded, rows.dependence, options, train, validation)


def _facts(rows: _Rows, fitted: list[Fitted], options: DataOptions) -> DataFacts:
    first = fitted[0].split
    reshaped = options.shape is not None and rows.encoded.x.shape[1:] != options.shape
    return DataFacts(
        task=rows.targets.task,
        input_shape=first.train.x.shape[1:],
        outputs=first.train.y.shape[1],
        classes=rows.targets.classes,
        features=rows.encoded.features,
        rows={"train": len(first.train), "validation": len(first.validation), "test": len(rows.layout.test)},
        class_counts=_class_counts(rows.targets.task, first.train.y),
        sha256=rows.sha256,
        zero_targets=_zero_targets(rows.targets, rows.layout.splits[0][1]),
        notes=(*rows.notes, *_outlier_notes(fitted, options), *fitted[0].notes, *_unmeasured_notes(rows))
        + ((f"The {rows.encoded.x[0].size} features of a row have the shape {options.shape}.",) if reshaped else ()),
    )


def _advice(rows: _Rows, first: Fitted, options: DataOptions) -> tuple[str, ...]:
    assert first.split.preprocessing is not None
    test = first.split.preprocessing.apply(rows.encoded.x[rows.layout.test])
    groups = find_split_groups(rows.raw, rows.targets, rows.layout, options)
    return (
        *split_advice(rows.raw, groups, first.split, test, options),
        *column_advice(rows.raw, rows.targets, rows.layout, groups, options),
    )


def _zero_targets(targets: Targets, part: Array) -> int:
    return int((targets.y[part] == 0).any(axis=1).sum()) if targets.task is Task.REGRESSION else 0


def _class_counts(task: Task, y: Array) -> tuple[int, ...]:
    if task is Task.REGRESSION:
        return ()
    ones = tuple(int(count) for count in y.sum(axis=0, dtype=np.float64))
    return (len(y) - ones[0], *ones) if task is Task.BINARY else ones


def _outlier_notes(fitted: list[Fitted], options: DataOptions) -> Iterable[str]:
    if options.outliers == "keep":
        return
    counts = ", ".join(str(each.outliers) for each in fitted)
    sizes = ", ".join(str(each.considered) for each in fitted)
    what = (
        "changed {} values in {} training rows"
        if options.outliers == "winsorize"
        else "left out {} of {} training rows"
    )
    splits = f" in the {len(fitted)} folds" if len(fitted) > 1 else ""
    yield f"{options.outliers} with limit {options.limit:g} {what.format(counts, sizes)}{splits}."
