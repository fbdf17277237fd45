"""Work on a Ray cluster, where Ray is installed: it is too large for the extra ``test``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.errors import ClusterError, exit_code
from tests.upload import oracle
from tests.upload.conftest import Destination

pytest.importorskip("ray", reason="ray is not installed: pip install 'picsellia_ingest[ray]'")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

HEAD = """
import ray
print("at", ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False).address_info["gcs_address"], flush=True)
input()
"""


@pytest.fixture
def address() -> Iterator[str]:
    """A Ray cluster of this test, in processes of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", HEAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"RAY_AUTH_MODE": "disabled"},
    ) as head:  # fmt: skip
        assert head.stdout is not None
        yield next(line.split()[1] for line in head.stdout if line.startswith("at "))
        head.communicate("\n")


def is_worker(process: Path) -> bool:
    """Whether it does the cluster's work; one that ended since it was listed does not."""
    try:
        return (process / "cmdline").read_bytes().startswith(b"ray::PoolActor")
    except (FileNotFoundError, ProcessLookupError):
        return False


def at_work() -> list[int]:
    """The processes that the cluster gave work to."""
    return [int(process.name) for process in Path("/proc").glob("[0-9]*") if is_worker(process)]


def test_a_ray_cluster_puts_everything_there_exactly_once_when_a_process_is_killed_too(
    platforms: Callable[..., Destination], address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    source = oracle.make(tmp_path / "source", "cars", 30)
    asked: list[str] = []

    def wrap(app: Any) -> Any:
        def killing(environ: dict[str, Any], start_response: Any) -> Any:
            asked.append(environ["PATH_INFO"])
            if sum(path.startswith("/storage/") for path in asked) == 10 and "killed" not in asked:
                asked.append("killed")
                os.kill(at_work()[0], signal.SIGKILL)
            return app(environ, start_response)

        return killing

    destination = platforms(wrap=wrap)
    report = destination.upload(source.annotations, source.images, "cars", backend="ray", scheduler=address)
    assert "killed" in asked
    assert (report.exit_code, report.images.uploaded + report.images.already_there) == (0, 30)
    assert report.requests > 2 * 30  # those that workers sent are counted
    assert oracle.faults_of(tmp_path / "platform", source) == []
    monkeypatch.chdir(source.images.parent)
    here: Any = Path("/proc/self/cwd/cars")  # a folder of another machine each
    with pytest.raises(
        ClusterError, match="cannot see /proc/self/cwd/cars - sources must be reachable"
    ) as caught:
        destination.upload(None, here, "cars", backend="ray", scheduler=address)
    assert exit_code(caught.value) == 4
