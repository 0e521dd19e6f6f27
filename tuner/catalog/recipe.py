"""The recipe: everything that one training needs, fully resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median_high
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from tuner.catalog.epoch_selection import KeptEpoch
from tuner.catalog.output_activations import to_scores
from tuner.catalog.recipe_validation import check_recipe
from tuner.catalog.task import Task
from tuner.errors import RecipeError

if TYPE_CHECKING:
    import numpy as np


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Choice(_Frozen):
    """A row of a table by name, with its resolved options."""

    name: str
    options: dict[str, Any] = {}


class ModelChoice(_Frozen):
    """A model file with its options.

    Attributes:
        reference: `path/to/file.py:function`, relative to the project.
        sha256: Hash of the file's content when the study was started.
        options: Keyword arguments of the function besides `activation` and `initializer`.
        helpers: Files of the project that it imports, directly or indirectly, and `.keras` files that its options name
            → hash of their content at that time.
    """

    reference: str
    sha256: str
    options: dict[str, Any] = {}
    helpers: dict[str, str] = {}

    @property
    def saved_models(self) -> dict[str, str]:
        """The `.keras` files that its options name: path → hash."""
        return {path: digest for path, digest in self.helpers.items() if path.endswith(".keras")}


class Recipe(_Frozen):
    """Everything that one training needs.

    Attributes:
        task: The task of the model.
        model: The model file and its options.
        head: Output activation after the model's raw outputs; "model" if the model has its own.
        loss: Row of the table of losses, with resolved options.
        optimizer: Row of the table of optimizers.
        schedule: Row of the table of schedules.
        initializer: Row of the table of initializers.
        clipping: Row of the table of clippings.
        loop: Row of the table of training loops.
        activation: Activation of the hidden layers.
        learning_rate: Base rate; the schedule says how it changes.
        momentum: The optimizer's momentum term; None if it has none, or keeps Keras's default.
        weight_decay: Decoupled weight decay; None for Keras's default.
        ema_momentum: Momentum of the average of the weights, which the model gets in their place; None or 0 for none.
        l1: Penalty on the kernels, `l1 * sum |w|`.
        l2: Penalty on the kernels, `l2 * sum w²`.
        label_smoothing: In [0, 1); 0 if the loss takes none.
        class_weight: Weight of each class by index; None for no weights.
        batch_size: Rows per step.
        epochs: Passes over the training part that are planned; the schedule spans them.
        keep: Whether the best epoch or the last one gives the model; see `EpochSelector`.
        patience: Epochs without improvement that end a training; None to train on.
        last_epoch: Epoch with which a training ends, though the schedule spans more; None for all that are planned.
        metric: The objective, by name.
        metric_keys: What the study file says of a metric that is user code: `direction`, `takes`, `options`.
        seed: Source of initial weights, batch order and dropout.
        data: The `[data]` section of the study file, with defaults filled in.
        code: Files of the losses, metrics and the like that are user code, and what these import → hash of their
            content when the study was started.
    """

    task: Task
    model: ModelChoice
    head: str
    loss: Choice
    optimizer: Choice
    learning_rate: float
    momentum: float | None = None
    weight_decay: float | None = None
    schedule: Choice = Choice(name="constant")
    initializer: Choice = Choice(name="glorot_uniform")
    activation: str = "relu"
    clipping: Choice = Choice(name="none")
    loop: Choice = Choice(name="standard")
    ema_momentum: float | None = None
    l1: float = 0.0
    l2: float = 0.0
    label_smoothing: float = 0.0
    class_weight: dict[int, float] | None = None
    batch_size: int = 32
    epochs: int = 20
    keep: KeptEpoch = "last"
    patience: int | None = None
    last_epoch: int | None = None
    metric: str
    metric_keys: dict[str, Any] = {}
    seed: int = 0
    data: dict[str, Any] = {}
    code: dict[str, str] = {}

    def to_json(self) -> dict[str, Any]:
        """Convert to plain JSON."""
        return self.model_dump(mode="json")

    def settings(self, classes: Sequence[str] = ()) -> dict[str, Any]:
        """Return one value for each name, without data and what is empty; options follow the name they belong to.

        Args:
            classes: Names of the classes, for their weights; without them these have numbers.
        """
        found: dict[str, Any] = {}
        names = dict(enumerate(classes))
        weights = {names.get(number, number): weight for number, weight in (self.class_weight or {}).items()}
        for key, value in {**self.to_json(), "class_weight": weights}.items():
            if key == "data" or value in (None, {}, []):
                continue
            if key == "model" or (isinstance(value, dict) and "name" in value):
                found[key] = value["reference" if key == "model" else "name"]
                found |= {f"{key}.{name}": option for name, option in value["options"].items()}
            elif key == "metric_keys":
                given = {name: one for name, one in value.items() if name != "options"} | value.get("options", {})
                found |= {f"metric.{name}": one for name, one in given.items()}
            elif isinstance(value, dict):
                found |= {f"{key}.{name}": one for name, one in value.items()}
            else:
                found[key] = value
        return found

    def shown_settings(self) -> dict[str, Any]:
        """Return the settings without hashes and what is off: what a person looks for in a session."""
        return {
            key: value
            for key, value in self.settings().items()
            if not key.startswith("code.") and value not in (0.0, "none")
        }

    def __repr_args__(self) -> Iterable[tuple[str, Any]]:
        return self.shown_settings().items()

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read a recipe that was stored or exported; its content is not trusted.

        Raises:
            RecipeError: It is not a recipe, or the tables do not allow a name or number in it.
        """
        try:
            recipe = cls.model_validate(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RecipeError(f"A recipe must be valid, but `{place}` is not: {first['msg']}.") from None
        check_recipe(recipe)
        return recipe

    def end_after(self, epochs: Sequence[int]) -> Self:
        """Return the recipe that ends after the median of these epochs, whatever is measured; schedules stay as long.

        Args:
            epochs: Epochs that gave the models of trainings of this recipe; at least one.
        """
        last = min(median_high(epochs), self.epochs)
        end = None if last == self.epochs else last
        return self.model_copy(update={"keep": "last", "patience": None, "last_epoch": end})

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Convert outputs of the model of this recipe to what a metric takes; see `tuner.catalog.to_scores`."""
        return to_scores(outputs, self.head, self.task, self.loss.name)
