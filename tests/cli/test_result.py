"""The end of a run on a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from tuner.cli.render_study import render_result


def content(*fallback_reason: str | None) -> dict[str, Any]:
    return {
        "study": "s",
        "counts": {"complete": len(fallback_reason)},
        "wall_s": 3.0,
        "programs": {"traced": 0, "seconds": 0.0},
        "settings": {"total": None, "trained": 1, "text": None},
        "best": None,
        "warnings": [],
        "trials": [{"fallback_reason": reason} for reason in fallback_reason],
    }


@pytest.mark.parametrize(
    ("fallback_reason", "said"),
    [
        (
            (None, "the model has 2 inputs"),
            "1 trial was trained by model.fit, which is slower: the model has 2 inputs.",
        ),
        (("a", "b", "b"), "2 trials were trained by model.fit, which is slower: b."),
    ],
)
def test_it_says_why_trials_were_slow(
    fallback_reason: tuple[str | None, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    render_result(content(*fallback_reason), "trials")
    assert said in capsys.readouterr().out
    render_result(content(None), "trials")
    assert "model.fit" not in capsys.readouterr().out
