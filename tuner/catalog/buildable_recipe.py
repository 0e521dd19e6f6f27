"""A recipe that builds its Keras model, as users get it from a study, an exported file or a saved model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner import user_code
from tuner.catalog.output_activations import ending_conflict
from tuner.catalog.recipe import Recipe
from tuner.catalog.tensorflow_import import import_tensorflow
from tuner.catalog.user_entries import add_named_user_entries
from tuner.errors import UsageError
from tuner.text import element, plain_table, value_text

if TYPE_CHECKING:
    import keras


class BuildableRecipe(Recipe):
    """A recipe with the calls that put it to use in your own code; they import Keras."""

    def _repr_html_(self) -> str:
        rows = [(name, value_text(value)) for name, value in self.shown_settings().items()]
        return element("div", plain_table("Recipe", rows))

    def build(
        self, inputs: Sequence[int], outputs: int, project: Path | None = None, *, code: Collection[str] = ()
    ) -> keras.Model:
        """Build the compiled Keras model; the same seed gives the same initial weights.

        Args:
            inputs: Shape of one row, without the batch axis.
            outputs: Number of raw outputs.
            project: Folder that the model file is relative to; the current one if it is None.
            code: The model file and other code, as in "models/own.py:build", if it is yours and no study file of the
                project names it.

        Raises:
            CodeError: Only the database or file that the recipe is from names the code.
            ContentError: The model file is missing, has changed since the study, or returns no usable model.
        """
        import_tensorflow()
        from tuner.catalog.build import build_model

        reference = user_code.Reference.parse(self.model.reference, "build")
        user_code.check_named(project or Path.cwd(), reference, code)
        add_named_user_entries(project or Path.cwd(), self, code)
        function = user_code.load(project or Path.cwd(), reference, self.model.sha256, self.model.helpers)
        return self.compile(build_model(self, inputs, outputs, function), project, code=code)

    def compile(self, model: keras.Model, project: Path | None = None, *, code: Collection[str] = ()) -> keras.Model:
        """Compile a model of your own with the recipe's loss and optimizer; no head is appended.

        It must end in the activation `head` ("linear" is none); if that is "model", in the one that the loss needs.

        Args:
            model: The model.
            project: As for `build`, for a loss or an optimizer that is code of yours.
            code: As for `build`.

        Returns:
            The same model.

        Raises:
            CodeError, ContentError: As for `build`.
            UsageError: The model ends in another activation.
        """
        from tuner.catalog.build import compile_model
        from tuner.catalog.last_layer import output_activation

        add_named_user_entries(project or Path.cwd(), self, code)
        ending = output_activation(model)
        conflict = ending and ending_conflict(*ending, self.head, self.loss.name, self.task)
        if conflict:
            raise UsageError(conflict)
        return compile_model(model, self)

    def fit_options(self, project: Path | None = None, *, code: Collection[str] = ()) -> dict[str, Any]:
        """Return keyword arguments for `model.fit`: epochs, batch size, the schedule as callback, class weights.

        A reduce_on_plateau schedule watches the objective if `fit` reports it under the metric's name, else the
        validation loss, else the training loss.

        Args:
            project: As for `build`, for a schedule or metric that is code of yours.
            code: As for `build`.
        """
        from tuner.catalog.build import fit_options

        add_named_user_entries(project or Path.cwd(), self, code)
        return fit_options(self)
