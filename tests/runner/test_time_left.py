"""The time left: what the first training of each worker costs does not count, and pruned trainings do not mislead."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

import pytest

from tuner.runner import RunningTraining, TimeLeft

EPOCHS = 20


def simulate(
    trials: int,
    workers: int,
    first_s: float,
    epochs_of: Callable[[int], int],
    epoch_s: Callable[[int], float] = lambda number: 1.0,
) -> list[tuple[float, float | None, float]]:
    """Run trials on workers that each spend `first_s` more on the first; time, estimate and truth at each epoch."""
    estimator, seen = TimeLeft(), list[tuple[float, float | None]]()
    running: dict[int, RunningTraining] = {}
    events: list[tuple[float, int]] = []
    begun = finished = 0
    now = 0.0

    def begin(extra_s: float) -> None:
        nonlocal begun
        number = begun
        begun += 1
        running[number] = RunningTraining(str(number), EPOCHS)
        estimator.on_begin()
        heapq.heappush(events, (now + extra_s + epoch_s(number), number))

    for _ in range(workers):
        begin(first_s)
    while events:
        now, number = heapq.heappop(events)
        epoch = running[number].epoch + 1
        if epoch < epochs_of(number):
            running[number] = RunningTraining(str(number), EPOCHS, epoch, epoch_s=epoch_s(number))
            heapq.heappush(events, (now + epoch_s(number), number))
        else:
            del running[number]
            finished += 1
            estimator.on_end(epoch)
            if begun < trials:
                begin(0.0)
        seen.append((now, estimator.estimate(now, finished, trials, tuple(running.values()))))
    return [(at, left, now - at) for at, left in seen]


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_the_first_training_of_each_worker_does_not_count(workers):
    for at, left, truth in simulate(100, workers, 200.0, lambda number: EPOCHS):
        if left is not None and truth > EPOCHS:
            assert abs(left - truth) < max(0.1 * truth, 0.8 * EPOCHS), at


def test_a_training_that_had_ended_its_epochs_when_the_one_before_it_ended():
    """No epoch between two ends is no pace of 0."""
    estimator = TimeLeft()
    estimator.on_begin()
    estimator.on_end(1)
    estimator.estimate(5.0, 1, 2, (RunningTraining("1", 1, 1, epoch_s=0.1),))
    estimator.on_end(1)
    assert estimator.estimate(6.0, 2, 2, ()) in (None, 0.0)


def test_it_is_known_in_the_first_training_if_that_takes_long():
    seen = simulate(30, 2, 5.0, lambda number: EPOCHS)
    known = next(at for at, left, _ in seen if left is not None)
    assert known < 10.0


@pytest.mark.parametrize("seed", range(5))
def test_pruned_trainings_do_not_mislead(seed):
    """Three of four trainings end after two epochs: these are the first to finish."""
    draw = random.Random(seed)
    epochs = [2 if draw.random() < 0.75 else EPOCHS for _ in range(120)]
    cost = [draw.lognormvariate(0.0, 0.5) for _ in range(120)]
    seen = simulate(120, 4, 30.0, epochs.__getitem__, cost.__getitem__)
    middle = [
        left / truth for at, left, truth in seen if left is not None and 0.2 * seen[-1][0] < at < 0.9 * seen[-1][0]
    ]
    assert sorted(middle)[len(middle) // 2] == pytest.approx(1.0, rel=0.35)


def test_nothing_is_estimated_without_a_limit():
    estimator = TimeLeft()
    estimator.on_begin()
    assert estimator.estimate(1.0, 0, None, ()) is None
    assert estimator.estimate(1.0, 0, 10, (RunningTraining("0", 5),)) is None
