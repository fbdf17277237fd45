"""A platform that only counts: fast, in a process of its own, with the answer times of a far one.

    python -m benchmarks.stub REPLY_SECONDS CONNECT_SECONDS        prints its address

It speaks as much of docs/protocol.md as an upload needs, over bare asyncio, keeps what arrives in memory and checks
nothing: each answer comes ``REPLY_SECONDS`` after its request, and the first of a connection ``CONNECT_SECONDS`` later still,
as if the connection had to be made over a distance. What is below ``/stub/`` is for the benchmark and answered at once.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import msgspec

ORGANIZATION = str(UUID(int=1, version=4))
DATASET = str(UUID(int=2, version=4))


class _Body(msgspec.Struct):
    data: msgspec.Raw


_data = msgspec.json.Decoder(_Body)
STATUS = {
    200: b"HTTP/1.1 200 OK",
    201: b"HTTP/1.1 201 Created",
    204: b"HTTP/1.1 204 No Content",
    404: b"HTTP/1.1 404 Not Found",
}
Reply = tuple[int, Any]


@dataclass
class Held:
    """All that arrived. ``members`` are names of pictures; ``annotations`` are bodies, each as often as it came."""

    host: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    pictures: dict[str, dict[str, Any]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    members: dict[str, None] = field(default_factory=dict)
    annotations: dict[str, list[bytes]] = field(default_factory=dict)
    annotated: list[str] = field(default_factory=list)
    there: bool = False
    connections: int = 0
    requests: int = 0
    begun: float = field(default_factory=time.process_time)
    """CPU seconds of this process when it began."""
    twice: int = 0
    """Pictures that were registered more than once."""
    times: list[float] = field(default_factory=list)
    """When a picture was registered or an annotation came."""

    def answer(self, method: str, path: str, query: str, body: bytes) -> Reply:
        """What the platform says."""
        self.requests += 1
        head, *rest = path.split("/")
        return getattr(self, f"{method.lower()}_{head}")(rest, query, body)

    def get_ping(self, *_: Any) -> Reply:
        return 200, {"username": "stub", "sdk_version": "5.0.22"}

    def post_get_organization(self, *_: Any) -> Reply:
        return 200, {"organization_id": ORGANIZATION, "organization_name": "stub"}

    def post_generate_presigned_url(self, _: Any, query: str, body: bytes) -> Reply:
        asked = json.loads(body)
        name = asked["object_name"]
        if asked["method"] == "get":
            return 200, {"url": f"{self.host}storage/{name}"}
        fields = {"key": name, "policy": "p" * 300, "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": "c" * 60,
                  "x-amz-date": "20210914T000000Z", "x-amz-signature": "0" * 64}  # fmt: skip
        return 200, {"url": {"url": f"{self.host}storage/", "fields": fields}}

    def post_storage(self, _: Any, query: str, body: bytes) -> Reply:
        begin = body.index(b'name="key"\r\n\r\n') + 14
        self.objects[body[begin : body.index(b"\r\n", begin)].decode()] = body
        return 204, None

    def get_storage(self, rest: list[str], *_: Any) -> Reply:
        return 200, content(self.objects[rest[0]])

    def put_picture(self, rest: list[str], query: str, body: bytes) -> Reply:
        self.times.append(time.monotonic())
        found = json.loads(body)
        name = found["external_url"]
        self.twice += name in self.pictures
        return 201, self.add(name, found)

    def add(self, name: str, found: dict[str, Any]) -> dict[str, Any]:
        """A picture of the lake."""
        picture_id = str(UUID(int=len(self.pictures) + 1000, version=4))
        size = {key: found.get(key) for key in ("width", "height", "internal_key")}
        self.ids[picture_id] = name
        self.pictures[name] = {
            "picture_id": picture_id,
            "external_url": name,
            "tag": found.get("tags"),
            **size,
        }
        return self.pictures[name]

    def get_datalake(self, *_: Any) -> Reply:
        return 200, {"pictures": list(self.pictures.values())}

    def get_picture(self, *_: Any) -> Reply:
        return 200, {"pictures": [self.pictures[name] for name in self.members]}

    def get_dataset(self, *_: Any) -> Reply:
        return (200, self._dataset()) if self.there else (404, {"error": "no dataset"})

    def put_dataset(self, rest: list[str], query: str, body: bytes) -> Reply:
        self.there = True
        return self.post_dataset([], query, body)

    def post_dataset(self, rest: list[str], query: str, body: bytes) -> Reply:
        if rest[1:] != ["update_stats"]:
            self.members.update((self.ids[one], None) for one in json.loads(body)["pictures"])
        return 200, self._dataset()

    def _dataset(self) -> dict[str, Any]:
        return {
            "dataset": {
                "dataset_id": DATASET,
                "dataset_name": "d",
                "version": "first",
                "size": len(self.members),
            }
        }

    def put_label(self, *_: Any) -> Reply:
        return 200, {}

    def put_annotation(self, rest: list[str], query: str, body: bytes) -> Reply:
        self.times.append(time.monotonic())
        name = unquote(rest[2])
        if name not in self.annotations:
            self.annotated.append(name)
            self.annotations[name] = []
        self.annotations[name].append(body)
        return 200, {"message": "annotation saved"}

    def get_annotation(self, rest: list[str], query: str, body: bytes) -> Reply:
        asked = parse_qs(query)
        start, size = int(asked["offset"][0]), int(asked["limit"][0])
        names = self.annotated[start : start + size]
        records = [{"external_picture_url": name, "annotations": self.raw(name)} for name in names]
        return 200, msgspec.json.encode(
            {"annotations": records, "nb_pages": -(-len(self.annotations) // size)}
        )

    def raw(self, name: str) -> Any:
        """All objects that came for a picture, undecoded where they came at once."""
        bodies = self.annotations[name]
        return _data.decode(bodies[0]).data if len(bodies) == 1 else self.sent(name)

    def sent(self, name: str) -> list[Any]:
        """All objects that came for a picture."""
        return [one for body in self.annotations.get(name, ()) for one in json.loads(body)["data"]]

    def control(self, verb: str, body: bytes) -> Reply:
        """What the benchmark asks: to begin anew, with a dataset of some pictures; and what arrived."""
        if verb == "begin":
            self.__init__(self.host)  # type: ignore[misc]
            for name in json.loads(body):
                self.add(name, {})
                self.members[name] = None
            self.there = bool(self.members)
            return 200, {}
        if verb == "object":
            return 200, content(self.objects[self.pictures[json.loads(body)]["internal_key"]])
        if verb == "annotation":
            return 200, self.sent(json.loads(body))
        first, last = (self.times[0], self.times[-1]) if self.times else (0.0, 0.0)
        return 200, {
            "pictures": sorted(self.pictures), "members": len(self.members), "objects": len(self.objects), "twice": self.twice,
            "annotations": {name: len(bodies) for name, bodies in self.annotations.items()}, "requests": self.requests,
            "connections": self.connections, "seconds": last - first, "busy": time.process_time() - self.begun,
        }  # fmt: skip


def content(body: bytes) -> bytes:
    """The file in a form."""
    boundary = body[: body.index(b"\r\n")]
    begin = body.index(b"\r\n\r\n", body.index(b'name="file"')) + 4
    return body[begin : body.rindex(b"\r\n" + boundary)]


class Line(asyncio.Protocol):
    """One connection: requests one after the other, each answered after a while."""

    def __init__(self, held: Held, reply: float, connect: float) -> None:
        self.held, self.reply, self.late = held, reply, connect
        self.parts: list[bytes] = []
        self.left = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.left < 0:
            data = b"".join((*self.parts, data))
            self.parts = []
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self.parts = [head]
                return
            self.left = self.take_head(head.decode("latin-1"))
        self.parts.append(data)
        self.left -= len(data)
        if self.left == 0:
            self.left = -1
            body, self.parts = b"".join(self.parts), []
            self.take(body)

    def take_head(self, head: str) -> int:
        first, *lines = head.split("\r\n")
        self.method, self.target, _ = first.split(" ")
        for line in lines:
            key, _, value = line.partition(":")
            if key.lower() == "content-length":
                return int(value)
        return 0

    def take(self, body: bytes) -> None:
        address = urlsplit(self.target)
        path = address.path[1:]
        if path.startswith("stub/"):
            self.write(*self.held.control(path[5:], body))
            return
        status, answer = self.held.answer(self.method, path, address.query, body)
        self.held.connections += self.late > 0
        asyncio.get_running_loop().call_later(self.reply + self.late, self.write, status, answer)
        self.late = 0.0

    def write(self, status: int, answer: Any) -> None:
        body = b"" if answer is None else answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        length = b"" if status == 204 else b"\r\nContent-Length: %d" % len(body)
        self.transport.write(STATUS[status] + length + b"\r\n\r\n" + body)


async def main(reply: float, connect: float) -> None:
    loop = asyncio.get_running_loop()
    held = Held()
    server = await loop.create_server(lambda: Line(held, reply, connect), "127.0.0.1", 0, backlog=512)
    held.host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    print(held.host, flush=True)
    await server.serve_forever()


@contextmanager
def serving(reply: float, connect: float) -> Iterator[str]:
    """The address of a stub that runs as long as the block does."""
    command = [sys.executable, "-m", "benchmarks.stub", str(reply), str(connect)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def ask(host: str, verb: str, what: object = None) -> Any:
    """What a stub says of itself."""
    line = HTTPConnection(urlsplit(host).netloc)
    line.request("POST", f"/stub/{verb}", json.dumps(what).encode())
    body = line.getresponse().read()
    line.close()
    return body if verb == "object" else json.loads(body)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), float(sys.argv[2])))
