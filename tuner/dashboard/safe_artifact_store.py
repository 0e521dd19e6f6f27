"""Artifacts next to a database that may come from somebody else."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound


class ArtifactFolder(FileSystemArtifactStore):
    """An artifact store that opens only regular files: it neither follows links nor waits for pipes.

    Args:
        folder: Folder of the artifacts, which have Optuna's names.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Open an artifact.

        Raises:
            ArtifactNotFound: There is no such artifact.
        """
        try:
            opened = os.open(Path(self._folder, artifact_id), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (OSError, ValueError):
            raise ArtifactNotFound(f"There is no artifact {artifact_id}.") from None
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise ArtifactNotFound(f"There is no artifact {artifact_id}.")
        return os.fdopen(opened, "rb")
