"""Read `[search]` as a `Space`: all dimensions of a study, including fixed ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tuner.catalog import DIMENSIONS, ChoiceDimension, Task
from tuner.errors import nearest
from tuner.space import Space
from tuner.study.allowed_value import AllowedValue
from tuner.study.problems import Problems, dotted, listed
from tuner.study.search.choices import check_option_sections, choice_drafts
from tuner.study.search.conditions import UnresolvedDimension, build_space
from tuner.study.search.model_keyword_check import check_keyword
from tuner.study.search.numbers import number_drafts
from tuner.study.search.parameter_syntax import read_parameter
from tuner.study.search.search_context import SearchContext
from tuner.study.user_objects import UserObjects
from tuner.user_code import Signature

_OWN_WORDS = {
    name: f"search.{name}" for name, one in DIMENSIONS.items() if isinstance(one, ChoiceDimension) and one.of_model
}
"""Dimensions that every model's function takes as keywords."""
_CONTRACT = "def build(inputs, outputs, *, activation, initializer, …)"
_NUMBERS = tuple(name for name, one in DIMENSIONS.items() if one.of_model and name not in _OWN_WORDS)
"""Dimensions that some models' functions take as keywords."""


@dataclass(frozen=True)
class StudyContext:
    """Facts from the other sections that the space depends on; None if they could not be read.

    Attributes:
        task: The task of the data.
        rows: Rows of the training part.
        model: Signature of the model's function.
        user_objects: User code that the study names.
    """

    task: Task | None
    rows: int | None
    model: Signature | None
    user_objects: UserObjects = UserObjects()


def read_search(content: Mapping[str, Any], study: StudyContext, problems: Problems, advice: list[str]) -> Space | None:
    """Read the space of a study file.

    Args:
        content: The whole study file; without `[search]` the default dimensions of the task are searched.
        study: Facts that the space depends on.
        problems: Collects the problems.
        advice: Collects what is allowed but unwise.

    Returns:
        The space, or None if `[search]` has problems.
    """
    section = content.get("search")
    if "search" in content and (not isinstance(section, Mapping) or not section):
        _refuse_empty(section, problems)
        return None
    before = len(problems.found)
    names = {name: study.user_objects.names(name) for name in DIMENSIONS}
    broken = {*study.user_objects.broken} & {*DIMENSIONS}
    context = SearchContext(section, study.task, study.rows, problems, advice, broken=broken, user_names=names)
    _check_keys(context, study)
    drafts = list(_table_drafts(context))
    drafts += _model_drafts(context, study)
    _check_model(drafts, context, study)
    space = build_space(drafts, context.broken, problems)
    if space is None or len(problems.found) > before:
        return None
    if not space.searched:
        problems.add(
            "search",
            "there is nothing to search: every dimension has only one value",
            allowed="at least one list of several values, or a range",
            next_step="Name several values, or leave the section out to search the default dimensions.",
        )
        return None
    return space


def _table_drafts(context: SearchContext) -> Iterator[UnresolvedDimension]:
    """Yield the dimensions of `DIMENSIONS`, each choice followed by the options of its rows."""
    check_option_sections(context)
    for dimension in DIMENSIONS.values():
        if isinstance(dimension, ChoiceDimension):
            yield from choice_drafts(dimension, context)
        else:
            yield from number_drafts(dimension, context)


def _refuse_empty(section: Any, problems: Problems) -> None:
    problems.add(
        "search",
        "the section is empty, so there is nothing to search" if section == {} else "must be a section",
        section,
        allowed=f"dimensions: {listed(DIMENSIONS)}, model",
        next_step="Name a dimension, or leave the section out to search the default dimensions of the task.",
    )


def _check_keys(context: SearchContext, study: StudyContext) -> None:
    """Note the unknown keys of `[search]`."""
    options = [
        f"{row.name}_options"
        for row in DIMENSIONS.values()
        if isinstance(row, ChoiceDimension)
        and (any(choice.options for choice in row.table.values()) or study.user_objects.names(row.name))
    ]
    known = [*DIMENSIONS, *options, "model"]
    for key, value in context.section.items():
        if key in known:
            continue
        near = nearest(key, known)
        context.problems.add(
            dotted("search", key),
            "there is no dimension with this name",
            value,
            allowed=listed(known),
            near=near,
            next_step=_home(key, study) or (f"Rename it to {near}." if near else "Remove it."),
        )


def _home(key: str, study: StudyContext) -> str | None:
    """Say where a misplaced key belongs, or return None if it belongs nowhere."""
    if study.model is not None and key in study.model.keywords:
        return f"{key} is a keyword of the model: move it to [search.model]."
    for row in DIMENSIONS.values():
        if isinstance(row, ChoiceDimension):
            owners = [choice.name for choice in row.table.values() if choice.option(key) is not None]
            if owners:
                return f"{key} is an option of {listed(owners)}: move it to [search.{row.name}_options.{owners[0]}]."
    return None


def _model_drafts(context: SearchContext, study: StudyContext) -> Iterator[UnresolvedDimension]:
    section = context.table("model")
    for keyword, value in section.items():
        key = f"search.model.{keyword}"
        if not _is_keyword(keyword, key, value, context, study):
            continue
        given = read_parameter(value, AllowedValue(key, None), context.problems)
        fits = given is not None and (
            study.model is None or check_keyword(keyword, value, given.parameter, study.model, context.problems)
        )
        if given is None or not fits:
            context.broken.add(f"model.{keyword}")
        else:
            yield UnresolvedDimension(f"model.{keyword}", key, given.parameter, given.when)


def _is_keyword(keyword: str, key: str, value: Any, context: SearchContext, study: StudyContext) -> bool:
    """Check that the model takes the keyword, or note the problem."""
    if keyword in _OWN_WORDS:
        context.problems.add(
            key,
            "this is a dimension of its own",
            value,
            allowed=_OWN_WORDS[keyword],
            next_step=f"Move it to [search], as {keyword}.",
        )
        return False
    if keyword in _NUMBERS and keyword in context.section:
        context.problems.add(
            key, f"{keyword} is given twice: here and as search.{keyword}", value, next_step="Remove one of the two."
        )
        return False
    if study.model is None or (study.model.takes(keyword) and keyword not in ("inputs", "outputs")):
        return True
    own = [name for name in study.model.keywords if name not in _OWN_WORDS]
    context.problems.unknown(key, "keyword in the model's function", keyword, own)
    return False


def _check_model(drafts: list[UnresolvedDimension], context: SearchContext, study: StudyContext) -> None:
    """Note arguments that the model's function lacks, and required keywords without a value."""
    if study.model is None:
        return
    if not study.model.takes_two:
        context.problems.add(
            "model",
            "the function must take inputs and outputs, and no other argument in front of the *",
            allowed=_CONTRACT,
            next_step="Write inputs and outputs, then the *, then its own keywords with their defaults.",
        )
    for keyword in _OWN_WORDS:
        if not study.model.takes(keyword):
            context.problems.add(
                "model",
                f"the function must take the keyword {keyword}, but does not",
                allowed=_CONTRACT,
                next_step=f"Add {keyword} to its arguments, after the *.",
            )
    searched = [name for name in _NUMBERS if name in context.section]
    for name in searched:
        if not study.model.takes(name):
            context.problems.add(
                f"search.{name}",
                f"needs a model that takes {name}, but this one does not",
                context.section[name],
                allowed=f"keywords of the model: {listed(study.model.keywords)}",
                next_step="Add the keyword to the model's function, or remove the dimension.",
            )
    given = {draft.name.partition(".")[2] for draft in drafts if draft.name.startswith("model.")}
    given |= {*searched} | {name.partition(".")[2] for name in context.broken if name.startswith("model.")}
    for keyword, default in study.model.keywords.items():
        if default is None and keyword not in given and keyword not in _OWN_WORDS:
            context.problems.add(
                f"search.model.{keyword}",
                "the model's function requires this keyword: it has no default",
                next_step="Give it a value in [search.model], or a default in the function.",
            )
