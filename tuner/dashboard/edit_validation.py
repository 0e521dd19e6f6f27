"""What a request that changes something must hold, for each such route of optuna-dashboard.

optuna-dashboard 0.21 answers 500 to a body of other types and to a study or trial that is not there, in some routes
with half of the change written.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tuner.dashboard.wsgi_messages import read_body, request_path, send_json
from tuner.text import one_line, plain

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

_LARGEST_ID = 2**31 - 1
_PREFERENTIAL = "preference:is_preferential"
"""Attribute of studies whose trials people compare; not used by ours."""


def _stored(text: str) -> str:
    if plain(text) != text or "\n" in text or "\t" in text:
        raise ValueError("must hold no control characters")
    return text


_Name = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_stored)]


def _data_url(text: str) -> str:
    prefix, _, content = text.partition(",")
    if not prefix.startswith("data:"):
        raise ValueError("must be a data URL")
    try:
        base64.standard_b64decode(content)
    except (binascii.Error, ValueError):
        raise ValueError("must be a data URL in base64") from None
    return text


class _Body(BaseModel):
    """A JSON object; keys that it does not name are left alone."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Named(_Body):
    study_name: _Name


class _NewStudy(_Named):
    directions: list[str]


class _Deletion(_Body):
    remove_associated_artifacts: bool = True


class _Note(_Body):
    version: int = Field(ge=0, le=2**53)
    body: str


class _Preference(_Body):
    mode: Literal["ChooseWorst"]
    candidates: list[int]
    clicked: int


class _Feedback(_Body):
    output_type: Literal["note", "artifact"]
    artifact_key: str | None = None


class _Outcome(_Body):
    state: str
    values: list[float] | None = None


class _UserAttributes(_Body):
    user_attrs: dict[_Name, Any]


class _Upload(_Body):
    file: Annotated[str, AfterValidator(_data_url)]
    filename: str = ""


@dataclass(frozen=True)
class EditRoute:
    """A route that changes something.

    Attributes:
        method: Its method.
        path: Regular expression of the path, with the groups `study` and `trial` if it names them.
        body: What a request must hold; None if nothing of it is read.
        running: Whether the trial must not have finished.
        preferential: Whether the study must be one whose trials people compare.
    """

    method: str
    path: str
    body: type[_Body] | None = None
    running: bool = False
    preferential: bool = False


_STUDY, _TRIAL = r"(?P<study>-?\d+)", r"(?P<trial>-?\d+)"
_STUDIES, _TRIALS, _FILES = f"/api/studies/{_STUDY}", f"/api/trials/{_TRIAL}", f"/api/artifacts/{_STUDY}"
_ID = "[0-9a-fA-F-]+"

EDIT_ROUTES = (
    EditRoute("POST", "/api/studies", _NewStudy),
    EditRoute("POST", f"{_STUDIES}/rename", _Named),
    EditRoute("DELETE", _STUDIES, _Deletion),
    EditRoute("PUT", f"{_STUDIES}/note", _Note),
    EditRoute("PUT", f"{_STUDIES}/{_TRIAL}/note", _Note),
    EditRoute("POST", f"{_STUDIES}/preference", _Preference, preferential=True),
    EditRoute("PUT", f"{_STUDIES}/preference_feedback_component", _Feedback, preferential=True),
    EditRoute("POST", f"{_STUDIES}/preference/[^/]+", preferential=True),
    EditRoute("DELETE", f"{_STUDIES}/preference/[^/]+", preferential=True),
    EditRoute("POST", f"{_STUDIES}/{_TRIAL}/skip", preferential=True),
    EditRoute("POST", f"{_TRIALS}/tell", _Outcome, running=True),
    EditRoute("POST", f"{_TRIALS}/user-attrs", _UserAttributes, running=True),
    EditRoute("POST", _FILES, _Upload),
    EditRoute("POST", f"{_FILES}/{_TRIAL}", _Upload, running=True),
    EditRoute("DELETE", f"{_FILES}/{_ID}"),
    EditRoute("DELETE", f"{_FILES}/{_TRIAL}/{_ID}", running=True),
)


class _Refused(Exception):  # noqa: N818
    """A request is refused, with a status and a reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class ValidatedEdits:
    """A WSGI application that lets through to another one the edits that it can make.

    Args:
        app: optuna-dashboard.
        storage: What it edits.
    """

    def __init__(self, app: WSGIApplication, storage: BaseStorage) -> None:
        self._app, self._storage = app, storage

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        path = request_path(environ)
        for route in EDIT_ROUTES:
            if environ["REQUEST_METHOD"] == route.method and (named := re.fullmatch(route.path, path)):
                try:
                    self._check(route, named, _body(route, environ))
                except _Refused as refused:
                    return send_json(environ, start_response, refused.status, {"reason": str(refused)})
        return self._app(environ, start_response)

    def _check(self, route: EditRoute, named: re.Match[str], body: _Body | None) -> None:
        groups = named.groupdict()
        study = self._study(int(groups["study"])) if "study" in groups else None
        trial = self._trial(int(groups["trial"]), study) if "trial" in groups else None
        if route.preferential and not self._storage.get_study_system_attrs(study or 0).get(_PREFERENTIAL):
            raise _Refused(HTTPStatus.BAD_REQUEST, "The study is not preferential.")
        if route.running and trial is not None and trial.state.is_finished():
            raise _Refused(HTTPStatus.CONFLICT, "The trial has finished and cannot be changed.")
        if isinstance(body, _Preference) and study is not None:
            known = range(len(self._storage.get_all_trials(study, deepcopy=False)))
            if not all(number in known for number in (*body.candidates, body.clicked)):
                raise _Refused(HTTPStatus.BAD_REQUEST, "`candidates` and `clicked` must be numbers of trials.")
        if isinstance(body, _Outcome) and body.values is not None and trial is not None:
            (wanted,) = [one.directions for one in self._storage.get_all_studies() if self._owns(one._study_id, trial)]
            if len(body.values) != len(wanted):
                raise _Refused(HTTPStatus.BAD_REQUEST, "`values` must hold one number for each objective.")

    def _study(self, study: int) -> int:
        try:
            if not 0 <= study <= _LARGEST_ID:
                raise KeyError
            self._storage.get_study_name_from_id(study)
        except KeyError:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is no such study.") from None
        return study

    def _trial(self, trial: int, study: int | None) -> FrozenTrial:
        try:
            if not 0 <= trial <= _LARGEST_ID:
                raise KeyError
            found = self._storage.get_trial(trial)
            if study is not None and not self._owns(study, found):
                raise KeyError
        except KeyError:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is no such trial.") from None
        return found

    def _owns(self, study: int, trial: FrozenTrial) -> bool:
        try:
            return self._storage.get_trial_id_from_study_id_trial_number(study, trial.number) == trial._trial_id
        except KeyError:
            return False


def _body(route: EditRoute, environ: WSGIEnvironment) -> _Body | None:
    """Read and check the body of a request.

    Raises:
        _Refused: It is not what the route takes.
    """
    content = read_body(environ)
    if route.body is None:
        return None
    try:
        return route.body.model_validate(json.loads(content or b"{}"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "The body"
        reason = f"{place}: {first['msg'].removeprefix('Value error, ')}"
        raise _Refused(HTTPStatus.BAD_REQUEST, one_line(reason)[:300]) from None
    except (ValueError, RecursionError):
        raise _Refused(HTTPStatus.BAD_REQUEST, "The body of a request must be an object in JSON.") from None
