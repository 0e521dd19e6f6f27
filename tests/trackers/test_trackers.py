"""Trackers write what a trial measured, and their own readers find it."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import mock_study
import pytest

from tuner.catalog import TrialState
from tuner.engines import EpochRecord
from tuner.storage import open_database
from tuner.trackers import TRACKERS, FinishedTrial

EPOCHS = (EpochRecord(0, 1, 0.9, 0.8, 0.5, 0.01, 2.0), EpochRecord(1, 1, 0.7, math.nan, 0.6, 0.01, 3.0))
TRIAL = FinishedTrial(
    number=7,
    state=TrialState.COMPLETE,
    value=0.55,
    reason=None,
    params={"optimizer": "adam", "learning_rate": 0.01, "model.units": [8, 4]},
    metric="accuracy",
    epochs=EPOCHS,
    began_at=1000.0,
    ended_at=1010.0,
)


def events(file: Path) -> list[Any]:
    """Read an event file; the reader checks its checksums."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

    reader, found = PyRecordReader_New(str(file)), []
    while True:
        try:
            reader.GetNext()
        except Exception:  # the stub's error at the end of the file
            return found
        found.append(Event.FromString(reader.record()))


def test_tensorboard_gets_curves_parameters_and_value(tmp_path: Path) -> None:
    TRACKERS["tensorboard"].open("boards", "digits", tmp_path).log_trial(TRIAL)
    (file,) = (tmp_path / "boards/digits/trial_00007").iterdir()
    found = events(file)
    assert found[0].file_version == "brain.Event:2"
    scalars = {
        (value.tag, event.step, event.wall_time): value.simple_value
        for event in found
        for value in event.summary.value
        if not value.tag.startswith("_hparams_")
    }
    assert scalars.pop(("fold_2/val_loss", 1, 1005.0)) != 0.0, "a number that is not finite is kept"
    assert scalars == pytest.approx(
        {
            ("loss", 1, 1002.0): 0.9,
            ("val_loss", 1, 1002.0): 0.8,
            ("val_accuracy", 1, 1002.0): 0.5,
            ("learning_rate", 1, 1002.0): 0.01,
            ("fold_2/loss", 1, 1005.0): 0.7,
            ("fold_2/val_accuracy", 1, 1005.0): 0.6,
            ("fold_2/learning_rate", 1, 1005.0): 0.01,
            ("objective", 0, 1010.0): 0.55,
        }
    )
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    start = found[1].summary.value[0].metadata.plugin_data.content
    params = HParamsPluginData.FromString(start).session_start_info.hparams
    assert params["optimizer"].string_value == "adam"
    assert params["learning_rate"].number_value == 0.01
    assert params["model.units"].string_value == "[8, 4]"


@pytest.mark.slow
def test_tensorboard_is_written_without_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from pathlib import Path\n"
        "import test_trackers as t\n"
        "t.TRACKERS['tensorboard'].open('boards', 'digits', Path('.')).log_trial(t.TRIAL)\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    here = Path(__file__).parent
    subprocess.run([sys.executable, "-c", code, str(here), str(here.parent)], cwd=tmp_path, check=True)


@pytest.mark.slow
def test_mlflow_gets_curves_parameters_and_value(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    tracker = TRACKERS["mlflow"].open("sqlite:///ml.db", "digits", tmp_path)
    tracker.log_trial(TRIAL)
    client = MlflowClient(f"sqlite:///{tmp_path}/ml.db")
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("trial_00007", "FINISHED")
    assert (run.info.start_time, run.info.end_time) == (1_000_000, 1_010_000)
    assert run.data.params == {"optimizer": "adam", "learning_rate": "0.01", "model.units": "[8, 4]"}
    assert run.data.metrics["objective"] == 0.55
    assert "fold_2/val_loss" not in run.data.metrics, "MLflow would make NaN a zero"
    (metric,) = client.get_metric_history(run.info.run_id, "fold_2/val_accuracy")
    assert (metric.value, metric.step, metric.timestamp) == (0.6, 1, 1_005_000)


def run_tracked(project: Path, **sections: Any) -> tuple[str, list[str]]:
    """Run a mock study of three trials; why it ended, and its notes."""
    spec = mock_study.spec_of(project, budget={"trials": 3, "epochs": 2}, **sections)
    database = open_database(f"sqlite:///{project}/t.db", create=True)
    try:
        ended, shown = mock_study.run(spec, database)
    finally:
        database.close()
    return ended, [progress.note for progress in shown if progress.note]


def test_each_trial_of_a_study_is_written(tmp_path: Path) -> None:
    assert run_tracked(tmp_path, tracking={"tensorboard": "boards"}) == ("trials", [])
    files = sorted((tmp_path / "boards/mock").glob("trial_*/events*"))
    assert [file.parent.name for file in files] == ["trial_00000", "trial_00001", "trial_00002"]
    assert sum(value.tag == "loss" for event in events(files[0]) for value in event.summary.value) == 2


def test_a_tracker_that_fails_does_not_end_the_study(tmp_path: Path) -> None:
    (tmp_path / "boards").write_text("a file where a folder should be")
    ended, notes = run_tracked(tmp_path, tracking={"tensorboard": "boards"})
    assert ended == "trials"
    assert len(notes) == 1
    assert notes[0].startswith("tensorboard: trial 0 could not be written to 'boards' (NotADirectoryError")
    assert "all results are in the database" in notes[0]


def test_a_tracker_that_is_not_installed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tuner.errors import StudyFileError

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StudyFileError, match=r"tensorboard is not installed: pip install '\.\[tensorboard\]' in the "):
        mock_study.spec_of(tmp_path, tracking={"tensorboard": "boards"}, sampler={"name": "random"})
