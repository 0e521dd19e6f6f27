"""The score that is told of a saved model."""

from __future__ import annotations

from typing import Any

import pytest

from tuner.serving import HeldOutScore, score_text

SAVED: dict[str, Any] = {"seed": None, "value": 0.97, "interval": {"low": 0.95, "high": 0.98}}
TEST: dict[str, Any] = {"mean": 0.96, "interval": {"low": 0.9, "high": 0.97}, "saved": SAVED}


@pytest.mark.parametrize(
    ("test", "score", "text"),
    [
        (TEST, HeldOutScore(0.97, (0.95, 0.98), True), "test accuracy 0.97 (95 % interval 0.95 to 0.98)"),
        (
            {**TEST, "saved": {**SAVED, "seed": 1}},  # one of several networks, whose own score would be one draw
            HeldOutScore(0.96, (0.9, 0.97), False),
            "test accuracy 0.96 (95 % interval 0.9 to 0.97), mean of the networks trained as the saved one",
        ),
        ({"saved": {"seed": None, "value": 1}}, HeldOutScore(1.0, None, True), "test accuracy 1"),
        ({**TEST, "saved": {"seed": None, "value": "high"}}, None, ""),
        (None, None, ""),
        ([], None, ""),
    ],
)
def test_the_score_on_the_test_part(test: Any, score: HeldOutScore | None, text: str) -> None:
    found = {"metric": "accuracy", "test": test}
    assert HeldOutScore.read(found) == score
    assert score_text(found) == text


def test_without_it_that_on_the_validation_part() -> None:
    row = {"name": "ensemble", "score": 0.9, "interval": {"low": 0.8, "high": None}}
    found = {"metric": "f1", "models": [row], "handed_over": {"model": "ensemble"}}
    assert score_text(found) == "validation f1 0.9"
