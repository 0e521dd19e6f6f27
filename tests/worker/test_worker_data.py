"""The rows that a worker trains on are those that the coordinator has read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tuner.data import DataOptions, load_prepared, prepare, save_prepared
from tuner.errors import DataError
from tuner.protocol import WorkerConfig
from tuner.worker.loop import _load_data

SOURCE = """
from pathlib import Path
import numpy as np

def load():
    with Path(__file__).with_name("calls").open("a") as file:
        print(file=file)
    draw = np.random.default_rng(len(Path(__file__).with_name("calls").read_text()))
    return draw.normal(size=(40, 3)), np.arange(40) % 2
"""


def test_a_function_is_not_called_again(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(SOURCE, encoding="utf-8")
    options = DataOptions(source="own.py:load")
    first = prepare(options, tmp_path, 0)
    data, facts = options.model_dump(mode="json"), first.facts
    config = WorkerConfig(tmp_path, "fit", data, facts.sha256, facts.input_shape, 0)
    config = replace(config, prepared=save_prepared(first, tmp_path))
    got = _load_data(WorkerConfig.from_json(config.to_json()))
    assert got.facts == facts
    np.testing.assert_array_equal(got.splits[0].train.x, first.splits[0].train.x)
    assert (tmp_path / "calls").read_text() == "\n"
    assert config.prepared is not None
    config.prepared.write_bytes(config.prepared.read_bytes() + b"\0")
    assert load_prepared(config.prepared) is None
    with pytest.raises(DataError, match="A data function must give the same rows each time"):
        _load_data(config)
