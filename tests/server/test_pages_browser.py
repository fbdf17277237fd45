"""The pages in a real browser: nothing runs, and what is drawn is where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from picsellia_ingest.server import RunningPlatform
from tests.server.browser import box, chromium, dataset, needs_chromium, picture, png, ring
from tests.server.caller import Caller
from tests.server.test_pages import HOSTILE

pytestmark = [pytest.mark.slow, needs_chromium]

BASE = (32, 64, 128)
RED = (255, 89, 100)
"""The colour of a picture, and that of the first label."""
SIZE = (400, 300)


class Shot:
    """A screenshot in which the picture is found by its colour."""

    def __init__(self, path: Path) -> None:
        with Image.open(path) as image:
            self.image = image.convert("RGB")
        columns = [x for x in range(self.image.width) if self._has(x, vertical=True)]
        rows = [y for y in range(self.image.height) if self._has(y, vertical=False)]
        self.left, self.top = min(columns), min(rows)
        self.scale = (max(columns) + 1 - self.left) / SIZE[0]
        assert abs((max(rows) + 1 - self.top) / SIZE[1] - self.scale) < 0.02

    def _has(self, place: int, *, vertical: bool) -> bool:
        where = (
            (place, 0, place + 1, self.image.height) if vertical else (0, place, self.image.width, place + 1)
        )
        found = self.image.crop(where).getcolors(1 << 16)
        return any(colour == BASE and count > 20 for count, colour in found or ())

    def at(self, x: float, y: float) -> tuple[int, int, int]:
        """The colour at a place of the picture."""
        found = self.image.getpixel((round(self.left + x * self.scale), round(self.top + y * self.scale)))
        assert isinstance(found, tuple)
        red, green, blue = found
        return red, green, blue

    def outlined(self, x: float, y: float) -> bool:
        """Whether a red line passes here, which may be spread over some pixels."""
        around = [
            self.at(x + dx / self.scale, y + dy / self.scale) for dx in range(-2, 3) for dy in range(-2, 3)
        ]
        return any(red > 120 and red > blue + 40 for red, _, blue in around)


@pytest.fixture
def drawn(owner: Caller) -> str:
    """The address of a picture with a box, a polygon with a hole, and one whose hole goes round the same way."""
    uuid = picture(owner, "a.png", png(SIZE), SIZE)
    made = dataset(owner, [uuid])
    outline, hole = (
        [(200, 40), (380, 40), (380, 140), (200, 140)],
        [(260, 70), (260, 110), (320, 110), (320, 70)],
    )
    same_way, inner = (
        [(200, 180), (380, 180), (380, 280), (200, 280)],
        [(260, 210), (320, 210), (320, 250), (260, 250)],
    )
    objects = [
        box("crane", 40, 60, 100, 80),
        ring("crane", *outline, outline[0], *hole, hole[0]),
        ring("crane", *same_way, same_way[0], *inner, inner[0]),
    ]
    assert owner.annotate(made, "a.png", *objects).status_code == 200
    return f"/datasets/{made}/{uuid}"


@pytest.mark.parametrize(("width", "scheme"), [(1400, 0), (1400, 1), (500, 1)])
def test_objects_are_drawn_in_place_and_their_holes_stay_free(
    running: RunningPlatform, drawn: str, tmp_path: Path, width: int, scheme: int
) -> None:
    path = tmp_path / "shot.png"
    chromium(
        tmp_path, running.entrance(drawn), f"--screenshot={path}", f"--window-size={width},1000",
        f"--blink-settings=preferredColorScheme={scheme}",
    )  # fmt: skip
    shot = Shot(path)
    filled = tuple(round(0.78 * base + 0.22 * red) for base, red in zip(BASE, RED, strict=True))
    for x, y in ((90, 100), (230, 120), (350, 120), (350, 200)):
        assert max(abs(a - b) for a, b in zip(shot.at(x, y), filled, strict=True)) < 3, (x, y)
    for x, y in ((20, 200), (290, 90), (290, 230), (160, 100)):
        assert shot.at(x, y) == BASE, (x, y)
    for x, y in ((40, 100), (140, 100), (90, 140), (380, 90), (260, 90), (320, 230)):
        assert shot.outlined(x, y), (x, y)
    assert not shot.outlined(230, 55), "the bridge is drawn"
    corner = shot.image.getpixel((2, shot.image.height - 2))
    assert isinstance(corner, tuple)
    assert (max(corner) < 60) == (scheme == 0)


def test_no_script_runs_whatever_things_are_called(
    owner: Caller, running: RunningPlatform, tmp_path: Path
) -> None:
    act = "document.documentElement.setAttribute('data-acted','1')"
    names = [
        *HOSTILE.values(),
        f'<img src=x onerror="{act}">',
        f"</title><svg onload={act}>",
        f'"><script>{act}</script>',
    ]
    uuids = [picture(owner, name, png(), tags=[name]) for name in names]
    made = dataset(owner, uuids, names[-1])
    for name in names:
        asked = {"type": "text", "question": name, "answer": name}
        owner.annotate(made, name, box(name, 1, 2, 30, 20, qa=[asked]), more={"image_qa": [asked]})
    for number, path in enumerate(
        ("/", f"/datasets/{made}", *(f"/datasets/{made}/{uuid}" for uuid in uuids[-3:]))
    ):
        page = chromium(tmp_path / str(number), running.entrance(path), "--dump-dom")
        assert "Sign out" in page
        assert "data-acted=" not in page.partition("<head")[0]
        assert "<script" not in page
        assert "onerror=&quot;" in page or "onerror=" not in page.replace("&lt;img src=x onerror=", "")


def test_a_picture_that_is_broken_leaves_a_placeholder(
    owner: Caller, running: RunningPlatform, tmp_path: Path
) -> None:
    made = dataset(owner, [picture(owner, "a.png", png()[:50], SIZE)])
    path = tmp_path / "shot.png"
    chromium(
        tmp_path, running.entrance(f"/datasets/{made}"), f"--screenshot={path}", "--window-size=1000,700"
    )
    with Image.open(path) as image:
        assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 5
