"""A study of an older version, kept in a file: it is read as it is, it resumes, and its winner is refitted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tuner.catalog import TrainingLength
from tuner.dashboard import dashboard_app
from tuner.results import StoredStudy, read_study_results
from tuner.storage import open_database, open_read_only, read_epochs, read_probes
from tuner.study import difference, fingerprint, read_study, resume_study

KEPT = Path(__file__).parents[1] / "kept_study"
COMPLETE = [0, 1, 2, 3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, with its database where it was."""
    for folder in ("models", "studies"):
        shutil.copytree(KEPT / folder, tmp_path / folder)
    (tmp_path / "runs").mkdir()
    shutil.copy(KEPT / "tuner-0.1.0.db", tmp_path / "runs" / "tuner.db")
    return tmp_path


def url_of(project: Path) -> str:
    return f"sqlite:///{project}/runs/tuner.db"


def content(study: StoredStudy) -> dict[str, Any]:
    """What is known of its complete trials."""
    trials = [study.record.trials[number] for number in COMPLETE]
    ids = [trial.trial_id for trial in trials]
    return {
        "trials": [(trial.value, trial.params, trial.intermediate_values, trial.user_attrs) for trial in trials],
        "health": [study.trial_health(trial) for trial in trials],
        "epochs": read_epochs(study.database, ids),
        "probes": read_probes(study.database, ids),
    }


def test_it_is_read_as_it_is_and_after_the_migration(project: Path) -> None:
    before = (project / "runs" / "tuner.db").read_bytes()
    database = open_read_only(url_of(project))
    old = content(read_study_results(database, "small"))
    assert not read_study_results(database, "small").record.alive
    database.close()
    assert (project / "runs" / "tuner.db").read_bytes() == before
    assert all(findings[0].verdict for findings in old["health"])
    probes = [probe for folds in old["probes"].values() for probe in chain.from_iterable(folds.values())]
    layers = [layer for probe in probes for layer in probe.layers]
    assert any(layer.gradient_norm is not None for layer in layers)
    assert any(layer.update_ratio is not None for layer in layers)
    assert any(layer.dead_share is not None for layer in layers)
    database = open_database(url_of(project), create=False)
    assert "from table version 4 to" in str(database.note)
    new = read_study_results(database, "small")
    assert content(new) == old
    asked: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies", "SERVER_NAME": "x", "SERVER_PORT": "80",
               "wsgi.url_scheme": "http"}  # fmt: skip
    body = b"".join(dashboard_app(database)(environ, lambda status, headers, *_: asked.append(status)))  # type: ignore[arg-type, func-returns-value, return-value]
    assert asked == ["200 OK"]
    assert b"small" in body
    database.close()


def test_it_goes_on_with_what_its_file_leaves_open_as_it_began(project: Path) -> None:
    """Older versions trained 20 epochs where nothing was said, and took the last one; this study says 40."""
    file = project / "studies" / "small.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("epochs     = 40\n", ""), encoding="utf-8")
    spec = read_study(file)
    assert (spec.length.epochs, spec.length.keep) != (40, "last")
    database = open_database(url_of(project), create=False)
    before = read_study_results(database, "small").record.attrs.fingerprint
    database.close()
    resumed = resume_study(spec, before)
    assert resumed.length == TrainingLength(40, "last", None)
    assert difference(before, fingerprint(resumed)) == []


@pytest.mark.slow
def test_every_command_goes_on_with_it(
    project: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.delenv("TUNER_STORAGE", raising=False)

    def tuner(*arguments: str) -> str:
        done = call(*arguments)
        assert done.code == 0, done.err
        return done.out

    before = json.loads(tuner("show", "small", "--json"))
    assert [row["state"] for row in before["trials"]] == ["complete"] * 4 + ["waiting"]
    assert json.loads(tuner("best", "small", "--json"))["trial"] == before["best"]["trial"]
    tuner("report", "small", "-o", "report.html")
    tuner("run", "studies/small.toml", "--workers", "1")
    after = json.loads(tuner("show", "small", "--json"))
    assert after["counts"]["failed"] == after["counts"]["running"] == after["counts"]["waiting"] == 0
    assert [row["number"] for row in after["trials"]] == list(range(8))
    assert after["trials"][:4] == before["trials"][:4]
    assert after["trials"][4]["params"] == before["trials"][4]["params"]
    assert len({json.dumps(row["params"], sort_keys=True) for row in after["trials"]}) == 8
    tuner("train", "small", "-o", "winner.keras", "--workers", "1", "--top", "2", "--seeds", "2")
    assert (project / "winner.keras").exists()
