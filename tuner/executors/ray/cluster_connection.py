"""The connection of a run to Ray: its own Ray or a cluster."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from tuner.errors import WorkerError
from tuner.executors.ray.ray_credentials import RaySession, close_token_file
from tuner.executors.worker_env import onednn_pays, settings
from tuner.protocol import WorkerConfig
from tuner.text import format_error, install_text

LOCAL = "local"
"""Address of a Ray that is started for this run alone."""
_CONNECT_TIMEOUT_S = 10.0
_RAY_ENV = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",  # no telemetry, unless the user has switched it on
}


def import_ray() -> Any:
    """Import Ray, without telemetry.

    Raises:
        WorkerError: It cannot be imported, or this process is connected already.
    """
    for name, value in _RAY_ENV.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        step = f"Install it: {install_text('ray')}."
        raise WorkerError(f"The executor ray needs Ray, but it cannot be imported ({error}). {step}") from None
    if ray.is_initialized():
        raise WorkerError(
            "A run connects to Ray itself, but this process is already connected. Call ray.shutdown() first."
        )
    return ray


def connect(ray: Any, address: str, env: dict[str, str]) -> RaySession | None:
    """Connect to a cluster, or start a Ray of this run alone and return its session.

    Args:
        ray: The module.
        address: Of the cluster, or `LOCAL`.
        env: Environment variables of the workers.

    Raises:
        WorkerError: Ray cannot be reached.
    """
    session: RaySession | None = None
    options: dict[str, Any] = {}
    with _explain_failure(address):
        if address == LOCAL:
            session = RaySession(ray)
            options = {"include_dashboard": False, "_temp_dir": session.temp_dir}
        else:
            close_token_file()
        try:
            ray.init(
                address=address,
                job_config=_job_config(ray),
                runtime_env={"env_vars": env},
                log_to_driver=False,
                logging_level=logging.ERROR,
                **options,
            )
        except BaseException:
            if session is not None:
                session.close()
            raise
    return session


def worker_variables(config: WorkerConfig, cpus: float, gpus: float) -> dict[str, str]:
    """Return the environment variables of the workers, which TensorFlow reads."""
    # Several workers on one GPU: none may take all of its memory.  A worker without GPUs must not use those of others.
    device = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"} if gpus else {"CUDA_VISIBLE_DEVICES": "-1"}
    return {**settings(onednn_pays(config.input_shape), max(1, int(cpus))), **device}


class _NoPaths(list[str]):
    """A list that stays empty."""

    def extend(self, paths: Iterable[str]) -> None:
        """Add nothing."""


def _job_config(ray: Any) -> Any:
    """Make a JobConfig without the folders where workers would look for modules first.

    Ray adds the current folder and that of the script: on another node somebody else may own a folder of that name,
    and here a file of the project would hide a library.
    """
    config = ray.job_config.JobConfig()
    config._py_driver_sys_path = _NoPaths()
    return config


@contextlib.contextmanager
def _explain_failure(address: str) -> Iterator[None]:
    """Add the next step to what Ray says when it cannot be reached."""
    try:
        host, _, port = address.rpartition(":")
        if host and "/" not in address and port.isdecimal():  # Ray would try for a minute
            socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_TIMEOUT_S).close()
        yield
    except Exception as error:
        if address == LOCAL:
            step = "Give the --address of a cluster, or use --executor local."
        else:  # Ray says of a wrong token only that it could not connect
            step = (
                "Check that it is running (`ray status`), with the same versions of Ray and Python as here. If it asks "
                "for a token, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH."
            )
        raise WorkerError(f"Ray at {address} cannot be reached: {format_error(error).rstrip('.')}. {step}") from error
