"""A real browser for tests: headless Chromium of the machine, its console watched, its pictures kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PICTURES = Path(__file__).parents[1] / "test-artifacts"
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium of the machine; without it a test is skipped, but not in continuous integration."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        found = None
    if found is None:
        why = f"needs playwright and one of {', '.join(NAMES)}"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield running
        running.close()


@contextmanager
def visitor(browser: Any, width: int = 1400, height: int = 1000, **options: Any) -> Iterator[Any]:
    """A page of a new visitor, with `expected_errors` to add to; at the end any other error of its console fails."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.expected_errors = []
    yield opened
    context.close()
    assert [error for error in errors if not any(part in error for part in opened.expected_errors)] == []


def drawn(page: Any, plots: int = 1) -> None:
    """Wait until this many plots are drawn."""
    # Not by a function: our pages let nobody evaluate texts.
    page.locator(".js-plotly-plot:has(.main-svg)").nth(plots - 1).wait_for(state="attached")
    page.wait_for_timeout(500)  # the last stroke has no event


def keep_picture(page: Any, name: str, **options: Any) -> None:
    """Keep a picture of the page in `test-artifacts/`."""
    file = PICTURES / f"{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=file, **options)
