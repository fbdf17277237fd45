"""What is said of clusters before, and without, one."""

from __future__ import annotations

import errno
import pickle
import platform
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from click.testing import CliRunner

from picsellia_ingest.api.connection import Connection, Secret
from picsellia_ingest.cli import main
from picsellia_ingest.client import job_file
from picsellia_ingest.errors import ClusterError, InvalidQueryError
from picsellia_ingest.upload import cluster, items
from tests.paths import FIXTURES

IMAGES = FIXTURES / "COCO" / "demo" / "images"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--backend", "dask"], "the backend dask needs a scheduler - give its address"),
        (["--scheduler", "tcp://127.0.0.1:1"], "there is a scheduler, and the backend is threading"),
    ],
)
def test_a_backend_and_a_scheduler_that_do_not_go_together_are_refused(
    options: list[str], words: str
) -> None:
    done = CliRunner().invoke(main, ["upload", "--name", "d", "--imgdir", str(IMAGES), *options])
    assert (done.exit_code, words in done.output) == (2, True)


@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_a_cluster_without_its_package_names_what_to_install(
    backend: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dask_work", "dask_client", "ray_work"):
        monkeypatch.delitem(sys.modules, f"picsellia_ingest.upload.{name}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with (
        pytest.raises(
            InvalidQueryError, match=rf"needs {package}.*pip install 'picsellia_ingest\[{backend}\]'"
        ),
        cluster.connected(backend, "tcp://127.0.0.1:1"),
    ):
        pass


def test_a_worker_without_the_package_or_with_another_python_is_named() -> None:
    with pytest.raises(ClusterError, match="worker on there does not have picsellia_ingest - install"):
        cluster.suits("there", platform.python_version(), PackageNotFoundError())
    with pytest.raises(ClusterError, match=r"worker on there has Python 3\.1\.0, and 3"):
        cluster.suits("there", "3.1.0", cluster.VERSION)


def test_a_worker_that_came_later_and_has_another_version_does_nothing() -> None:
    with pytest.raises(ClusterError, match=r"and 0\.0 gives out the work"), cluster.at_work("0.0"):
        pytest.fail("it did something")


def test_a_file_that_is_not_there_is_vanished_here_and_unseen_on_a_worker() -> None:
    gone = FileNotFoundError(errno.ENOENT, "no such file", "/share/a.png")
    assert items.failed(1, gone).code == "image_changed"
    with cluster.at_work(cluster.VERSION):
        outcome = items.failed(1, gone)
    assert outcome.code == "unseen_by_worker"
    assert "cannot see /share/a.png - sources must be reachable by the workers" in (outcome.error or "")


def test_tasks_of_one_run_share_one_pace_in_a_worker_and_those_of_another_run_do_not() -> None:
    connection = Connection("http://127.0.0.1:1/", Secret("canary"))
    with connection.traffic.pace.run(3, 7.0):
        one, two = (pickle.loads(pickle.dumps(connection)) for _ in range(2))
    assert one.traffic is two.traffic is not connection.traffic
    assert (one.traffic.pace.limit, one.traffic.pace.patience) == (3, 7.0)
    with connection.traffic.pace.run(5):
        assert pickle.loads(pickle.dumps(connection)).traffic is not one.traffic
    one.traffic.add(requests=2)
    assert two.traffic.taken()["requests"] == 2
    assert two.traffic.taken()["requests"] == 0


def test_a_job_file_states_the_cluster_for_all_its_datasets(tmp_path: Path) -> None:
    (tmp_path / "jobs.toml").write_text(
        '[defaults]\nbackend = "dask"\nscheduler = "tcp://127.0.0.1:8786"\n[[dataset]]\nname = "cars"\nimgdir = "cars"\n'
    )
    (job,) = job_file.load(tmp_path / "jobs.toml")
    assert (job.arguments["backend"], job.arguments["scheduler"]) == ("dask", "tcp://127.0.0.1:8786")
