"""The report shows the code that a study names, if it is still what the study was started with."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest
from mock_results import mock_results

from tuner.report.sections.study_code import study_code
from tuner.report.study_view import StudyView, load_view
from tuner.storage import StudyInfo

LOSS = '''"""</script><script>window.pwned = 1</script>"""

import parts


def mine(y_true, y_pred, *, alpha=0.5):
    return parts.total(y_true, y_pred, alpha)


mine.heads = {"multiclass": "softmax"}
'''
PARTS = "def total(y_true, y_pred, alpha):\n    return abs(y_true - y_pred).sum(-1) * alpha\n"


@pytest.fixture
def view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyView:
    """A study with a loss of its project, seen from there."""
    (tmp_path / "losses.py").write_text(LOSS, encoding="utf-8")
    (tmp_path / "parts.py").write_text(PARTS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return load_view(
        mock_results(tmp_path, search={"loss": ["losses.py:mine", "kl_divergence"]}, budget={"trials": 1, "epochs": 1})
    )


def shown(view: StudyView) -> str:
    html = str(study_code(view))
    assert "<script" not in html
    return unescape(html)


def test_the_model_a_loss_and_what_it_imports_are_shown_folded(view: StudyView) -> None:
    text = shown(view)
    assert text.startswith("<details><summary>The code that the study names, 3 files")
    assert LOSS in text
    assert PARTS in text
    assert "def build(" in text


def test_what_is_not_what_the_study_was_started_with_is_not_shown(view: StudyView) -> None:
    Path("losses.py").write_text(LOSS.replace("0.5", "0.6"), encoding="utf-8")
    Path("parts.py").unlink()
    text = shown(view)
    assert "losses.py has changed since the study was started (sha256 " in text.replace("</code>", "")
    assert f"parts.py is not in {Path.cwd()}" in text.replace("</code>", "")
    assert "def mine" not in text
    assert "def total" not in text


def test_a_name_from_the_database_leads_nowhere_else(view: StudyView, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Path("..", "outside.py")
    outside.write_text("secret = 1\n", encoding="utf-8")
    view.fingerprint["code.../outside.py"] = "0" * 64
    assert "../outside.py is not in" in shown(view).replace("</code>", "")
    view.fingerprint[f"code.{'a' * 5000}.py"] = "0" * 64
    monkeypatch.setattr(StudyView, "info", StudyInfo(file="a" * 5000))
    assert "a.py is not shown: File name too long" in shown(view).replace("</code>", "")
    outside.unlink()
