"""Read study files that are random bytes, or a good one with random changes: each is read or refused, in good time.

    python benchmarks/fuzz.py [--files 10000] [--seed 0]

Prints how many were read, how many were refused with a report, and the longest reading; stops at the first that raises
anything else.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from tuner.errors import UsageError
from tuner.spec import read_study

STUDIES = Path(__file__).parents[1] / "studies"
PIECES = [b"\n", b'"', b"[", b"]", b"{", b"}", b"=", b"nan", b"inf", b"1e999", b"-1", b"0", b"true", b"[search]\n"]
PIECES += [b"\xff", b"\x00", b"when = ", b"'''", b"2026-01-01", b"auto", b"low", b"a.b.c = 1\n", b"&a [*a]"]
PIECES += [b"!!python/name:os.system"]


def mutated(content: bytes, draw: random.Random) -> bytes:
    """The content with one to five changes."""
    found = bytearray(content)
    for _ in range(draw.randint(1, 5)):
        at = draw.randrange(len(found) + 1)
        match draw.randrange(4):
            case 0:
                found[at:at] = draw.choice(PIECES)
            case 1:
                del found[at : at + draw.randint(1, 30)]
            case 2:
                found[at : at + 1] = bytes([draw.randrange(256)])
            case _:
                other = draw.randrange(len(found) + 1)
                found[at:at] = found[other : other + draw.randint(1, 60)]
    return bytes(found)


def main() -> None:
    """Read them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw, ended, longest = random.Random(options.seed), Counter[str](), 0.0
    good = [file.read_bytes() for file in sorted(STUDIES.glob("*.toml"))]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.files):
            file = Path(folder) / f"study{draw.choice(['.toml', '.yaml'])}"
            content = draw.randbytes(draw.randint(0, 300)) if number % 4 == 0 else mutated(draw.choice(good), draw)
            file.write_bytes(content)
            began = time.monotonic()
            try:
                read_study(file)
                ended["read"] += 1
            except UsageError:
                ended["refused with a report"] += 1
            except BaseException:
                print(f"file {number}: {content!r}")
                raise
            longest = max(longest, time.monotonic() - began)
    print(f"{options.files} files: {dict(ended)}; the longest reading took {longest:.2f} s")


if __name__ == "__main__":
    main()
