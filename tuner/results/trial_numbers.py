"""Numbers of trials, as Python code gives them: whole numbers, NumPy's, and the floats that tables make of them."""

from __future__ import annotations

from numbers import Integral, Real

from tuner.errors import UsageError, shown


def trial_number(given: object) -> int:
    """Return the number of a trial; 6.0 is 6, as a table with gaps has it.

    Raises:
        UsageError: It is not a whole number.
    """
    if isinstance(given, Integral) and not isinstance(given, bool):
        return int(given)
    if isinstance(given, Real) and float(given).is_integer() and not isinstance(given, bool):
        return int(float(given))
    raise UsageError(
        f"A trial number must be a whole number, but got {shown(given)}. "
        "Give one of those that `tuner show STUDY` lists."
    )


def trial_numbers(given: object) -> tuple[int, ...] | None:
    """Return the numbers of trials; a single number is a collection of one, and None is None.

    Raises:
        UsageError: One is not a whole number.
    """
    if given is None:
        return None
    if isinstance(given, str | bytes):
        return (trial_number(given),)
    try:
        each = iter(given)  # type: ignore[call-overload]
    except TypeError:
        return (trial_number(given),)
    return tuple(trial_number(one) for one in each)
