"""Sources of a test: archives of folders, a file system in memory, a web server and an S3 server on loopback."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from picsellia_ingest.api import transport
from picsellia_ingest.server import start
from picsellia_ingest.sources import streams
from tests.leaks import _no_secret_is_left  # noqa: F401 - a fixture for all that is tested here
from tests.sources.served import Bucket, Files, moto_application, served
from tests.upload.conftest import Destination, destination, platforms  # noqa: F401 - fixtures
from tests.upload.faults import Faults

KEY, SECRET = "AKIATESTTESTTEST", "verysecretaccesskeyofthetest"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.001)
    monkeypatch.setattr(streams, "PAUSES", (0.001, 0.001))


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where private copies are made; none may be left when the test ends."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Destination]:
    """Another platform, to compare with."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with start(folder / "platform", strict=True) as running:
        yield Destination(running, folder)
        transport.close_idle_connections()


@pytest.fixture
def memory() -> Iterator[Callable[[str, bytes], None]]:
    """Puts files into fsspec's memory; it is empty afterwards."""
    files = fsspec.filesystem("memory")
    yield lambda name, content: files.pipe(f"/{name}", content)
    files.store.clear()
    files.pseudo_dirs[:] = [""]


@pytest.fixture
def web() -> Iterator[tuple[Files, str]]:
    """A web server of files, and its address."""
    files = Files()
    with served(files.faults.wrap(files)) as address:
        yield files, address


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket of an S3 server, with credentials in the environment."""
    import s3fs

    faults = Faults()
    with served(faults.wrap(moto_application())) as endpoint:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # s3fs tries on its own, and so do we
        monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        s3fs.S3FileSystem.clear_instance_cache()
        found = Bucket(f"bucket-{secrets.token_hex(4)}", faults)
        found.make()
        yield found
        s3fs.S3FileSystem.clear_instance_cache()
