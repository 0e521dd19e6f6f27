"""Compare the values of `[search.model]` with the annotations and defaults of the model's function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuner.space import Float, Parameter, Value
from tuner.study.problems import Problems, written
from tuner.study.search.model_keyword_type import KeywordType, keyword_type
from tuner.study.search.search_context import parameter_values
from tuner.user_code import Signature


def check_keyword(keyword: str, given: Any, parameter: Parameter, model: Signature, problems: Problems) -> bool:
    """Check that the model's function takes every value of a keyword, or note the problem.

    Args:
        keyword: Its name in `[search.model]`.
        given: What the study file says.
        parameter: The same as a parameter.
        model: Signature of the function; one without annotation and literal default takes anything.
        problems: Collects the problem.
    """
    known = keyword_type(model, keyword)
    wrong = [] if known is None else [value for value in parameter_values(parameter) if not known.accepts(value)]
    if known is None or not wrong:
        return True
    problems.add(
        f"search.model.{keyword}",
        f"{written(wrong[0])} is not what the model's function takes: `{known.source}`",
        given,
        allowed=known.words,
        next_step=_next_step(keyword, given, parameter, wrong[0], known),
    )
    return False


def _next_step(keyword: str, given: Any, parameter: Parameter, wrong: Value, known: KeywordType) -> str:
    if isinstance(given, Mapping) and isinstance(parameter, Float) and known.accepts(1):
        return f"Write whole numbers, as in {keyword} = {{ low = 8, high = 64 }}."
    if isinstance(wrong, float) and wrong.is_integer() and known.accepts(int(wrong)):
        return f"Write {int(wrong)} in place of {wrong}."
    if isinstance(wrong, str) and (number := _unquoted(wrong)) is not None and known.accepts(number):
        return f"Write {written(number)}, without quotes."
    if isinstance(given, Mapping):
        return _other_step(keyword, known)
    whole = tuple(given) if isinstance(given, list | tuple) else (given,)
    if known.accepts(whole):
        return f"Write {keyword} = {written([list(whole)])} for one list; a list of lists is a choice of lists."
    if isinstance(wrong, tuple) and all(map(known.accepts, wrong)) and wrong:
        return f"Write {keyword} = {written(list(wrong))} to try each of these values."
    return _other_step(keyword, known)


def _other_step(keyword: str, known: KeywordType) -> str:
    if known.annotated:
        return f"Write {known.words}, or correct the annotation if the function takes more."
    return f"Write {known.words}; if the function takes more, say so with an annotation, as in {keyword}: int | str."


def _unquoted(text: str) -> Value:
    """Return the value that a text stands for, or None for a text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None
