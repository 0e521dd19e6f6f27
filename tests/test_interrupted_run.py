"""What `tuner.run` does when it is interrupted: everything is stored, and what comes after the call is not run."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mock_study
import pytest

import tuner
import tuner.runner.launch
from tuner.executors import InlineExecutor
from tuner.runner import Progress

SETUP = """
import sys
sys.path[:0] = {paths!r}
import mock_study, test_interrupted_run
import tuner, tuner.runner.launch
from tuner.executors import InlineExecutor
tuner.runner.launch.LocalExecutor = lambda *_, **__: InlineExecutor(lambda recipe: mock_study.trainer(recipe, 0.05), 2)

"""
CELLS = [
    'tuner.run(mock_study.CONTENT, storage="sqlite:///t.db", trials=20, show=test_interrupted_run.interrupt(3))',
    'print("the next cell")',
]


@pytest.fixture
def inline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def executor(*place: Any, **options: Any) -> InlineExecutor:
        return InlineExecutor(mock_study.trainer, 2)

    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", executor)


def interrupt(after: int) -> Callable[[Progress], None]:
    """Return a function that presses Ctrl-C once, after so many trials."""
    waits = [signal.SIGINT]

    def show(progress: Progress) -> None:
        if waits and progress.finished >= after:
            os.kill(os.getpid(), waits.pop())

    return show


@pytest.mark.usefixtures("inline")
def test_it_raises_after_everything_is_stored_and_the_same_call_resumes() -> None:
    def run(**options: Any) -> tuner.StudyHandle:
        return tuner.run(mock_study.CONTENT, storage="sqlite:///t.db", trials=20, **options)

    with pytest.raises(KeyboardInterrupt) as raised:
        run(show=interrupt(3))
    assert type(raised.value) is KeyboardInterrupt, "else Python does not end a script by SIGINT"
    study = raised.value.study  # type: ignore[attr-defined]
    assert study.ended == "interrupted"
    counts = study.trials["state"].value_counts().to_dict()
    assert 3 <= counts["complete"] < 20
    assert "running" not in counts
    text = str(raised.value)
    assert text.startswith(f"Study mock was interrupted ({counts['complete']} complete")
    assert "the same call resumes it" in text
    assert len(eval(text[text.index("tuner.open(") : text.index(" shows what")], {"tuner": tuner}).trials) == len(
        study.trials
    )
    again = run()
    assert (again.ended, len(again.trials)) == ("trials", 20)


@pytest.mark.usefixtures("inline")
def test_the_command_of_a_study_hears_of_it(tmp_path: Path) -> None:
    content = {**mock_study.CONTENT, "notify": {"command": "tee said.json"}}
    with pytest.raises(KeyboardInterrupt):
        tuner.run(content, storage="sqlite:///t.db", trials=20, show=interrupt(3))
    assert '"ended": "interrupted"' in (tmp_path / "said.json").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_next_cells_of_a_notebook_do_not_run(tmp_path: Path) -> None:
    manager = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    kernel, client = manager.start_new_kernel(cwd=str(tmp_path), startup_timeout=60)
    try:
        tests = Path(__file__).parent
        client.execute_interactive(SETUP.format(paths=[str(tests), str(tests.parent)]), timeout=60)
        asked = [client.execute(cell) for cell in CELLS]  # "run all cells"
        replies = {}
        while len(replies) < len(asked):
            reply = client.get_shell_msg(timeout=60)
            replies[reply["parent_header"]["msg_id"]] = reply["content"]
    except queue.Empty:
        pytest.fail("the kernel said nothing for a minute")
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    first, second = (replies[number] for number in asked)
    assert (first["status"], first["ename"]) == ("error", "KeyboardInterrupt")
    assert "the same call resumes it" in first["evalue"]
    assert second["status"] == "aborted"
