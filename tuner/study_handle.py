"""A study in a database: what `tuner.run` and `tuner.open` return.

Modules that read databases are imported late: `tuner.run` starts the workers first (see `runner.launch`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

    from tuner.results import Best, StoredStudy, StudyData, TrialDetails


@dataclass(frozen=True)
class StudyHandle:
    """A study in a database.

    Attributes:
        name: Its name.
        storage: URL of the database.
        ended: Why the run that returned the handle ended: "trials", "time", "target", "patience" or "exhausted";
            "interrupted" for that of a `KeyboardInterrupt`; empty for other handles.
    """

    name: str
    storage: str = field(repr=False)  # it may hold a password
    ended: str = ""

    def results(self) -> StoredStudy:
        """Read the study from the database."""
        with self._opened() as study:
            return study

    def summary(self) -> dict[str, Any]:
        """Return a summary of the study, as in `tuner show --json`."""
        from tuner.results import summary

        return summary(self.results())

    def best(self) -> Best:
        """Return the best trial.

        Raises:
            NoBestTrialError: No trial is complete yet.
        """
        from tuner.results import best_trial

        return best_trial(self.results())

    def trial(self, number: int) -> TrialDetails:
        """Return a trial, with its recipe and its epochs.

        Raises:
            UsageError: There is no trial of this number, or it is not a whole number.
        """
        from tuner.results import read_trial

        with self._opened() as study:
            return read_trial(study, number)

    @property
    def trials(self) -> DataFrame:
        """Table of the trials, by number, as the database has them now.

        The columns are the keys of `trials[]` in `tuner show --json`, with the verdict as `health`, then one for each
        searched dimension; it is missing in trials in which it does not count.
        """
        from tuner.results import trials_frame

        with self._opened() as study:
            return trials_frame(study)

    @property
    def epochs(self) -> DataFrame:
        """Table of the epochs of all trials, with `trial` and the keys of `epochs[]` in `tuner show --trial --json`."""
        from tuner.results import epochs_frame

        with self._opened() as study:
            return epochs_frame(study)

    def data(self, project: str | Path | None = None, *, code: Collection[str] = ()) -> StudyData:
        """Read the rows of the study, prepared as for its trials: training, validation and test part, and their names.

        Args:
            project: Folder that the data's paths are relative to; by default the one whose `runs/tuner.db` is the
                database, else the current folder.
            code: Data functions to allow, such as "mydata.py:load", if no study file of the project names them.

        Raises:
            CodeError: Only the database names the data function.
            DataError: The data cannot be read, or changed since the study was run.
        """
        from tuner.results import read_study_data
        from tuner.storage import project_of_database

        folder = project_of_database(self.storage) if project is None else Path(project)
        with self._opened() as study:
            return read_study_data(study, folder.resolve(), code)

    def plot(self, name: str = "history") -> Figure:
        """Draw a plot of the report.

        Args:
            name: "history", "learning_curves", "rate_curves", "importances", "values", "parallel", "trials_by_epoch",
                "layers_by_epoch", "epochs_spent" or "cost".

        Raises:
            UnknownNameError: There is no such plot.
            UsageError: There is nothing to draw yet; the message says why.
        """
        from tuner.report import PLOTS, load_view, with_menus

        if name not in PLOTS:
            raise UnknownNameError("plot", name, PLOTS)
        with self._opened() as study:
            drawn = PLOTS[name].build(load_view(study))
        if isinstance(drawn, str):
            raise UsageError(drawn)
        return with_menus(drawn)

    def report(self, output: str | Path) -> Path:
        """Write the report, as `tuner report` does; an existing file is overwritten.

        Raises:
            UsageError: It cannot be written.
        """
        from tuner.output_files import write_text_file
        from tuner.report import report_page

        path = Path(output)
        with self._opened() as study:
            page = report_page(study)
        write_text_file(path, page)
        return path

    def _repr_html_(self) -> str:
        from tuner.report import notebook_html

        with self._opened() as study:
            return notebook_html(study)

    @contextmanager
    def _opened(self) -> Iterator[StoredStudy]:
        from tuner.results import read_study_results
        from tuner.storage import open_read_only

        database = open_read_only(self.storage)
        try:
            yield read_study_results(database, self.name)
        finally:
            database.close()
