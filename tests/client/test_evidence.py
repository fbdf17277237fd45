"""The evidence page: what it counts, which instances it puts forward, and that nothing in it runs."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from picsellia_ingest.client import evidence
from picsellia_ingest.client.inspect import inspect
from picsellia_ingest.model import ImageRecord, Instance, Polygon, Rectangle, Ring
from picsellia_ingest.upload.survey import Survey
from picsellia_ingest.upload.suspects import MOST, Suspects
from tests.client.sources import BOX, coco, picture
from tests.server.browser import chromium, needs_chromium

SQUARE = Polygon((Ring((10, 10, 30, 10, 30, 30, 10, 30)),))


def record(*instances: Instance, size: tuple[int | None, int | None] = (100, 100)) -> ImageRecord:
    return ImageRecord("a.jpg", *size, instances)


def box(left: float, top: float, width: float, height: float, label: str = "car") -> Instance:
    return Instance(label, Rectangle(left, top, width, height))


def kinds(*instances: Instance, size: tuple[int | None, int | None] = (100, 100)) -> list[str]:
    found = Suspects()
    found.take(record(*instances, size=size), None)
    return [one.kind for one in found.worst()]


@pytest.mark.parametrize(
    ("instances", "expected"),
    [
        ([box(10, 10, 20, 20)], []),
        ([box(90, 10, 20, 20)], ["outside"]),
        ([box(10, 10, 3, 20)], ["tiny"]),
        ([box(0, 0, 100, 100)], ["huge"]),
        ([box(10, 10, 20, 20), box(10, 10, 20, 20.5)], ["twin"]),
        ([box(10, 10, 20, 20), box(10, 10, 20, 20, "bus")], ["twin"]),
        ([box(10, 10, 20, 20), box(31, 10, 20, 20)], []),
        ([Instance("car", Rectangle(60, 60, 20, 20), SQUARE)], ["box_unlike_polygon"]),
        ([Instance("car", Rectangle(10, 10, 20, 20), SQUARE)], []),
        ([Instance("car", None, SQUARE)], []),
        ([Instance("sunny")], []),
    ],
)
def test_what_is_seldom_meant_is_put_forward_and_nothing_else(
    instances: list[Instance], expected: list[str]
) -> None:
    assert kinds(*instances) == expected


def test_without_a_size_nothing_is_said_of_the_edge() -> None:
    assert kinds(box(-500, 0, 1000, 1000), size=(None, None)) == []


def test_the_worst_of_each_kind_are_kept_and_no_kind_crowds_the_others_out() -> None:
    found = Suspects()
    for number in range(200):
        found.take(record(box(100 - number / 4, 50, 50, 10), box(10, 10, 1 + number / 100, 20)), None)
    worst = found.worst()
    assert len(worst) <= MOST
    scores = {kind: [one.score for one in worst if one.kind == kind] for kind in ("outside", "tiny")}
    assert all(len(found) >= 10 and found == sorted(found, reverse=True) for found in scores.values())
    assert scores["outside"][0] == 1
    assert scores["tiny"][0] == 0.75


def test_sizes_shapes_and_crowds_are_counted_in_classes() -> None:
    survey = Survey()
    survey.take(record(box(0, 0, 10, 10), box(0, 0, 40, 10)), None)
    survey.take(record(), None)
    assert survey.tables() == {
        "sides": [("8 to 16 px", 1), ("16 to 32 px", 1)],
        "ratios": [("0.67 to 1.5", 1), ("1.5 to 2", 0), ("2 to 4", 0), ("4 to 8", 1)],
        "crowds": [("0", 1), ("1", 0), ("2", 1)],
        "image_sizes": [("100 x 100", 2)],
    }


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The page of a source with a good box, one past the edge, one that is rejected, and names that are HTML."""
    hostile = "<img src=x onerror=document.title=1>.jpg"
    picture(tmp_path / "images" / "a.jpg", 200)
    source = coco(
        tmp_path,
        {"bbox": BOX},
        {"bbox": [50, 10, 30, 20], "category_id": 2},
        {"bbox": [1, 2, 0, 0]},
        {"bbox": [1, 1, 2, 2], "image_id": 1},
        names=("a.jpg", hostile),
    )
    text = json.loads(source.read_text())
    text["categories"][1]["name"] = "<script>document.title=2</script>"
    source.write_text(json.dumps(text))
    evidence.of_inspection(
        inspect(source, imgdir=tmp_path / "images", survey=True), tmp_path / "evidence.html"
    )
    return tmp_path / "evidence.html"


def test_every_instance_that_came_in_is_on_the_page_by_what_became_of_it(written: Path) -> None:
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", written.read_text(), flags=re.S)
    flat = " ".join(text.split())
    assert "4 instances came in 3 of them can be read" in flat
    assert "good 2 rejected: box_empty 1 rejected: image_missing 1 came in 4" in flat
    assert "box_overhangs 1" in flat
    data = json.loads(written.with_suffix(".json").read_text())
    assert (data["instances_stated"], data["instances"]) == (4, 3)
    assert {one["kind"] for one in data["survey"]["suspects"]} == {"outside", "tiny"}


def test_the_page_is_whole_by_itself_and_names_are_text(written: Path) -> None:
    page = written.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<img src=x" not in page
    assert not re.search(r"(src|href)=\"(?!data:image/jpeg;base64,)", page)
    assert "default-src 'none'" in page


def test_a_suspect_is_drawn_on_its_image(written: Path) -> None:
    pictures = re.findall(r"data:image/jpeg;base64,([^\"]+)", written.read_text())
    shown = Image.open(io.BytesIO(base64.b64decode(pictures[0]))).convert("RGB")
    pixels = shown.tobytes()
    colours = [*zip(pixels[::3], pixels[1::3], pixels[2::3], strict=True)]
    assert any(red > 150 and green < 60 and blue < 70 for red, green, blue in colours), "the image"
    assert any(red < 110 and green > 150 and blue > 200 for red, green, blue in colours), "the box"


def test_a_page_appears_whole_or_not_at_all(written: Path, tmp_path: Path) -> None:
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.slow
@needs_chromium
def test_in_a_browser_nothing_of_it_runs_and_nothing_is_fetched(written: Path, tmp_path: Path) -> None:
    shown = chromium(tmp_path, written.as_uri(), "--dump-dom")
    assert "<title>" in shown
    assert "- evidence</title>" in shown
    assert "onerror=document.title=1&gt;.jpg" in shown


def test_inspect_writes_the_page_when_it_is_asked_to(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg")
    source = coco(tmp_path, {"bbox": BOX})
    command = [
        "inspect",
        str(source),
        "--imgdir",
        str(tmp_path / "images"),
        "--report",
        str(tmp_path / "out.html"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "picsellia_ingest", *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "the evidence is in" in done.stderr) == (0, True)
    assert (tmp_path / "out.html").exists()
    assert (tmp_path / "out.json").exists()


def command(*arguments: object, state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "picsellia_ingest", *map(str, arguments)], capture_output=True, text=True, check=False,
        env={**os.environ, "XDG_STATE_HOME": str(state)},
    )  # fmt: skip


@pytest.fixture
def uploaded(tmp_path: Path) -> Path:
    """The page of an upload with a rejected instance, an image whose record is missing and labels that were left out."""
    for name in ("a.jpg", "b.jpg"):
        picture(tmp_path / "images" / name, len(name))
    source = coco(tmp_path, {"bbox": BOX}, {"bbox": [1, 2, 0, 0]}, {"bbox": BOX, "category_id": 2})
    more = (
        "--imgdir",
        tmp_path / "images",
        "--ann-path",
        source,
        "--drop",
        "car",
        "--report",
        tmp_path / "up.html",
    )
    done = command("upload", "--host", f"local:{tmp_path / 'platform'}", "--name", "d", *more, state=tmp_path)
    assert (done.returncode, f"evidence: {tmp_path / 'up.html'}" in done.stderr) == (3, True), done.stderr
    return tmp_path / "up.html"


def words(page: Path) -> str:
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page.read_text(), flags=re.S)
    return " ".join(text.split())


def test_an_upload_writes_where_every_image_and_instance_went(uploaded: Path) -> None:
    flat = words(uploaded)
    assert "Where every image went uploaded 2 already there 0 came in 2" in flat
    assert (
        "Where every instance went uploaded 1 already there 0 left out 1 rejected: box_empty 1 came in 3"
        in flat
    )
    assert "complete and verified; part of the input was rejected" in flat
    assert "requests" in flat
    data = json.loads(uploaded.with_suffix(".json").read_text())
    assert (data["instances"]["uploaded"], data["survey"]["labels"]) == (1, {"Car": 1})
    assert data["requests"] > 0


def test_a_page_goes_beside_the_journals_when_no_place_is_named_and_nowhere_when_none_is_wanted(
    tmp_path: Path,
) -> None:
    picture(tmp_path / "images" / "a.jpg")
    more = (
        "upload",
        "--host",
        f"local:{tmp_path / 'platform'}",
        "--name",
        "d",
        "--imgdir",
        tmp_path / "images",
    )
    assert "evidence" not in command(*more, "--no-report", state=tmp_path).stderr
    assert not list(tmp_path.rglob("evidence/*"))
    done = command(*more, state=tmp_path)
    (page,) = tmp_path.rglob("evidence/*.html")
    assert f"evidence: {page}" in done.stderr
    assert page.stat().st_mode & 0o077 == 0 or page.parent.stat().st_mode & 0o077 == 0


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg")
    more = ("--imgdir", tmp_path / "images", "--report", tmp_path / "images" / "a.jpg" / "x.html")
    done = command("upload", "--host", f"local:{tmp_path / 'platform'}", "--name", "d", *more, state=tmp_path)
    assert (done.returncode, "x.html cannot be written" in done.stderr) == (2, True), done.stderr


def test_old_pages_make_room_for_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(evidence, "KEPT", 3)
    for number in range(5):
        evidence.place(f"d{number}").write_text("page")
    kept = sorted(path.name.rsplit("-", 1)[1] for path in tmp_path.rglob("evidence/*.html"))
    assert kept == ["d2.html", "d3.html", "d4.html"]


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """The page of a job file of one good dataset, and one whose annotations are not there."""
    picture(tmp_path / "images" / "a.jpg")
    coco(tmp_path, {"bbox": BOX})
    (tmp_path / "jobs.toml").write_text(
        '[defaults]\nhost = "local:platform"\nimgdir = "images"\n'
        '[[dataset]]\nname = "good"\nann_path = "coco.json"\n[[dataset]]\nname = "gone"\nann_path = "gone.json"\n'
    )
    done = command("run", tmp_path / "jobs.toml", "--report", tmp_path / "jobs.html", state=tmp_path)
    assert done.returncode == 2, done.stderr
    return tmp_path / "jobs.html"


def test_a_job_file_has_one_page_with_a_part_for_each_dataset(merged: Path) -> None:
    flat = words(merged)
    assert "jobs.toml good complete and verified gone" in flat
    assert "gone.json" in flat
    assert flat.count("Where every instance went") == 1
    data = json.loads(merged.with_suffix(".json").read_text())
    assert [one["name"] for one in data["datasets"]] == ["good", "gone"]


@pytest.mark.slow
@needs_chromium
def test_pages_of_runs_are_whole_in_a_browser(uploaded: Path, merged: Path, tmp_path: Path) -> None:
    assert "Where every image went" in chromium(tmp_path, uploaded.as_uri(), "--dump-dom")
    assert 'id="part2"' in chromium(tmp_path, merged.as_uri(), "--dump-dom")
