"""Make the pictures of the documentation, in `docs/pictures/`: a real run in a terminal, its report, its dashboard.

    python docs/pictures.py                            # run and train three studies in a temporary database first
    python docs/pictures.py sqlite:///runs/tuner.db    # take its trained study `digits`, and record no terminal

Needs the extras `docs` and `test`, and Chromium.
"""

from __future__ import annotations

import io
import itertools
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyte
from PIL import Image
from rich.console import Console
from rich.style import Style
from rich.text import Text

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT / "tests"))

from pseudo_terminal import Terminal  # noqa: E402

PICTURES = Path(__file__).parent / "pictures"
TUNER = Path(sys.executable).parent / "tuner"
STUDY = "digits"
OTHERS = ("wine_folds", "diabetes_robust_losses")
"""Studies that the list of the dashboard shows beside it."""

COMMAND = "tuner run studies/digits.toml"
SCHEMES = ("light", "dark")

WIDTH, HEIGHT = 1280, 860
"""Size of a picture of a page, pixels."""

MARGIN = 60
"""Cut from both sides of our pages, which have wider ones, pixels."""

LIST_HEIGHT = 415
"""Of the list of studies, pixels."""

COLORS = 128
"""Of a PNG: its file stays below 200 kB."""

COLUMNS, ROWS = 90, 14
"""Size of the terminal, characters."""

HOLD_S, PLAY_S = 5.0, 9.0
"""How long the last screen is shown, and in what time the recording is then played, seconds."""

FRAMES = 14


@dataclass(frozen=True)
class Frame:
    """A screen of the terminal.

    Attributes:
        text: What is on it.
        begin: Seconds since the command was given.
    """

    text: Text
    begin: float


def record(command: Sequence[str | Path]) -> list[Frame]:
    """Run a command in a pseudo-terminal and return its screens; raises RuntimeError if it fails."""
    terminal = Terminal(command, COLUMNS, ROWS, PROJECT)
    terminal.type_out(f"\x1b[1;32m$\x1b[0m {COMMAND}\r\n")
    frames = [Frame(drawn(terminal.screen), 0.0)]

    def look(seconds: float, screen: pyte.Screen) -> None:
        frames.append(Frame(drawn(screen), seconds))

    if terminal.run(look) != 0:
        raise RuntimeError(frames[-1].text.plain)
    return frames


def drawn(screen: pyte.Screen) -> Text:
    """Return the characters of a screen with their styles."""
    lines = []
    for row in range(ROWS):
        line = Text()
        cells = [screen.buffer[row][column] for column in range(COLUMNS)]
        for (color, bold), run in itertools.groupby(cells, lambda cell: (cell.fg, cell.bold)):
            name = f"#{color}" if re.fullmatch("[0-9a-f]{6}", color) else color
            line.append("".join(cell.data for cell in run), Style(color=name, bold=bold))
        line.rstrip()
        lines.append(line)
    return Text("\n").join(lines)


def movie(frames: Sequence[Frame]) -> str:
    """Return an SVG that shows the last frame, then plays all; it stands still if the reader wants less motion."""
    end, whole = frames[-1].begin, HOLD_S + PLAY_S
    moments = [end * index / FRAMES for index in range(FRAMES)]
    played = [next(frame for frame in reversed(frames) if frame.begin <= moment) for moment in moments]
    pictures = [still(frame.text, f"f{index}") for index, frame in enumerate([frames[-1], *played])]
    rules, groups = [], []
    for index, picture in enumerate(pictures):
        begin = 100 * (HOLD_S + PLAY_S * (index - 1) / FRAMES) / whole if index else 0
        stop = 100 * (HOLD_S + PLAY_S * index / FRAMES) / whole
        before = "0% { opacity: 0 } " if index else ""
        rules.append(f"@keyframes k{index} {{ {before}{begin:.2f}% {{ opacity: 1 }} {stop:.2f}% {{ opacity: 0 }} }}")
        rules.append(f"#g{index} {{ animation: k{index} {whole:g}s step-end infinite; opacity: {int(not index)} }}")
        groups.append(f'<g id="g{index}">{picture}</g>')
    style = "\n".join([*rules, "@media (prefers-reduced-motion) { g { animation: none !important } }"])
    inside = "".join([f"<title>{COMMAND}: a run of 100 trials</title>", f"<style>{style}</style>", *groups])
    (box,) = set(re.findall(r'viewBox="([^"]+)"', inside))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{inside}</svg>\n'


def still(text: Text, name: str) -> str:
    """One screen as SVG, with the fonts of the reader's machine only."""
    console = Console(
        width=COLUMNS, height=ROWS, record=True, file=io.StringIO(), force_terminal=True, legacy_windows=False
    )
    console.print(text, no_wrap=True, end="")
    svg = console.export_svg(title=" ", unique_id=name)
    svg = re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*\n\s*", "\n", svg)
    return svg.replace("Fira Code, monospace", "ui-monospace, 'DejaVu Sans Mono', monospace")


def photograph(storage: str) -> None:
    """Make pictures of the report and of the dashboard, for a light and a dark page each."""
    from browsing import chromium

    with tempfile.TemporaryDirectory() as folder, chromium() as browser, dashboard(storage) as address:
        report = Path(folder) / "report.html"
        subprocess.run([TUNER, "report", STUDY, "--storage", storage, "-o", report], check=True)
        for scheme in SCHEMES:
            options = {"viewport": {"width": WIDTH, "height": HEIGHT}, "color_scheme": scheme}
            page = browser.new_page(**options)
            page.goto(report.as_uri())
            keep(page, f"report-{scheme}", (MARGIN, 0, WIDTH - MARGIN, 730))
            for section in ("dimensions", "health"):
                for _ in range(2):  # plots above it are drawn as they come near, and move it
                    page.evaluate("id => document.getElementById(id).scrollIntoView()", section)
                    page.wait_for_timeout(2000)
                keep(page, f"{section}-{scheme}", (MARGIN, 0, WIDTH - MARGIN, HEIGHT))
            page.goto(address)
            page.get_by_role("link", name=STUDY).wait_for()
            keep(page, f"dashboard-{scheme}", (MARGIN, 0, WIDTH - MARGIN, LIST_HEIGHT))
            page.get_by_role("link", name=STUDY).click()
            best = page.locator("#trials tbody a").first
            best.wait_for(state="attached", timeout=120_000)  # not before all plots are drawn
            page.goto(f"{address.rstrip('/')}{best.get_attribute('href')}")
            page.locator(".js-plotly-plot .main-svg").first.wait_for()
            page.wait_for_timeout(2000)  # its plots come one by one
            keep(page, f"trial-{scheme}", (MARGIN, 0, WIDTH - MARGIN, HEIGHT))


@contextmanager
def dashboard(storage: str) -> Iterator[str]:
    """Serve a database; gives the address."""
    command = [TUNER, "dashboard", "--storage", storage, "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        yield next(found.group() for line in server.stdout if (found := re.search(r"http://\S+", line)))
    finally:
        server.terminate()
        server.wait()


def keep(page: Any, name: str, box: tuple[int, int, int, int] = (0, 0, WIDTH, HEIGHT)) -> None:
    """Save a part of the window (left, upper, right, lower) as a small PNG."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").crop(box)
    PICTURES.mkdir(exist_ok=True)
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)


def main() -> None:
    """Make them all."""
    with tempfile.TemporaryDirectory() as folder:
        storage = sys.argv[1] if sys.argv[1:] else f"sqlite:///{folder}/tuner.db"
        if not sys.argv[1:]:
            frames = record([TUNER, *COMMAND.split()[1:], "--storage", storage])
            PICTURES.mkdir(exist_ok=True)
            (PICTURES / "run.svg").write_text(movie(frames), encoding="utf-8")
            for name in OTHERS:
                subprocess.run([TUNER, "run", PROJECT / f"studies/{name}.toml", "--storage", storage], check=True)
            model = Path(folder) / f"{STUDY}.keras"
            subprocess.run([TUNER, "train", STUDY, "--storage", storage, "-o", model], check=True, cwd=PROJECT)
        photograph(storage)


if __name__ == "__main__":
    main()
