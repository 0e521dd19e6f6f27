"""Progress in a notebook: one output that is updated in place."""

from __future__ import annotations

import queue
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from test_terminal_display import standing, training

import tuner.api
from tuner.display import in_notebook, notebook_display
from tuner.display import notebook as module

CELL = """
import sys
sys.path[:0] = {paths!r}
import mock_study
import tuner, tuner.runner.launch
from pathlib import Path
from tuner.executors import InlineExecutor
tuner.runner.launch.LocalExecutor = lambda *_, **__: InlineExecutor(lambda recipe: mock_study.trainer(recipe, 0.05), 2)
tuner.run(mock_study.CONTENT, storage="sqlite:///t.db", trials=20)
"""
SPEC = types.SimpleNamespace(notify=None)
ENDED = ("digits", "sqlite:///t.db", "trials")


class Handle:
    """A display handle of IPython."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        self.shown.append(data)


@pytest.fixture
def handle(monkeypatch):
    """Make this process look like the kernel of a notebook."""
    handle = Handle()

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        handle.shown.append(data)
        return handle

    shell = types.SimpleNamespace(kernel=object())
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    return handle


def test_one_output_is_updated_and_its_end_stays(handle, monkeypatch):
    monkeypatch.setattr(module, "_UPDATE_EVERY_S", 0.0)
    assert in_notebook()
    with notebook_display() as show:
        show(standing(0, None, stage="importing TensorFlow in 2 workers"))
        show(standing(3, running=(training(4, optimizer="<b>"),), dashboard="http://127.0.0.1:8080/", note="a < b"))
    first, start, middle, end = handle.shown
    assert "reading the study" in first["text/html"]
    assert "importing TensorFlow in 2 workers" in start["text/html"]
    assert "a &lt; b" in middle["text/html"]
    assert '<td style="text-align: right">7/20</td>' in middle["text/html"]
    assert "&lt;b&gt;" in middle["text/html"]
    assert 'href="http://127.0.0.1:8080/"' in middle["text/html"]
    assert "7/20" not in end["text/html"]
    assert "left" not in end["text/html"].replace("text-align: left", "")
    assert end["text/plain"] == "3/12 trials, 30 s | 3 complete, 2 running | best accuracy 0.93333 (trial 1)"


def test_it_is_not_updated_with_each_epoch(handle):
    with notebook_display() as show:
        for _ in range(100):
            show(standing(3))
    assert len(handle.shown) == 2  # the first and the last


def test_a_terminal_of_ipython_is_no_notebook(monkeypatch):
    for shell in (None, types.SimpleNamespace()):
        ipython = types.SimpleNamespace(get_ipython=lambda shell=shell: shell)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        assert not in_notebook()


@pytest.mark.parametrize(("progress", "outputs"), [(None, 1), (True, 1), (False, 0)])
def test_a_call_shows_progress_in_a_notebook_unless_told_not_to(handle, capsys, monkeypatch, progress, outputs):
    monkeypatch.setattr(tuner.api, "given_study", lambda *_, **__: SPEC)
    monkeypatch.setattr(tuner.api, "start", lambda *_, **__: ENDED)
    tuner.api.run("digits", progress=progress)
    assert len(handle.shown) == outputs
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("progress", "lines"), [(None, 0), (True, 1), (False, 0)])
def test_a_script_shows_none_unless_it_is_asked_to(capsys, monkeypatch, progress, lines):
    seen: list[Any] = []

    def start(*where: Any, **options: Any) -> tuple[str, str, str]:
        options["show"](standing(3))
        return ENDED

    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(tuner.api, "given_study", lambda *_, **__: SPEC)
    monkeypatch.setattr(tuner.api, "start", start)
    tuner.api.run("digits", progress=progress, show=seen.append)
    assert len(seen) == 1
    assert len(capsys.readouterr().err.splitlines()) == lines


@pytest.mark.slow
def test_in_a_real_kernel(tmp_path):
    manager = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    kernel, client = manager.start_new_kernel(cwd=str(tmp_path), startup_timeout=60)
    try:
        paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
        client.execute(CELL.format(paths=paths))
        shown, updates, result = [], [], ""
        while True:
            message = client.get_iopub_msg(timeout=60)
            kind, content = message["msg_type"], message["content"]
            assert kind != "error", content
            if kind == "display_data":
                shown.append(content["data"]["text/html"])
            elif kind == "update_display_data":
                updates.append(content["data"]["text/html"])
            elif kind == "execute_result":
                result = content["data"]["text/html"]
            elif kind == "status" and content["execution_state"] == "idle" and result:
                break
    except queue.Empty:
        pytest.fail("the kernel said nothing for a minute")
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    assert len(shown) == 1
    assert any("/5</td>" in update for update in updates)  # epochs of running trials
    assert "20/20 trials" in updates[-1]
    assert "Study mock" in result
