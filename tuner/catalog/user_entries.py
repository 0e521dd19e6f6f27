"""Entries of user code: losses, metrics and the like that a study names by reference, `losses.py:tversky`.

What an entry says is read from the source, without running it: options are the arguments with a literal default, the
rest are attributes (`tversky.heads = …`).  Its `build` loads the file, and runs exactly the content that was hashed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner import user_code
from tuner.catalog.dimensions import DIMENSIONS, ChoiceDimension, choice_dimension
from tuner.catalog.entries import Entry, LossEntry, MetricEntry, Option
from tuner.catalog.metrics import METRICS
from tuner.catalog.output_activations import HEADS
from tuner.catalog.task import CLASSIFICATION, EVERY_TASK, Task
from tuner.catalog.user_metric import UserMetric
from tuner.errors import ContentError, nearest
from tuner.space import Categorical, Float, Int, Parameter
from tuner.user_code import Definition, Reference

if TYPE_CHECKING:
    from tuner.catalog.recipe import Recipe

METRIC = "metric"
"""The family of objectives; all others are dimensions."""
_KERAS_ARGUMENTS = ("name", "reduction", "dtype")
_NUMBERS = Float(-1e30, 1e30)
_WHOLE_NUMBERS = Int(-(2**53) + 1, 2**53 - 1)
_YES_OR_NO = Categorical((False, True))


@dataclass(frozen=True)
class UserObject:
    """A function or class of user code.

    Attributes:
        project: Folder that the reference is relative to.
        reference: File and name.
        files: Path → expected hash of the file and of what it imports from the project; None for any content.
    """

    project: Path
    reference: Reference
    files: Mapping[str, str] | None = None

    @cached_property
    def loaded(self) -> Callable[..., Any]:
        """The function or class; its file is run when it is first asked for.

        Raises:
            ContentError: It is not there, is not the expected one, or fails.
        """
        if self.files is None:
            return user_code.load(self.project, self.reference)
        helpers = {path: digest for path, digest in self.files.items() if path != self.reference.path}
        return user_code.load(self.project, self.reference, self.files[self.reference.path], helpers)

    @cached_property
    def registered(self) -> Callable[..., Any]:
        """The same, known to Keras by name, so that saved models hold it.

        Raises:
            ContentError: As for `loaded`, or Keras cannot save it.
        """
        import keras

        found: Any = self.loaded
        if keras.saving.get_registered_name(found) != found.__name__:
            return found  # type: ignore[no-any-return]  # its file has registered it
        package = self.reference.path.removesuffix(".py").replace("/", ".")
        try:
            keras.saving.register_keras_serializable(package)(found)
        except ValueError as error:
            raise ContentError(
                f"Keras must be able to save {self.reference}, but cannot: {error} Give the class a get_config."
            ) from error
        return found  # type: ignore[no-any-return]

    def hashes(self) -> dict[str, str]:
        """Return path → hash of the file and of what it imports from the project, as they are now."""
        path = self.reference.path
        return {
            path: user_code.sha256(user_code.find(self.project, path)),
            **user_code.helper_hashes(self.project, path),
        }


def read_user_entry(family: str, one: UserObject, task: Task | None, head: str) -> Entry | MetricEntry:
    """Read the entry of user code; nothing is run.

    Args:
        family: Name of the dimension, or `METRIC`.
        one: The code.
        task: The task of the study, or None if it is unknown.
        head: The head of the study or recipe.

    Raises:
        ContentError: It is not there, does not say what is needed, or cannot be of this family.
    """
    if family not in _READERS:
        raise ContentError(f"{family} takes the names of its table only, but got {str(one.reference)!r}.")
    skipped = _KERAS_ARGUMENTS if family in _MADE_BY_KERAS else ()
    return _READERS[family](user_code.read_definition(one.project, one.reference, skipped), one, task, head)


def add_user_entry(family: str, entry: Entry | MetricEntry) -> None:
    """Make an entry known under its reference, in place of an earlier one."""
    if isinstance(entry, MetricEntry):
        METRICS.add_user_row(entry)
    else:
        choice_dimension(family).table.add_user_row(entry)


def user_references(recipe: Recipe) -> Iterator[tuple[str, Reference]]:
    """Yield the family and the reference of each object of user code in a recipe."""
    names = {METRIC: recipe.metric}
    for name, dimension in DIMENSIONS.items():
        if isinstance(dimension, ChoiceDimension):
            chosen = getattr(recipe, name)
            names[name] = chosen if isinstance(chosen, str) else chosen.name
    for family, name in names.items():
        if user_code.is_reference(name):
            yield family, Reference.parse(name, "")


def add_user_entries(project: Path, recipe: Recipe) -> None:
    """Make the user code of a recipe known to this process; nothing is run yet.

    Raises:
        ContentError: A file is not there, or not the one that the study was started with.
    """
    for family, reference in user_references(recipe):
        now = UserObject(project, reference).hashes()
        user_code.check_content(now, {path: recipe.code[path] for path in now if path in recipe.code})
        add_user_entry(family, read_user_entry(family, UserObject(project, reference, now), recipe.task, recipe.head))


def add_named_user_entries(project: Path, recipe: Recipe, named: Collection[str]) -> None:
    """Make the user code of a recipe known to this process, if its owner names it as well.

    Args:
        project: Folder that references are relative to.
        recipe: Of a database, or of a file.
        named: References that the person names, beside what study files of the project name.

    Raises:
        CodeError: Nobody but the database or file names one.
        ContentError: As for `add_user_entries`.
    """
    for _, reference in user_references(recipe):
        user_code.check_named(project, reference, named)
    add_user_entries(project, recipe)


def _options(definition: Definition) -> tuple[Option, ...]:
    return tuple(
        Option(name, default, None, _allowed(default), f"argument of {definition.reference}")
        for name, default in definition.options.items()
    )


def _allowed(default: Any) -> Parameter | None:
    """Return what an option may be, by the type of its default; None for anything."""
    match default:
        case bool():
            return _YES_OR_NO
        case int():
            return _WHOLE_NUMBERS
        case float():
            return _NUMBERS
    return None


def _check_arguments(definition: Definition, expected: tuple[str, ...], family: str) -> None:
    """Refuse a definition that takes other arguments than the family gives."""
    given = () if definition.is_class else expected
    if len(definition.required) != len(given):
        takes = f"({', '.join(given)}, and options with defaults)" if given else "(options with defaults)"
        raise ContentError(
            f"A {family} is called with {takes}, but {definition.reference} requires "
            f"({', '.join(definition.required)}). Give each option a default."
        )


def _loss(definition: Definition, one: UserObject, task: Task | None, head: str) -> LossEntry:
    _check_arguments(definition, ("y_true", "y_pred"), "loss")

    def build(**options: Any) -> Any:
        import keras

        from tuner.catalog.function_loss import FunctionLoss

        if not definition.is_class:
            return FunctionLoss(one.registered, options)
        made = one.registered(**options)
        if not isinstance(made, keras.losses.Loss):
            raise ContentError(
                f"A loss is a function or a class of keras.losses.Loss, but {one.reference} makes a "
                f"{type(made).__name__}. Derive it from keras.losses.Loss."
            )
        return made

    heads, wrapper = _heads(definition, task, head), None if definition.is_class else "FunctionLoss"
    return LossEntry(*_texts(definition, "loss"), build, _options(definition), heads=heads, own_class=wrapper)


def _heads(definition: Definition, task: Task | None, head: str) -> dict[Task, str]:
    """Return the output activation of a loss for each task that may use it."""
    name, given = definition.reference.function, definition.attributes.get("heads")
    example = f'{name}.heads = {{"{task or Task.BINARY}": "sigmoid"}}'
    if definition.is_class:
        example = example.removeprefix(f"{name}.") + " in the class"
    if given is None:
        if task is not None and head in HEADS:
            return {task: head}
        raise ContentError(
            f"A loss says the output activation that it needs for each task, but {definition.reference} has no heads. "
            f'Write {example}, or head = "sigmoid" in the study file.'
        )
    tasks = {str(each) for each in Task}
    if not isinstance(given, Mapping) or not given or not {*given} <= tasks or not {*given.values()} <= {*HEADS}:
        raise ContentError(
            f"The heads of a loss map tasks ({', '.join(Task)}) to output activations ({', '.join(HEADS)}), but "
            f"{definition.reference} has heads = {given!r}. Write, for example, {example}."
        )
    return {Task(each): str(activation) for each, activation in given.items()}


def _metric(definition: Definition, one: UserObject, task: Task | None, head: str) -> MetricEntry:
    if definition.is_class:
        raise ContentError(f"A metric is a function of arrays, but {one.reference} is a class. Write a function.")
    _check_arguments(definition, ("truth", "scores"), METRIC)
    direction = _word(definition, "direction", ("minimize", "maximize"))
    takes = _word(definition, "takes", ("scores", "classes"), "scores")
    weighted = "weight" in definition.options
    best = float("inf") if direction == "maximize" else float("-inf")
    return MetricEntry(
        str(definition.reference),
        direction,
        *_texts(definition, METRIC)[1:],
        UserMetric(one.reference, lambda: one.loaded, takes == "classes", weighted),
        CLASSIFICATION if takes == "classes" else EVERY_TASK,
        best=best,
        worst=-best,
    )


def _word(definition: Definition, attribute: str, words: tuple[str, ...], default: str | None = None) -> str:
    """Return an attribute that is one of some words."""
    given = definition.attributes.get(attribute, default)
    if given in words:
        return str(given)
    near = nearest(given, words) or words[0]
    what = "says none" if given is None else f"has {attribute} = {given!r}"
    raise ContentError(
        f"The {attribute} of a metric is {' or '.join(words)}, but {definition.reference} {what}. "
        f'Write {definition.reference.function}.{attribute} = "{near}" below it.'
    )


def _texts(definition: Definition, family: str) -> tuple[str, str, str]:
    """Return name, summary and source of an entry."""
    return str(definition.reference), definition.summary or f"a {family} of user code", definition.reference.path


_READERS: Mapping[str, Callable[[Definition, UserObject, Task | None, str], Entry | MetricEntry]] = {
    "loss": _loss,
    METRIC: _metric,
}
_MADE_BY_KERAS = frozenset({"loss"})
"""Families whose classes take the arguments of Keras's base class, too."""
