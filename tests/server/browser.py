"""What a browser does with the pages: signed in like one, over HTTP; and a headless Chromium, where there is one."""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import requests
from PIL import Image

from picsellia_ingest.server import RunningPlatform
from tests.server.caller import Caller

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"
)
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--virtual-time-budget=8000",
)  # fmt: skip


class Browser:
    """A session at the pages of a platform."""

    def __init__(self, running: RunningPlatform, token: str | None = None) -> None:
        self.page = running.page
        self.session = requests.Session()
        if token is None:
            answer = self.session.get(running.entrance(), timeout=30)
        else:
            answer = self.session.post(self.page + "enter", data={"token": token}, timeout=30)
        assert answer.status_code == 200, answer.text

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(
            self.page.rstrip("/") + path, headers=headers, allow_redirects=False, timeout=30
        )

    def text(self, path: str) -> str:
        """What a page says, without its markup."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return plain(answer.text)


def plain(page: str) -> str:
    """The text of a page."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page.partition("<body>")[2])))


def picture(
    owner: Caller,
    name: str,
    content: bytes | None = None,
    size: tuple[int, int] = (40, 30),
    tags: list[str] | None = None,
) -> str:
    """The id of a picture of the lake."""
    key = f"{abs(hash(name))}.png"
    assert owner.store(key, png(size) if content is None else content) == 204
    body = {
        "internal_key": key,
        "external_url": name,
        "width": size[0],
        "height": size[1],
        "tags": tags or [],
    }
    return str(owner.ok("PUT", f"picture/upload/{owner.org}", body)["picture_id"])


def dataset(owner: Caller, pictures: list[str], name: str = "harbour") -> str:
    """The id of a dataset of pictures."""
    return str(owner.ok("PUT", f"dataset/{owner.org}", {"dataset_name": name, "pictures": pictures})["pk"])


def png(size: tuple[int, int] = (40, 30), colour: str = "#204080") -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def box(
    label: str, left: float, top: float, width: float, height: float, **more: object
) -> dict[str, object]:
    """A rectangle of the wire."""
    shape = {"left": left, "top": top, "width": width, "height": height}
    return {"type": "rectangle", "label": label, "rectangle": shape, **more}


def ring(label: str, *points: tuple[float, float], **more: object) -> dict[str, object]:
    """A polygon of the wire."""
    return {
        "type": "polygon", "label": label, "polygon": {"geometry": [{"x": x, "y": y} for x, y in points]}, **more,
    }  # fmt: skip


def chromium(tmp_path: Path, address: str, *arguments: str) -> str:
    """What a fresh Chromium writes when it opens an address."""
    command = [str(CHROMIUM), *_FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *arguments, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
