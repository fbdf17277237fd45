"""Servers of a test on loopback, each with faults at its door: files with ranges, and S3 (moto's application)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import s3fs

from picsellia_ingest.server.listening import Listener
from picsellia_ingest.server.platform import Limits
from tests.upload.faults import Faults


@contextmanager
def served(app: Any) -> Iterator[str]:
    """A WSGI application on a free port; its address."""
    listener = Listener(app, 0, 8, Limits())
    try:
        yield f"http://127.0.0.1:{listener.port}"
    finally:
        listener.close()


class Files:
    """Files by path, with ranges; what was asked is kept. ``answers_ranges`` off, it gives all of a file each time."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.bytes_sent = 0
        self.answers_ranges = True
        self.faults = Faults()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.asked.append((environ["REQUEST_METHOD"], environ.get("HTTP_RANGE", "")))
        content = self.held.get(environ["PATH_INFO"])
        if content is None:
            start_response("404 Not Found", [("Content-Length", "0")])
            return [b""]
        status, headers = "200 OK", [("ETag", f'"{hash(content)}"')]
        if self.answers_ranges:
            headers.append(("Accept-Ranges", "bytes"))
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", environ.get("HTTP_RANGE", ""))
        if wanted and self.answers_ranges:
            status = "206 Partial Content"
            first, last = int(wanted[1]), min(int(wanted[2]) + 1, len(content))
            headers.append(("Content-Range", f"bytes {first}-{last - 1}/{len(content)}"))
            content = content[first:last]
        start_response(status, [*headers, ("Content-Length", str(len(content)))])
        if environ["REQUEST_METHOD"] == "HEAD":
            return [b""]
        self.bytes_sent += len(content)
        return [content]


class Bucket:
    """A bucket of an S3 server, and the faults at its door."""

    def __init__(self, name: str, faults: Faults) -> None:
        self.name, self.faults = name, faults
        self.address = f"s3://{name}"

    def put(self, key: str, content: bytes) -> None:
        s3fs.S3FileSystem().pipe(f"{self.name}/{key}", content)

    def put_all(self, folder: Path, prefix: str = "") -> None:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}{path.relative_to(folder).as_posix()}", path.read_bytes())

    def make(self) -> None:
        s3fs.S3FileSystem().mkdir(self.name)


def moto_application() -> Any:
    """moto's S3, as a WSGI application."""
    os.environ.setdefault("MOTO_ACCOUNT_ID", "123456789012")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)
