"""A command as a whole process: seconds and memory, the median of several runs; and the peers' environment."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PEERS = ("hotcoco", "panlabel", "pycocotools", "labelformat", "orjson", "msgspec")


@dataclass(frozen=True)
class Cost:
    """Seconds; the peak of any one process, and of all together, in MiB; and what the last run said."""

    seconds: float
    peak: float
    peak_together: float
    said: str = ""


def cost(command: list[str], runs: int = 3, before: Callable[[], None] | None = None) -> Cost:
    """The medians of some runs. Raises CalledProcessError when one fails, and shows what it said."""
    found = [_once(command, before) for _ in range(runs)]
    return Cost(
        statistics.median(one.seconds for one in found),
        statistics.median(one.peak for one in found),
        statistics.median(one.peak_together for one in found),
        found[-1].said,
    )


def _once(command: list[str], before: Callable[[], None] | None) -> Cost:
    if before is not None:
        before()
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    watch = _Watch(process.pid)
    watch.start()
    said = process.communicate()[0]
    seconds = time.perf_counter() - started
    watch.over.set()
    watch.join()
    if process.returncode not in (0, 3):
        raise subprocess.CalledProcessError(process.returncode, command, said.decode()[-2000:])
    return Cost(seconds, watch.peak / 1024, watch.together / 1024, said.decode())


class _Watch(threading.Thread):
    """Looks at the memory of a process and its children every few milliseconds."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.over = pid, threading.Event()
        self.peak = self.together = 0

    def run(self) -> None:
        while not self.over.wait(0.02):
            sizes = [_resident(pid) for pid in _family(self.pid)]
            self.peak = max(self.peak, *sizes, 0)
            self.together = max(self.together, sum(sizes))


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(grandchild for child in children for grandchild in _family(int(child)))]


def _resident(pid: int) -> int:
    """KiB that are the process's own: shared pages of a mapped file are the page cache's."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def peers() -> Path | None:
    """Python of an environment with the peers under .venv; None, with the reason said, where it cannot be made."""
    home = ROOT / ".venv" / "peers"
    if not (home / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        done = subprocess.run(
            [str(home / "bin" / "pip"), "install", "--quiet", *PEERS],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"the peers cannot be installed here: {done.stderr[-200:]}")
            return None
        (home / "ready").touch()
    return home / "bin" / "python"


def row(name: str, what: str, ratio: float, *, most: float | None = None, least: float | None = None) -> None:
    """One line of the result; the target is a ratio that is ``most`` or ``least`` so large, or there is none."""
    target = f"<= {most:g}" if most is not None else "" if least is None else f">= {least:g}"
    reached = (most is None or ratio <= most) and (least is None or ratio >= least)
    word = ("reached" if reached else "MISSED") if target else ""
    print(f"{name:4} {what:66} {ratio:7.2f} x   target {target:10} {word}", flush=True)
