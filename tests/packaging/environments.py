"""Environments for tests of packaging: made here, installed into by the pip of the running one."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path


def pip(*arguments: str) -> None:
    """Run the pip of the running environment."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"


def environment(folder: Path, borrowed: Path, *installed: str) -> Path:
    """Make an environment in `folder` and install into it; the folder of its commands."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "lib" / version / "site-packages" / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    if installed:
        pip("--python", str(python), "install", "--no-deps", "--no-build-isolation", *installed)
    return python.parent
