"""Work on a Dask cluster: a real scheduler, and workers that share no memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.api.connection import Secret
from picsellia_ingest.errors import ClusterError, InvalidQueryError, exit_code
from picsellia_ingest.upload import cluster, dask_client, dask_work, workers
from tests.upload import oracle
from tests.upload.clusters import Cluster
from tests.upload.conftest import Destination

pytestmark = [
    pytest.mark.slow,
    # A client that is closed leaves sockets and event loops to the garbage collector, which warns.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Makes clusters; the arguments are the number of workers, and settings as environment variables."""
    made: list[Cluster] = []

    def make(count: int = 2, **settings: str) -> Cluster:
        folder = tmp_path / f"cluster-{len(made)}"
        folder.mkdir()
        made.append(Cluster(folder, settings))
        made[-1].add(count)
        return made[-1]

    yield make
    for one in made:
        one.stop()


def whole(destination: Destination, name: str = "d") -> dict[str, Any]:
    """What the platform holds of a dataset, whoever made it."""
    pictures = {
        key: (found["internal_key"], found["width"], found["height"], found["tag"])
        for key, found in destination.pictures(name).items()
    }
    return {"pictures": pictures, "objects": destination.objects(name)}


def test_a_cluster_puts_the_same_on_the_platform_as_this_machine_and_no_secret_into_a_log(
    platforms: Callable[..., Destination], clusters: Callable[..., Cluster], tmp_path: Path
) -> None:
    source = oracle.make(tmp_path / "source", "cars", 40)
    destination = platforms()
    made = clusters()
    by_cluster = destination.upload(
        source.annotations, source.images, "cars", backend="dask", scheduler=made.address
    )
    there = whole(destination, "cars")
    assert (by_cluster.exit_code, oracle.faults_of(tmp_path / "platform", source)) == (0, [])
    again = destination.upload(
        source.annotations, source.images, "cars", backend="dask", scheduler=made.address
    )
    assert (again.images.uploaded, again.images.already_there, again.exit_code) == (0, 40, 0)
    destination.forget()
    other = Destination.__new__(Destination)
    other.__dict__.update(destination.__dict__, journal=tmp_path / "other.db")
    by_threads = other.upload(source.annotations, source.images, "local")
    assert whole(destination, "local")["objects"] == there["objects"]
    mine, theirs = by_cluster.to_dict(), by_threads.to_dict()
    for account in ("instances", "labels", "problems"):
        assert mine[account] == theirs[account]
    assert by_cluster.requests > 3 * 40  # those that workers sent are counted
    assert destination.connection.token.reveal() not in made.logs()


def test_a_worker_that_is_killed_in_the_middle_leaves_everything_there_exactly_once(
    platforms: Callable[..., Destination], clusters: Callable[..., Cluster], tmp_path: Path
) -> None:
    source = oracle.make(tmp_path / "source", "cars", 60)
    made = clusters(3)
    seen = {"/storage/": 0, "/annotation/": 0}

    def wrap(app: Any) -> Any:
        def killing(environ: dict[str, Any], start_response: Any) -> Any:
            for which, part in enumerate(seen):
                if environ["REQUEST_METHOD"] != "GET" and part in environ["PATH_INFO"]:
                    seen[part] += 1
                    if seen[part] == 20:
                        made.kill(which)
            return app(environ, start_response)

        return killing

    destination = platforms(wrap=wrap)
    report = destination.upload(
        source.annotations, source.images, "cars", backend="dask", scheduler=made.address
    )
    assert [worker.poll() for worker in made.workers[:2]] == [-signal.SIGKILL] * 2
    # What a worker had registered when it was killed was there when another came to it.
    assert (report.exit_code, report.images.uploaded + report.images.already_there) == (0, 60)
    assert oracle.faults_of(tmp_path / "platform", source) == []
    assert destination.connection.token.reveal() not in made.logs()


def test_what_kills_each_worker_is_lost_by_its_name_and_all_else_is_done(
    clusters: Callable[..., Cluster],
) -> None:
    def deadly(number: int, _: Secret) -> int:
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    tasks = [(number, Secret("canary")) for number in range(12)]
    made = clusters(5, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    with cluster.connected("dask", made.address):
        found = list(workers.each(deadly, tasks, 5, "dask", lambda number, _: -number))
    assert sorted(found) == [-3, 0, 1, 2, *range(4, 12)]
    assert "batch_of" in made.logs()  # the scheduler names the task that it gives up
    assert "canary" not in made.logs()


def test_a_run_whose_cluster_goes_away_ends_and_is_gone_on_with(
    platforms: Callable[..., Destination],
    clusters: Callable[..., Cluster],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dask_work, "ABSENT_SECONDS", 1.0)
    source = oracle.make(tmp_path / "source", "cars", 40)
    first, second = clusters(1), clusters(1)
    ends = [lambda: first.kill(0), lambda: second.stop()]
    asked = 0

    def wrap(app: Any) -> Any:
        def ending(environ: dict[str, Any], start_response: Any) -> Any:
            nonlocal asked
            asked += environ["PATH_INFO"].startswith("/storage/") and environ["REQUEST_METHOD"] == "POST"
            if asked == 10 and ends:
                asked = 0
                ends.pop(0)()
            return app(environ, start_response)

        return ending

    destination = platforms(wrap=wrap)
    for made, words in ((first, "has had no worker"), (second, "the scheduler is gone")):
        report = destination.upload(
            source.annotations, source.images, "cars", backend="dask", scheduler=made.address
        )
        assert (report.exit_code, words in report.stopped) == (4, True), report.stopped
    assert destination.upload(source.annotations, source.images, "cars").exit_code == 0
    assert oracle.faults_of(tmp_path / "platform", source) == []


def test_a_source_that_a_worker_does_not_see_is_said_to_be_that_and_nothing_else(
    platforms: Callable[..., Destination],
    clusters: Callable[..., Cluster],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = oracle.make(tmp_path / "source", "cars", 3)
    monkeypatch.chdir(tmp_path / "source")
    here = Path("/proc/self/cwd/cars")  # a folder of another machine each: of this process, and of the worker
    destination, made = platforms(), clusters(1)
    host = socket.gethostname()
    with pytest.raises(
        ClusterError, match=f"worker on {host} .* cannot see {here} - sources must be reachable"
    ):
        destination.upload(None, here, "cars", backend="dask", scheduler=made.address)
    (made.folder / "cars").mkdir()
    shutil.copy2(source.images / "cars-001.png", made.folder / "cars")
    report = destination.upload(source.annotations, here, "cars", backend="dask", scheduler=made.address)
    assert report.images.failed == {"unseen_by_worker": 2}
    assert (report.images.uploaded, report.exit_code) == (1, 4)
    assert f"the worker on {host} cannot see {here}/cars-000.png" in str(report.problems.kept)
    check = {"backend": "dask", "scheduler": made.address, "check": True}
    assert destination.upload(source.annotations, here, "cars", **check).exit_code == 4
    for path in source.images.iterdir():
        shutil.copy2(path, made.folder / "cars")
    report = destination.upload(source.annotations, here, "cars", backend="dask", scheduler=made.address)
    assert (report.exit_code, oracle.faults_of(tmp_path / "platform", source)) == (0, [])


def test_workers_that_are_not_there_or_have_another_version_are_said_before_anything_is_done(
    clusters: Callable[..., Cluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other" / "picsellia_ingest-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: picsellia_ingest\nVersion: 9.9\n")
    made = clusters(0, PYTHONPATH=str(other.parent))
    monkeypatch.setattr(dask_client, "WORKERS_SECONDS", 0.5)
    with pytest.raises(
        ClusterError, match=r"has no worker.* - start some with: dask worker tcp://127"
    ) as caught:
        enter(made.address)
    assert exit_code(caught.value) == 4
    monkeypatch.undo()
    made.add()
    with pytest.raises(
        ClusterError, match=r"has picsellia_ingest 9\.9, and .* gives out the work - install the same"
    ):
        enter(made.address)


def test_a_scheduler_that_does_not_answer_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_client, "REACH_SECONDS", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClusterError, match=f"scheduler {address} does not answer: ") as caught:
            enter(address)
    assert (exit_code(caught.value), "\n" in str(caught.value)) == (4, False)
    with pytest.raises(InvalidQueryError, match="is no address"):
        enter("nowhere://at.all")


def enter(address: str) -> None:
    """Connect to a cluster, and leave it."""
    with cluster.connected("dask", address):
        pass


def test_the_command_line_and_the_client_give_work_to_a_cluster(
    clusters: Callable[..., Cluster], tmp_path: Path
) -> None:
    source, made = oracle.make(tmp_path / "source", "cars", 6), clusters(1)
    command = [
        sys.executable,
        "-m",
        "picsellia_ingest",
        "upload",
        "--host",
        f"local:{tmp_path / 'platform'}",
    ]
    options = [*source.arguments, "--backend", "dask", "--scheduler", made.address, "--no-report", "--json"]
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run([*command, *options], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, json.loads(done.stdout)["images"]["uploaded"]) == (0, 6), done.stderr
    assert oracle.faults_of(tmp_path / "platform", source) == []
    assert "Traceback" not in done.stderr
