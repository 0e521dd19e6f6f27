"""Which models may be saved by `[limits]`: an ensemble costs as much as its networks together."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.engines import NetworkLimits, NetworkSize, PredictTimes
from tuner.refit.handover_candidates import Contender
from tuner.results import StoredStudy
from tuner.storage import StoredNetworkSize, StoredPredictTimes, trial_attributes


def within_limits(
    contenders: Sequence[Contender],
    study: StoredStudy,
    limits: NetworkLimits,
    seeds: int,
) -> tuple[list[Contender], list[str]]:
    """Return the models that are within the limits, the single network in any case, and a sentence on each other one.

    Args:
        contenders: The models.
        study: Knows the size of each network, and its time to answer.
        limits: Those of the study.
        seeds: Networks of each recipe in an ensemble.
    """
    found, said = list[Contender](), list[str]()
    for one in contenders:
        attrs = [trial_attributes(study.record.trials[trial]) for trial in one.shares]
        sizes = [each.network_size for each in attrs if each.network_size is not None]
        times = [each.predict_times for each in attrs if each.predict_times is not None]
        is_known = len(sizes) == len(attrs)
        time = _time_together(times, seeds) if len(times) == len(attrs) else None
        reason = limits.reason(_together(sizes, seeds), time) if is_known else None
        if one.name == "single" or reason is None:
            found.append(one)
        else:
            said.append(f"The {one.name} is not saved: its networks together have {reason}.")
    return found, said


def _time_together(times: Sequence[StoredPredictTimes], seeds: int) -> PredictTimes:
    return PredictTimes(seeds * sum(each.one_row_ms for each in times), seeds * sum(each.batch_ms for each in times))


def _together(sizes: Sequence[StoredNetworkSize], seeds: int) -> NetworkSize:
    products = [size.multiply_adds for size in sizes if size.multiply_adds is not None]
    return NetworkSize(
        seeds * sum(size.weights for size in sizes),
        seeds * sum(size.trainable_weights for size in sizes),
        seeds * sum(products) if len(products) == len(sizes) else None,
    )
