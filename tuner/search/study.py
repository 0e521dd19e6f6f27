"""Open an Optuna study in a storage, without Optuna's own messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.search.outcomes import Direction

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.study import Study


def open_study(
    storage: BaseStorage, name: str, direction: Direction, sampler: BaseSampler, pruner: BasePruner
) -> Study:
    """The study of this name, made where the storage has none.

    Args:
        storage: Where it lives; errors of its database are its own, and wrapped by `tuner.storage`.
        name: Name of the study.
        direction: Of the objective; that of an existing study stays.
        sampler: Built by a row of `SAMPLERS`.
        pruner: Built by a row of `PRUNERS`.
    """
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(
            storage=storage,
            study_name=name,
            direction=direction,
            sampler=sampler,
            pruner=pruner,
            load_if_exists=True,
        )
    finally:
        optuna.logging.set_verbosity(before)
