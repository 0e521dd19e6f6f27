"""The states of a trial are the words that JSON and the database hold."""

from __future__ import annotations

import json

import pytest

from tuner.catalog import FINISHED_STATES, TrialState


def test_json_writes_the_words_as_values_and_as_keys() -> None:
    counts = dict.fromkeys(TrialState, 0)

    assert json.loads(json.dumps({"state": TrialState.PRUNED, "counts": counts})) == {
        "state": "pruned",
        "counts": {"complete": 0, "pruned": 0, "diverged": 0, "failed": 0, "running": 0, "waiting": 0},
    }
    assert counts["complete"] == 0, "a state read from JSON finds its count"
    assert f"a {TrialState.FAILED} trial" == "a failed trial"


@pytest.mark.parametrize("state", list(TrialState))
def test_all_but_running_and_waiting_trials_have_ended(state: TrialState) -> None:
    assert state.is_finished == (state not in ("running", "waiting"))
    assert state.is_finished == (state in FINISHED_STATES)
