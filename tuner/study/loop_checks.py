"""Rules of `[search] loop`: who takes the steps of a training."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tuner.catalog import DIMENSIONS, LOOPS, NumberDimension, choice_dimension
from tuner.engines import ENGINES
from tuner.space import Space
from tuner.study.problems import Problems, dotted, listed
from tuner.study.search.search_context import parameter_values
from tuner.study.study_file_sections import Budget

_LOOP = choice_dimension("loop")


def check_loops(space: Space, engine: str, named: Collection[str], problems: Problems) -> None:
    """Note an engine that cannot train a chosen loop, and dimensions that mean nothing in a loop of the user.

    Args:
        space: The space of the study.
        engine: Row of the table of engines.
        named: Dimensions that `[search]` names.
        problems: Collects the problems.
    """
    loops, row = [LOOPS[str(name)] for name in parameter_values(space[_LOOP.name].parameter)], ENGINES[engine]
    for loop in loops:
        if not (row.trains_standard if loop.by_engine else row.trains_own):
            problems.add(
                "engine",
                f"this engine does not train the loop {loop.name}",
                engine,
                allowed=listed(other.name for other in ENGINES.values() if other.trains_standard and other.trains_own),
                next_step="Remove the key: the engine follows from the loop.",
            )
    if all(loop.by_engine for loop in loops):
        return
    standard = {loop.name for loop in LOOPS.values() if loop.by_engine}
    for dimension in DIMENSIONS.values():
        if isinstance(dimension, NumberDimension) and not dimension.any_loop and dimension.name in named:
            conditions = space[dimension.name].conditions
            if not any(one.name == _LOOP.name and {*one.one_of} <= standard for one in conditions):
                problems.add(
                    dotted("search", dimension.name),
                    "this has no effect in your own training loop",
                    next_step=f'Remove it, or write when = {{ {_LOOP.name} = "{listed(sorted(standard))}" }}.',
                )


def loop_advice(space: Space, budget: Budget) -> Iterator[str]:
    """Yield what is allowed but unwise with a loop of the user."""
    own = [name for name in map(str, parameter_values(space[_LOOP.name].parameter)) if not LOOPS[name].by_engine]
    if own and budget.checkpoint:
        yield f"budget.checkpoint: {own[0]} keeps its own state, so an interrupted trial starts over"
