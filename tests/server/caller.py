"""Calls to a platform as literal HTTP: the tests say the path and the body that `protocol.md` says."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import requests

from picsellia_ingest.server import RunningPlatform

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 20
RECTANGLE = {
    "type": "rectangle",
    "label": "crane",
    "rectangle": {"top": 88, "left": 402, "width": 250, "height": 510},
}


class Caller:
    """A client with a token; bodies go without a content type, as the published clients send them."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.token = token
        self.origin = address.removesuffix("/sdk/v2/")
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {token}"
        self.org = self.call("POST", "get_organization", {"organization": None}).json()["organization_id"]

    @classmethod
    def of(cls, running: RunningPlatform) -> Caller:
        return cls(running.address, running.token)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        data = None if body is None else json.dumps(body)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.request(
            method, self.address + path, data=data, headers=names, allow_redirects=False, timeout=60
        )

    def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.call(method, path, body, **headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def form(self, key: str, bucket_model: bool = False) -> dict[str, Any]:
        body = {"method": "post", "object_name": key, "bucket_model": bucket_model}
        url = self.ok("POST", "generate_presigned_url", body)["url"]
        assert isinstance(url, dict)
        return url

    def signed(self, key: str, bucket_model: bool = False) -> str:
        body = {"method": "get", "object_name": key, "bucket_model": bucket_model}
        return str(self.ok("POST", "generate_presigned_url", body)["url"])

    def store(self, key: str, content: bytes = JPEG) -> int:
        return send(self.form(key), content).status_code

    def register(self, name: str, key: str, tags: list[str] | None = None) -> requests.Response:
        body = {"internal_key": key, "external_url": name, "height": 1080, "width": 1920, "source": "sdk"}
        return self.call("PUT", f"picture/upload/{self.org}", body | {"tags": tags or []})

    def picture(self, name: str, tags: list[str] | None = None) -> dict[str, Any]:
        """A stored and registered picture."""
        key = f"{abs(hash(name))}.jpg"
        assert self.store(key) == 204
        answer = self.register(name, key, tags)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def dataset(self, *names: str, called: str = "harbour") -> str:
        """The id of a dataset of new pictures of these names."""
        pictures = [self.picture(name) for name in names]
        body = {"dataset_name": called, "description": "", "private": True, "pictures": pictures}
        return str(self.ok("PUT", f"dataset/{self.org}", body)["pk"])

    def annotate(
        self, dataset: str, name: str, *objects: Any, more: Any = None, **headers: str
    ) -> requests.Response:
        body = {"data": list(objects)} | (more or {})
        return self.call("PUT", f"annotation/new/{dataset}/{quote(name, safe='')}", body, **headers)

    def record(self, dataset: str, name: str) -> Any:
        found = self.ok("GET", f"annotation/new/{dataset}/{quote(name, safe='')}")["annotations"]
        return found[0] if found else None


def send(form: dict[str, Any], content: Any, **fields: str) -> requests.Response:
    """Send an object through a signed form; ``fields`` alters some of it (``_`` for ``-``)."""
    altered = {name.replace("_", "-"): value for name, value in fields.items()}
    return requests.post(
        form["url"], data=form["fields"] | altered, files={"file": ("name", content)}, timeout=60
    )
