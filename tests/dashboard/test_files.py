"""The files of a trial: a spreadsheet that opens one calculates nothing."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

from tuner.dashboard.trial_artifacts import FILES
from tuner.health import LayerHealth, Probe


def test_a_layer_whose_name_is_a_formula_stays_a_text() -> None:
    layer = LayerHealth('=HYPERLINK("http://x")', -0.5, None, 1e-05, 0.0)
    results = SimpleNamespace(probes={0: {0: [Probe(1, 0.5, (layer,))]}})
    text = FILES["layers.csv"].make(results, SimpleNamespace(number=0), None)
    assert list(csv.reader(io.StringIO(text)))[1] == ["0", "1", '\'=HYPERLINK("http://x")', "-0.5", "", "1e-05", "0.0"]
