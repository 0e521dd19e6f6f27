"""How a row of a table becomes numbers, for programs that call an exported model: written beside it, as JSON."""

from __future__ import annotations

from typing import Any

from tuner.catalog import Task
from tuner.serving.model_metadata import ModelMetadata
from tuner.serving.prediction_columns import target_names

FORMAT = "keras-studies exported model 1"


def describe_rows(about: ModelMetadata, shape: tuple[int, ...], outputs: int, dtype: str) -> dict[str, Any]:
    """Describe what goes into a model and comes out of it.

    Args:
        about: The model.
        shape: Of one row, encoded.
        outputs: Number of outputs.
        dtype: Type of its numbers.

    Returns:
        Plain JSON.  `columns` names the columns in the order of the numbers: a column of numbers has one, a column of
        texts one for each category (`one_hot`), the place of its text among the categories (`ordinal`), the weights of
        words (`tf_idf`), or those that were made of dates (`date`).
    """
    given, place = about.preprocessing, 0
    missing = None if given.fill is None else "NaN"
    columns: list[dict[str, Any]] = []
    for name in given.numbers:
        columns.append({"name": name, "first": place, "kind": "number", "missing": missing})
        place += 1
    for name, encoder in given.encoders.items():
        columns.append({"name": name, "first": place, **encoder.to_json(), "unknown": encoder.unknown})
        place += len(encoder.names(name))
    return {
        "format": FORMAT,
        "study": about.study,
        "trial": about.trial,
        "task": str(about.recipe.task),
        "input": {"dtype": dtype, "shape": [None, *shape]},
        "columns": columns,
        "missing_values": list(given.missing_values),
        "output": _outputs(about, outputs),
    }


def _outputs(about: ModelMetadata, outputs: int) -> list[dict[str, str]]:
    classes = about.classes
    match about.recipe.task:
        case Task.REGRESSION:
            return [{"kind": "value", "name": name} for name in target_names(about.recipe.data, outputs)]
        case Task.BINARY:
            classes = classes[1:]
    return [{"kind": "probability", "name": name} for name in classes]
