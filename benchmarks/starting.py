"""T9: how long it takes until something happens: ``import picsellia_ingest`` and ``picsellia-ingest --help``.

python -m benchmarks.starting
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(*command: str) -> float:
    """The median of eleven runs, without the time the interpreter itself needs."""
    bare, whole = [], []
    for _ in range(11):
        for found, run in ((bare, (sys.executable, "-c", "pass")), (whole, command)):
            started = time.perf_counter()
            subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
            found.append(time.perf_counter() - started)
    return statistics.median(whole) - statistics.median(bare)


def main() -> None:
    for what, target, command in (
        ("import picsellia_ingest", 0.1, (sys.executable, "-c", "import picsellia_ingest")),
        ("picsellia-ingest --help", 0.2, (sys.executable, "-m", "picsellia_ingest", "--help")),
    ):
        found = seconds(*command)
        print(
            f"T9   {what:40} {found:.3f} s (target {target} s) {'reached' if found <= target else 'MISSED'}"
        )


if __name__ == "__main__":
    main()
