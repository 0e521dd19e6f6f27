"""The `[data]` section of a study file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictStr,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from tuner.catalog import Task
from tuner.data.cells import cell_text
from tuner.data.column_options import DateFormat, MostWords, OrderedCategories, column_encoding, column_names
from tuner.data.csv_options import CsvOptions
from tuner.data.encoders import ENCODINGS
from tuner.data.option_validators import broken, is_number, is_text
from tuner.errors import DataError

OUTLIER_LIMITS: Mapping[str, float] = {"drop_zscore": 3.0, "drop_iqr": 1.5, "winsorize": 0.01}
"""The default of `outlier_limit` for each way to treat outliers."""

_KeyProblem: TypeAlias = tuple[str, PydanticCustomError]

_MOST_FOLDS = 100
_MOST_VALUES_A_ROW = 100_000_000
_MOST_AXES = 4


def _check_is_source(value: str) -> None:
    """Refuse a number in quotes: it would be looked for as a file."""
    try:
        float(value)
    except ValueError:
        return
    raise broken("A fraction must be a number without quotes", value)


def _text(value: Any) -> Any:
    if not is_text(value):
        raise broken("This must be a non-empty string", value)
    return value


def _names(value: Any) -> Any:
    """Convert a list of names to a tuple; leave anything else to be refused."""
    if not isinstance(value, list | tuple) or not all(is_text(name) for name in value):
        raise broken("This must be a list of column names", value)
    if len(set(value)) != len(value):
        raise broken("A column may appear in the list only once", value)
    return tuple(value)


def _missing_values(value: Any) -> Any:
    """Convert a list of texts and numbers to a tuple of the texts of such cells."""
    if isinstance(value, list | tuple) and all(is_text(word) or is_number(word) for word in value):
        return tuple(dict.fromkeys(str(cell_text(word)) for word in value))
    raise broken('This must be a list of strings and numbers, as in ["?", -999]', value)


def _target(value: Any) -> Any:
    if value is None or is_text(value):
        return value
    if isinstance(value, list | tuple) and not value:
        raise broken("`target` must name at least one column", value)
    return _names(value)


def _validation(value: Any) -> Any:
    if is_number(value):
        if not 0 < value < 1:
            raise broken("`0 < validation < 1` must hold for a fraction", value)
        return float(value)
    if isinstance(value, Folds):
        return value
    if is_text(value):
        _check_is_source(value)
        return value
    if isinstance(value, dict) and set(value) == {"folds"}:
        folds = value["folds"]
        if not isinstance(folds, int) or isinstance(folds, bool) or not 2 <= folds <= _MOST_FOLDS:
            raise broken(f"`folds` must be a whole number from 2 to {_MOST_FOLDS}", folds)
        return Folds(folds=folds)
    raise broken("`validation` must be a fraction, { folds = 5 } or a second source", value)


def _test(value: Any) -> Any:
    if is_number(value):
        if not 0 <= value < 1:
            raise broken("`0 <= test < 1` must hold for a fraction", value)
        return float(value)
    if is_text(value):
        _check_is_source(value)
        return value
    raise broken("`test` must be a fraction (0 for no test part) or a second source", value)


def _shape(value: Any) -> Any:
    if value is None:
        return None
    whole = isinstance(value, list | tuple) and all(isinstance(n, int) and not isinstance(n, bool) for n in value)
    if not whole or not 1 <= len(value) <= _MOST_AXES or not all(1 <= n <= _MOST_VALUES_A_ROW for n in value):
        raise broken(f"`shape` must be a list of 1 to {_MOST_AXES} whole numbers above 0, as in [8, 8, 1]", value)
    if math.prod(value) > _MOST_VALUES_A_ROW:
        raise broken(f"`shape` must give at most {_MOST_VALUES_A_ROW} values per row", value)
    return tuple(value)


def _class_weight(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, dict) or not value or not all(isinstance(name, str) for name in value):
        raise broken("`class_weight` must be a table of class name and weight, as in { cat = 1.0, dog = 2.5 }", value)
    for name, weight in value.items():
        if not is_number(weight) or not 0 <= weight <= 1e6:
            raise broken(f"The weight of class {name!r} must be a number from 0 to 1e6", weight)
    if not any(value.values()):
        raise broken("At least one class weight must be above 0", value)
    return {name: float(weight) for name, weight in value.items()}


def _outlier_limit(value: Any) -> Any:
    if value is not None and not (is_number(value) and 0 < value <= 1e6):
        raise broken("`outlier_limit` must be a number above 0 and at most 1e6", value)
    return None if value is None else float(value)


def _task(value: Any) -> Any:
    if value is not None and value not in tuple(Task):
        raise broken(f"`task` must be one of {', '.join(Task)}", value)
    return None if value is None else Task(value)


class Folds(BaseModel):
    """Cross-validation: the rows outside the test part are divided into `folds` parts, each the validation part
    once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    folds: int = Field(ge=2, le=_MOST_FOLDS, description="number of parts")


class DataOptions(BaseModel):
    """The `[data]` section, with its defaults.

    Types are strict: a bool is not a number and "0.2" is not a fraction.  Lists are kept as tuples.

    Raises:
        pydantic.ValidationError: All keys that break a rule, with a sentence for each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    source: Annotated[StrictStr, BeforeValidator(_text)] = Field(
        description="a built-in set, a .csv, .parquet or .npz file, a folder of images, or file.py:function"
    )
    target: Annotated[StrictStr | tuple[StrictStr, ...] | None, BeforeValidator(_target)] = Field(
        default=None, description="target column of a table, or a list of them"
    )
    header: bool = Field(
        default=True, description="whether the first line of a CSV file names the columns; else they are 1, 2, 3 …"
    )
    comment: Annotated[StrictStr, BeforeValidator(_text)] | None = Field(
        default=None, description='start of the lines of a CSV file that are not rows, as in "#"'
    )
    decimal: Literal[".", ","] = Field(default=".", description="decimal mark of the numbers of a CSV file")
    weight: Annotated[StrictStr, BeforeValidator(_text)] | None = Field(
        default=None, description="column of sample weights"
    )
    drop: Annotated[tuple[StrictStr, ...], BeforeValidator(_names)] = Field(
        default=(), description="columns to leave out"
    )
    group: Annotated[StrictStr, BeforeValidator(_text)] | None = Field(
        default=None, description="column of groups, such as patients: the rows of a group are never in two parts"
    )
    order: Annotated[StrictStr, BeforeValidator(_text)] | None = Field(
        default=None, description="column of numbers or dates: validation and test are the latest rows"
    )
    split: Annotated[StrictStr, BeforeValidator(_text)] | None = Field(
        default=None, description="column that says train, validation or test for each row"
    )
    task: Annotated[Task | None, BeforeValidator(_task)] = Field(
        default=None, description="task; inferred from the targets if left out"
    )
    validation: Annotated[StrictFloat | Folds | StrictStr, BeforeValidator(_validation)] = Field(
        default=0.2, description="fraction of all rows, { folds = k }, or a second source"
    )
    test: Annotated[StrictFloat | StrictStr, BeforeValidator(_test)] = Field(
        default=0.2, description="fraction of all rows, or a second source; never seen by the search"
    )
    scale: Literal["none", "standardize", "minmax", "robust"] = Field(
        default="standardize", description="scaling of the features, fitted on the training part"
    )
    target_scale: Literal["auto", "none", "standardize"] = Field(
        default="auto", description="scaling of the targets; auto standardizes for regression"
    )
    outliers: Literal["keep", "drop_zscore", "drop_iqr", "winsorize"] = Field(
        default="keep", description="how outliers are handled in the training part"
    )
    outlier_limit: Annotated[StrictFloat | None, BeforeValidator(_outlier_limit)] = Field(
        default=None,
        description="z-score (3.0), factor of the interquartile range (1.5) or quantile of winsorize (0.01)",
    )
    missing: Literal["error", "mean", "median", "drop"] = Field(
        default="error", description="how empty cells are handled"
    )
    missing_target: Literal["error", "drop"] = Field(
        default="error",
        description="whether rows without a target are an error or left out",
    )
    missing_values: Annotated[tuple[StrictStr, ...], BeforeValidator(_missing_values)] = Field(
        default=(), description='cells that count as empty in all columns, as in ["?", "NA", -999]'
    )
    text: Literal["error", "one_hot", "ordinal", "tf_idf"] = Field(
        default="error", description="how text columns become numbers"
    )
    columns: Annotated[
        dict[
            StrictStr,
            Annotated[
                Literal["one_hot", "ordinal", "tf_idf", "date", "number", "drop"]
                | OrderedCategories
                | MostWords
                | DateFormat,
                BeforeValidator(column_encoding),
            ],
        ],
        BeforeValidator(column_names),
    ] = Field(default={}, description="encoding of single columns, whatever `text` says of the others")
    shape: Annotated[tuple[int, ...] | None, BeforeValidator(_shape)] = Field(
        default=None, description="shape of the features of a row, as in [8, 8, 1]; the size that images are resized to"
    )
    class_weight: Annotated[dict[str, StrictFloat] | None, BeforeValidator(_class_weight)] = Field(
        default=None, description="fixed weight of each class by name; 1 for classes left out"
    )

    @model_validator(mode="after")
    def _rules_across_keys(self) -> DataOptions:
        problems = [
            *self._fractions(),
            *self._columns(),
            *self._split_rules(),
            *self._outlier_rules(),
            *self._task_rules(),
        ]
        if problems:
            raise ValidationError.from_exception_data(
                "DataOptions",
                [InitErrorDetails(type=error, loc=(key,), input=getattr(self, key)) for key, error in problems],
            )
        return self

    def _fractions(self) -> Iterator[_KeyProblem]:
        validation, test = self.validation, self.test
        if isinstance(validation, float) and isinstance(test, float) and not validation + test < 1:
            given = {"validation": validation, "test": test}
            yield (
                "validation",
                broken("`validation + test < 1` must hold", given, "What they leave is the training part."),
            )

    def _columns(self) -> Iterator[_KeyProblem]:
        for name in self.targets:
            if name in self.drop:
                yield "drop", broken("`drop` must not name the target", name)
            if name == self.weight:
                yield "weight", broken("`weight` must be a different column from the target", name)
        if self.weight is not None and self.weight in self.drop:
            yield "drop", broken("`drop` must not name the weight column", self.weight)
        taken = {*self.targets, self.weight}
        for key, name in self.split_columns.items():
            if name in self.drop:
                yield "drop", broken(f"`drop` must not name the column of `{key}`, which is not a feature anyway", name)
            if name in taken:
                yield key, broken(f"`{key}` must be a different column from target, weight, group and order", name)
            taken.add(name)
        for name, (encoding, _) in self._encodings():
            if name in taken:
                what = {column: f"the column of `{key}`" for key, column in self.split_columns.items()}
                what |= dict.fromkeys(self.targets, "the target")
                yield (
                    "columns",
                    broken(f"`columns` must name features only, not {what.get(name, 'the weight column')}", name),
                )
            if name in self.drop and ENCODINGS[encoding].is_feature:
                yield "columns", broken("`drop` leaves out what `columns` gives an encoding", name, "Name it in one.")

    def _split_rules(self) -> Iterator[_KeyProblem]:
        if self.group is not None and self.order is not None:
            yield (
                "order",
                broken(
                    "`group` and `order` cannot both decide on the parts",
                    self.order,
                    "To have both, write the part of each row into a column, and name it as `split` along with "
                    "`group`.",
                ),
            )
        for key in ("validation", "test"):
            given = getattr(self, key)
            if self.split is not None and isinstance(given, str):
                yield (
                    key,
                    broken(f"`split` and a second source for `{key}` cannot both be given", given, "Leave one out."),
                )

    def _outlier_rules(self) -> Iterator[_KeyProblem]:
        limit = self.outlier_limit
        if limit is not None and self.outliers == "keep":
            yield "outlier_limit", broken("`outlier_limit` needs `outliers` other than keep", limit)
        if limit is not None and self.outliers == "winsorize" and not limit < 0.5:
            yield "outlier_limit", broken("`outlier_limit < 0.5` must hold for winsorize", limit)

    def _task_rules(self) -> Iterator[_KeyProblem]:
        if self.task is not None and self.task.classifies and self.target_scale == "standardize":
            yield "target_scale", broken("`target_scale = standardize` needs a regression task", str(self.task))
        if self.class_weight is not None and self.task in (Task.REGRESSION, Task.MULTILABEL):
            yield "class_weight", broken("`class_weight` needs a task with one class per row", str(self.task))

    @property
    def targets(self) -> tuple[str, ...]:
        """The target columns, none where the study names none."""
        if self.target is None:
            return ()
        return (self.target,) if isinstance(self.target, str) else self.target

    def _encodings(self) -> Iterator[tuple[str, tuple[str, Any]]]:
        for name, encoding in self.columns.items():
            yield name, (encoding, None) if isinstance(encoding, str) else next(iter(encoding))

    @property
    def encodings(self) -> dict[str, tuple[str, Any]]:
        """Feature that `columns` names → its encoding, and what the study says in addition, or None."""
        return {name: given for name, given in self._encodings() if ENCODINGS[given[0]].is_feature}

    def get_encoding(self, name: str) -> tuple[str, Any]:
        """Return the encoding of a column of texts, and what `columns` says in addition, or None."""
        return self.encodings.get(name, (self.text, None))

    @property
    def dropped(self) -> tuple[str, ...]:
        """Columns to leave out, by `drop` or by `columns`."""
        named = [name for name, (encoding, _) in self._encodings() if not ENCODINGS[encoding].is_feature]
        return tuple(dict.fromkeys([*self.drop, *named]))

    @property
    def read_as_texts(self) -> frozenset[str]:
        """Columns whose cells are texts, whatever they look like: "007" and "7" are two of them."""
        named = [name for name in (self.group, self.split) if name is not None]
        return frozenset([*named, *(name for name, (how, _) in self.encodings.items() if ENCODINGS[how].encoder)])

    @property
    def csv_options(self) -> CsvOptions:
        """How CSV files are written."""
        return CsvOptions(self.header, self.comment, self.decimal)

    @property
    def drops_rows_without_target(self) -> bool:
        """Whether rows without a target are left out."""
        return "drop" in (self.missing, self.missing_target)

    @property
    def split_columns(self) -> dict[str, str]:
        """The columns that decide on the parts, by key: "group", "order", "split"; those that the study names."""
        named = {"group": self.group, "order": self.order, "split": self.split}
        return {key: name for key, name in named.items() if name is not None}

    @property
    def limit(self) -> float:
        """`outlier_limit` with its default filled in; 0 where outliers are kept."""
        return OUTLIER_LIMITS.get(self.outliers, 0.0) if self.outlier_limit is None else self.outlier_limit


def read_options(content: Mapping[str, Any]) -> DataOptions:
    """Read the `[data]` section of a recipe.

    Raises:
        DataError: It breaks a rule; the message says the first one.
    """
    try:
        return DataOptions.model_validate(dict(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(["data", *map(str, first["loc"])])
        raise DataError(f"`{place}` of the recipe: {first['msg']}.".replace("..", ".")) from None
