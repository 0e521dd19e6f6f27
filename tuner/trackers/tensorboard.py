"""TensorBoard: a run for each trial, with its curves, and the table of its tab HParams.

TensorBoard's own summary writer imports TensorFlow if it is installed (4 s of CPU, in the coordinator). Its records and
protocol buffers do not, and are used instead.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.catalog import TrialState
from tuner.trackers.base import FinishedTrial, TrackerEntry

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

OBJECTIVE = "objective"
"""Tag of the value of a trial."""


class TensorBoard:
    """Writes the trials of a study below a folder.

    Args:
        target: The folder, relative to the project.
        study: Name of the study, a folder in it.
        project: The project.
    """

    def __init__(self, target: str, study: str, project: Path) -> None:
        import tensorboard.plugins.hparams.summary_v2  # noqa: F401  # raises now if it is broken

        self._folder = project / target / study
        self._folder.mkdir(parents=True, exist_ok=True)

    def log_trial(self, trial: FinishedTrial) -> None:
        """Write one event file; it appears under its name when it is whole."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.summary.writer.record_writer import RecordWriter

        def scalar(tag: str, value: float) -> Summary:
            return Summary(value=[Summary.Value(tag=tag, simple_value=value)])

        start = hparams_pb(trial.scalar_params(), trial_id=trial.name, start_time_secs=trial.began_at)
        events = [Event(wall_time=trial.began_at, file_version="brain.Event:2")]
        events += [Event(wall_time=trial.began_at, summary=start)]
        for name, value, epoch, ended_at in trial.measurements():
            events.append(Event(wall_time=ended_at, step=epoch, summary=scalar(name, value)))
        if trial.value is not None:
            events.append(Event(wall_time=trial.ended_at, summary=scalar(OBJECTIVE, trial.value)))
        events.append(Event(wall_time=trial.ended_at, summary=_session_end(trial)))
        folder = self._folder / trial.name
        folder.mkdir(exist_ok=True)
        # The process id keeps the files of coordinators on several machines apart.
        file = folder / f"events.out.tfevents.{int(time.time())}.{os.uname().nodename}.{os.getpid()}"
        part = file.with_name(f".{file.name}.part")
        with part.open("wb") as stream:
            writer = RecordWriter(stream)
            for event in events:
                writer.write(event.SerializeToString())
        part.rename(file)


def _session_end(trial: FinishedTrial) -> Summary:
    """Return what tells the tab HParams how a trial ended."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    failed = trial.state in (TrialState.DIVERGED, TrialState.FAILED)
    status = api_pb2.STATUS_FAILURE if failed else api_pb2.STATUS_SUCCESS
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=trial.ended_at)
    content = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end))
    tag = metadata.SESSION_END_INFO_TAG
    return Summary(value=[Summary.Value(tag=tag, metadata=content, tensor=metadata.NULL_TENSOR)])


TENSORBOARD = TrackerEntry(
    "tensorboard", 'folder for TensorBoard, as in "runs/tensorboard"', "tensorboard", TensorBoard
)
