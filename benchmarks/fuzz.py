"""Give every reader thousands of damaged and hostile inputs: each is read or refused, in good time and little memory.

    python benchmarks/fuzz.py [--reader npz ...] [--inputs 5000] [--first 0] [--seed 0] [--processes 2]

Prints a line for each reader: how many inputs were read, how many refused with an error of ours (an answer below 500),
and the most time and memory.  An input that raises anything else, or takes more than 2 s of CPU or 500 MB, is named by
its number, `--first NUMBER --inputs 1` gives it again; the exit code is 1 then.  The readers are in `fuzz_readers.py`.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fuzz_readers import READERS, Reader, Refused

MAX_SECONDS = 2.0
MAX_MB = 500.0
_PIECE = 500


@dataclass
class Outcome:
    """What became of some inputs.

    Attributes:
        counts: "read", "refused", "failed".
        seconds: Of CPU, of the input that took the most.
        megabytes: By which the process grew from its largest size before the first input.
        faults: Number of an input, and what is wrong with its reading.
    """

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    megabytes: float = 0.0
    faults: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Count what became of others as well."""
        self.counts += other.counts
        self.seconds, self.megabytes = max(self.seconds, other.seconds), max(self.megabytes, other.megabytes)
        self.faults += other.faults


def fuzz(name: str, numbers: range, seed: int) -> Outcome:
    """Read the inputs of these numbers, each made from the seed and its number alone."""
    outcome, here = Outcome(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            reader = READERS[name](Path(folder))
            _read(reader, Random(f"{name} warm"))  # imports
            before = _peak_mb()
            for number in numbers:
                began = time.process_time()
                ended = _read(reader, Random(f"{name} {seed} {number}"))
                seconds = time.process_time() - began
                grown = _peak_mb() - before
                if ended is None:
                    outcome.counts["read"] += 1
                elif ended == "":
                    outcome.counts["refused"] += 1
                else:
                    outcome.counts["failed"] += 1
                    outcome.faults.append((number, ended))
                if seconds > MAX_SECONDS or grown > outcome.megabytes and grown > MAX_MB:
                    outcome.faults.append((number, f"took {seconds:.1f} s, and the process grew by {grown:.0f} MB"))
                outcome.seconds, outcome.megabytes = max(outcome.seconds, seconds), max(outcome.megabytes, grown)
        finally:
            os.chdir(here)
    return outcome


def _read(reader: Reader, draw: Random) -> str | None:
    """None if the input is read, "" if it is refused, else what was raised."""
    try:
        reader(draw)
    except Refused:
        return ""
    except Exception:
        lines = traceback.format_exc().strip().splitlines()
        place = next((line.strip() for line in reversed(lines) if 'File "' in line and "/tuner/" in line), "")
        return f"{lines[-1][:300]} {place}"
    return None


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def pieces(first: int, count: int) -> Iterator[range]:
    """Numbers of inputs, some hundred at a time."""
    for start in range(first, first + count, _PIECE):
        yield range(start, min(start + _PIECE, first + count))


def main() -> int:
    """Fuzz the readers that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", choices=READERS, nargs="*", default=list(READERS))
    parser.add_argument("--inputs", type=int, default=5_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    failed = False
    print("| reader | inputs | read | refused | anything else | longest, s of CPU | growth, MB |")
    print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for name in options.reader:
        whole = Outcome()
        with ProcessPoolExecutor(options.processes) as pool:
            runs = [pool.submit(fuzz, name, numbers, options.seed) for numbers in pieces(options.first, options.inputs)]
            for run in runs:
                whole.add(run.result())
        counts = [whole.counts[ended] for ended in ("read", "refused", "failed")]
        cells = [name, options.inputs, *counts, f"{whole.seconds:.2f}", f"{whole.megabytes:.0f}"]
        print("| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in cells) + " |", flush=True)
        for number, fault in whole.faults[:50]:
            print(f"    {name} {number}: {fault}", file=sys.stderr, flush=True)
        failed |= bool(whole.faults)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
