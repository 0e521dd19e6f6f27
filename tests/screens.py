"""Look at every page of a database as a person does: report and dashboard, wide and narrow, light and dark.

    python tests/screens.py sqlite:///runs/tuner.db [STUDY ...]

prints what is wrong with them, and keeps pictures in `test-artifacts/screens/`.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browsing import chromium, keep_picture, visitor

SIZES = ((1280, 800), (390, 844))
SCHEMES = ("light", "dark")

PROBLEMS = (Path(__file__).parent / "screen_problems.js").read_text(encoding="utf-8")
"""A function that returns what is wrong with a page."""


def scroll_through(page: Any) -> int:
    """Bring every plot near the window once, and wait for the last one; returns how many there are."""
    plots = page.locator("[data-plot]")
    page.evaluate(
        """async () => {
            for (const place of document.querySelectorAll("[data-plot]")) {
                place.scrollIntoView();
                while (!place.querySelector(".main-svg")) await new Promise((done) => setTimeout(done, 30));
            }
            window.scrollTo({ top: 0, behavior: "instant" });
        }"""
    )
    page.wait_for_timeout(300)  # the last stroke has no event
    return int(plots.count())


def settled(page: Any, dark: bool) -> list[str]:
    """Return what is wrong once all figures have the colors of the page, or 10 s later."""
    for _ in range(30):
        page.wait_for_timeout(300)
        wrong = page.evaluate(PROBLEMS, dark)
        if not any("color scheme" in problem for problem in wrong):
            break
    return list(wrong)


def look(browser: Any, name: str, address: str) -> list[str]:
    """Return what is wrong with a page in any size and color scheme; keeps a picture of each."""
    found = []
    with visitor(browser) as page:
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=SCHEMES[0])
            page.goto(address)  # in the same page: it has compiled the scripts
            page.locator("main").wait_for(state="attached")  # not yet while plots are being drawn
            scroll_through(page)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                wrong = settled(page, scheme == "dark")
                found += [f"{name} {width} px {scheme}: {problem}" for problem in wrong]
                keep_picture(page, f"screens/{name}-{width}-{scheme}", full_page=True)
    return found


@contextmanager
def dashboard(database: Any, **options: Any) -> Iterator[str]:
    """Serve a database from this process; gives the address."""
    from tuner.dashboard import open_dashboard

    served = open_dashboard(database, host="127.0.0.1", port=0, **{"allow_edit": False, **options})
    thread = threading.Thread(target=served.serve, daemon=True)
    thread.start()
    yield served.url.rstrip("/")
    served.close()


def main() -> None:
    """Look at the studies of a database."""
    from tuner.report import report_page
    from tuner.results import read_outlines, read_study_results
    from tuner.storage import open_read_only

    database = open_read_only(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, dashboard(database) as url:
        pages = {"studies": url}
        for record in (outline.record for outline in read_outlines(database)):
            if sys.argv[2:] and record.name not in sys.argv[2:]:
                continue
            file = Path(folder) / f"{record.study_id}.html"
            file.write_text(report_page(read_study_results(database, record.name)), encoding="utf-8")
            pages[f"{record.name}-report"] = file.as_uri()
            pages[f"{record.name}-study"] = f"{url}/studies/{record.study_id}"
            if record.trials:
                pages[f"{record.name}-trial"] = f"{url}/studies/{record.study_id}/trials/0"
        problems = [problem for name, address in pages.items() for problem in look(browser, name, address)]
    print("\n".join(problems) or f"{len(pages)} pages are as they should be.")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
