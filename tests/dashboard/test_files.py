"""The files of a trial: a spreadsheet that opens one calculates nothing."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

from tuner.dashboard.trial_artifacts import FILES


def test_a_layer_whose_name_is_a_formula_stays_a_text() -> None:
    layer = {
        "layer": '=HYPERLINK("http://x")',
        "gradient_norm": -0.5,
        "update_ratio": None,
        "dead_share": 1e-05,
        "saturated_share": 0.0,
    }
    results = SimpleNamespace(probes={0: [{"fold": 0, "epoch": 1, "layers": [layer]}]})
    text = FILES["layers.csv"].make(results, SimpleNamespace(number=0), None)
    assert list(csv.reader(io.StringIO(text)))[1] == ["0", "1", '\'=HYPERLINK("http://x")', "-0.5", "", "1e-05", "0.0"]
