"""Which models may be handed over by `[limits]`: an ensemble costs as much as its networks together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tuner.engines import NetworkLimits, NetworkSize, PredictTimes
from tuner.refit.handover_candidates import Contender
from tuner.refit.model_comparison import network_row
from tuner.refit.refit_result import CandidateRow
from tuner.results import StoredStudy
from tuner.storage import StoredNetworkSize, trial_attributes


def within_limits(
    contenders: Sequence[Contender],
    study: StoredStudy,
    limits: NetworkLimits,
    costs: Mapping[int, CandidateRow],
    seeds: int,
) -> tuple[list[Contender], list[str]]:
    """Return the models that are within the limits, the single network in any case, and a sentence on each other one.

    Args:
        contenders: The models.
        study: Knows the size of each network.
        limits: Those of the study.
        costs: The retrained recipes by trial.
        seeds: Networks of each recipe in an ensemble.
    """
    found, said = list[Contender](), list[str]()
    for one in contenders:
        row, sizes = network_row(one, costs, seeds), [_size(study, trial) for trial in one.shares]
        known = [size for size in sizes if size is not None]
        times = PredictTimes(row.cost.one_row_ms, row.cost.batch_ms) if row.cost is not None else None
        reason = limits.reason(_together(known, seeds), times) if len(known) == len(sizes) else None
        if one.name == "single" or reason is None:
            found.append(one)
        else:
            said.append(f"The {one.name} is not handed over: its networks together have {reason}.")
    return found, said


def _size(study: StoredStudy, trial: int) -> StoredNetworkSize | None:
    return trial_attributes(study.record.trials[trial]).network_size


def _together(sizes: Sequence[StoredNetworkSize], seeds: int) -> NetworkSize:
    products = [size.multiply_adds for size in sizes if size.multiply_adds is not None]
    return NetworkSize(
        seeds * sum(size.weights for size in sizes),
        seeds * sum(size.trainable_weights for size in sizes),
        seeds * sum(products) if len(products) == len(sizes) else None,
    )
