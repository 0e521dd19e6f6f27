"""Size of the report of 1,000 trials, the time to write it, and the time until a browser has opened it.

`python benchmarks/report.py [TRIALS]`; needs Chromium and playwright.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import mock_study
from browsing import chromium

from tuner.report import report_page
from tuner.results import read_study_results
from tuner.storage import open_database

SEARCH = {
    **mock_study.CONTENT["search"],
    "loss": ["categorical_crossentropy", "categorical_focal_crossentropy"],
    "initializer": ["glorot_uniform", "he_normal"],
    "batch_size": [16, 32, 64],
    "l2": {"low": 1e-6, "high": 1e-2, "log": True},
    "model": {"units": [8, 16, 32, 64], "dropout": {"low": 0.0, "high": 0.5}},
}


def main(trials: int) -> None:
    """Run, write, open, print."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/report.db", create=True)
        settings = {"budget": {"trials": trials, "epochs": 20}, "sampler": {"name": "random"}}
        spec = mock_study.spec_of(Path(folder), search=SEARCH, **settings)
        mock_study.run(spec, database, diverges_above=1.0)
        began = time.perf_counter()
        page = report_page(read_study_results(database, spec.name))
        written = time.perf_counter() - began
        file = Path(folder) / "report.html"
        file.write_text(page, encoding="utf-8")
        with chromium() as browser:
            opened = browser.new_page(viewport={"width": 1400, "height": 1000})
            began = time.perf_counter()
            opened.goto(file.as_uri())
            there = time.perf_counter() - began
            opened.evaluate("window.dispatchEvent(new Event('beforeprint'))")
            opened.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 9")
            everything = time.perf_counter() - began
    print(f"{trials} trials of 20 epochs, {len(spec.space.searched)} dimensions")
    print(f"size {file_mb(page):.1f} MB; written in {written:.1f} s")
    print(f"open after {there:.1f} s; all plots drawn after {everything:.1f} s")


def file_mb(page: str) -> float:
    """Size in millions of bytes."""
    return len(page.encode()) / 1e6


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
