"""Thumbnails of all that can be a picture, and of what cannot."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.server.browser import Browser, picture, png
from tests.server.caller import Caller


def test_a_thumbnail_is_small_turned_by_exif_and_goes_with_its_picture(
    owner: Caller, browser: Browser, root: Path
) -> None:
    out = io.BytesIO()
    image = Image.new("RGB", (1200, 600), "#204080")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(out, "JPEG", exif=exif)
    uuid = picture(owner, "a.jpg", out.getvalue(), (600, 1200))
    before = [*(root / "objects").rglob("*")]
    for _ in range(2):
        answer = browser.get(f"/pictures/{uuid}/thumbnail")
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert Image.open(io.BytesIO(answer.content)).size == (240, 480)
    assert len([*(root / "objects").rglob("*")]) > len(before)
    owner.ok("POST", f"datalake/delete/{owner.org}", {"to_delete": [uuid]})
    assert [path for path in (root / "objects").rglob("*") if path.is_file()] == []
    assert browser.get(f"/pictures/{uuid}/thumbnail").status_code == 404


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "F"])
def test_pictures_of_every_mode_have_thumbnails(owner: Caller, browser: Browser, mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (30, 20)).save(out, "TIFF" if mode in ("F", "CMYK") else "PNG")
    uuid = picture(owner, "a", out.getvalue(), (30, 20))
    for which in ("thumbnail", "image"):
        answer = browser.get(f"/pictures/{uuid}/{which}")
        assert answer.headers["Content-Type"] in ("image/jpeg", "image/png")
        assert Image.open(io.BytesIO(answer.content)).size == (30, 20)


def bomb() -> bytes:
    """A picture whose header says it has a hundred million pixels."""
    out = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [png()[:50], b"\xff\xd8\xff\xe0" + b"x" * 99, bomb()],
    ids=["cut off", "broken", "too large"],
)
def test_what_cannot_be_shown_is_a_placeholder_and_says_nothing(
    owner: Caller, browser: Browser, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    uuid = picture(owner, "a.png", content)
    answer = browser.get(f"/pictures/{uuid}/thumbnail")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert b"script" not in answer.content
    out = capfd.readouterr()
    assert out.out + out.err == ""
