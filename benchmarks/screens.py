"""The screens that a user sees: each command in a pseudo-terminal of 60, 80 and 120 columns, kept and checked.

    python benchmarks/screens.py [FOLDER]    # test-artifacts/screens by default; 5 minutes, it imports TensorFlow

Each screen is a text file, `COMMAND-COLUMNS.txt`; what it showed each second is in `COMMAND-COLUMNS-live.txt`.
Exits with 1 if a number is broken over two lines, something is wider than the terminal, or Ctrl-C leaves anything.
"""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT / "tests"))

import pyte  # noqa: E402
from pseudo_terminal import Terminal, visible  # noqa: E402

COLUMNS = (60, 80, 120)
ROWS = 24
TUNER = Path(sys.executable).parent / "tuner"
STUDY = str(PROJECT / "studies" / "digits.toml")
COMMANDS = {
    "check": ["check", STUDY],
    "run": ["run", STUDY, "--trials", "12", "--epochs", "10"],
    "list": ["list"],
    "show": ["show", "digits"],
    "best": ["best", "digits"],
    "compare": ["compare", "digits"],
    "compare-by": ["compare", "digits", "--by", "optimizer"],
    "train": ["train", "digits", "--top", "2", "--seeds", "2", "--force"],
}
INTERRUPTED = ["run", STUDY, "--trials", "40", "--epochs", "200", "--fork", "interrupted"]
CTRL_C = "\x03"
_KEPT_EVERY_S = 1.0


@dataclass
class Look:
    """Keeps a screen each second, and may press Ctrl-C twice while trials run.

    Attributes:
        interrupt: Whether it does.
        screens: The kept ones, with their seconds.
        broken: Problems that were seen.
    """

    interrupt: bool = False
    screens: list[tuple[float, list[str]]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    _pressed: int = 0
    _pressed_s: float = 0.0

    def __call__(self, seconds: float, screen: pyte.Screen) -> str | None:
        """See `pseudo_terminal.Look`."""
        lines = visible(screen)
        if not self.screens or seconds - self.screens[-1][0] >= _KEPT_EVERY_S:
            self.screens.append((seconds, lines))
        running = any(re.match(r"trial\s+epoch", line) for line in lines)
        if self.interrupt and self._pressed < 2 and (running or self._pressed) and seconds - self._pressed_s > 2.0:
            self._pressed, self._pressed_s = self._pressed + 1, seconds
            return CTRL_C
        return None


def problems(name: str, lines: list[str], columns: int, live: bool = False) -> Iterator[str]:
    """Yield what is wrong with lines that a person sees; a live screen has the echo of Ctrl-C until it is redrawn."""
    left = r"[\x00-\x1f\x7f\x9b]|\[\d+[mKA]" + ("" if live else r"|\^C")
    for line in lines:
        if len(line) > columns:
            yield f"{name}: {len(line)} columns: {line}"
        if re.search(left, line):
            yield f"{name}: control characters: {line!r}"
    for above, below in itertools.pairwise(lines):
        full = len(above) == columns
        if full and re.search(r"\d[.e-]?$", above) and re.match(r"[\d.]", below):
            yield f"{name}: a number is broken: {above[-20:]!r}, {below[:20]!r}"
        if re.search(r"\d…", above):
            yield f"{name}: a number is cut: {above!r}"


def main() -> None:
    """Run all, keep the screens, and say what is wrong."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else PROJECT / "test-artifacts" / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    for columns in COLUMNS:
        with tempfile.TemporaryDirectory() as project:
            environment = {"TUNER_STORAGE": f"sqlite:///{project}/tuner.db"}
            for name, arguments in [*COMMANDS.items(), ("interrupted", INTERRUPTED)]:
                terminal = Terminal([TUNER, *arguments], columns, ROWS, Path(project), environment)
                look = Look(interrupt=name == "interrupted")
                code = terminal.run(look)
                lines, title = terminal.lines(), f"{name}-{columns}"
                live = "".join(f"--- {at:.0f} s\n" + "\n".join(shown) + "\n" for at, shown in look.screens)
                (folder / f"{title}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
                (folder / f"{title}-live.txt").write_text(live, encoding="utf-8")
                expected = 130 if name == "interrupted" else 0
                if code != expected:
                    found.append(f"{title}: exit code {code} where {expected} was expected")
                found += problems(title, lines, columns)
                for at, shown in look.screens:
                    found += problems(f"{title} after {at:.0f} s", shown, columns, live=True)
                if any(re.match(r"(trial\s+epoch|━)", line) for line in lines):
                    found.append(f"{title}: progress is left on the screen")
                print(f"{title}: exit code {code}, {len(lines)} lines", flush=True)
    print(*(found or ["nothing is broken, cut or left over"]), sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
