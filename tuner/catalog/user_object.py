"""A function or class of user code: its file is run when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tuner import user_code
from tuner.errors import ContentError
from tuner.user_code import Reference


@dataclass(frozen=True)
class UserObject:
    """A function or class of user code, or of an installed package.

    Attributes:
        project: Folder that the reference is relative to.
        reference: File and name.
        files: Path → expected hash of the file and of what it imports from the project; None for any content.
        metric_keys: What the study file says of it, besides its name: direction, takes and options of a metric.
    """

    project: Path
    reference: Reference
    files: Mapping[str, str] | None = None
    metric_keys: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def loaded(self) -> Callable[..., Any]:
        """The function or class; its file is run when it is first asked for.

        Raises:
            ContentError: It is not there, is not the expected one, or fails.
        """
        if self.reference.installed:
            if self.files is not None:
                user_code.check_content(self.hashes(), self.files)
            return user_code.load_installed(self.reference)
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
        if found.__module__.partition(".")[0] == keras.__name__:
            return found  # type: ignore[no-any-return]  # Keras knows its own
        name = keras.saving.get_registered_name(found)
        if name != found.__name__:  # its file has registered it, or an earlier call
            keras.saving.get_custom_objects()[name] = found  # which another version of the file may have replaced
            return found  # type: ignore[no-any-return]
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
        if self.reference.installed:
            return {str(self.reference): user_code.find_installed(self.reference, self.project).sha256}
        return {
            path: user_code.sha256(user_code.find_file(self.project, path)),
            **user_code.helper_hashes(self.project, path),
        }
