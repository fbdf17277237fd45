"""Groups I, N and X: the files of the image folder, their names, and the names that annotations give them."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from picsellia_ingest.client.inspect import inspect
from tests.catalogue.judge import (
    IMAGE,
    SILENT,
    WARN,
    Found,
    Row,
    check,
    coco,
    dumped,
    image,
    judge,
    table,
    without,
    written,
)  # fmt: skip

SIZE = (64, 48)


def encoded(kind: str = "JPEG", size: tuple[int, int] = SIZE, mode: str = "RGB", **more: Any) -> bytes:
    out = BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(out, kind, **more)
    return out.getvalue()


JPEG = encoded()
PNG = encoded("PNG")
GIF = encoded("GIF", mode="P", save_all=True, append_images=[Image.new("P", SIZE)])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: int, extra: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    data = zlib.compress(bytes((1 + (width + 7) // 8) * rows), 9)
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def place(folder: Path, name: str, content: bytes = JPEG) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def folder_of(tmp_path: Path) -> Path:
    """The image folder, with the good image in it."""
    folder = tmp_path / "images"
    place(folder, "good.jpg")
    return folder


def looked_at(tmp_path: Path, row: Row | None = None) -> Found:
    """The dataset judged with its image folder; ``row`` changes the dataset."""
    path = written(tmp_path, row or Row("", lambda _: None, ""), coco())
    return judge(path, tmp_path / "images")


HUGE_TEXT = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(64 << 20), 9))


@table(
    ("I01", b"", IMAGE, r"the file is empty \(0 bytes\)"),
    ("I02", b"not a picture\n", IMAGE, "looks like text"),
    ("I02 zeros", bytes(5000), IMAGE, "zero bytes"),
    ("I03", b"<!DOCTYPE html><html></html>", IMAGE, "HTML page.*fetch the file again"),
    ("I04", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", IMAGE, "looks like XML"),
    ("I05", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", IMAGE, "PostScript"),
    ("I06", b"%PDF-1.7\n", IMAGE, "PDF"),
    ("I08", PNG, SILENT),
    ("I09", JPEG[: len(JPEG) * 6 // 10], IMAGE, "cut off"),
    ("I10", PNG[: len(PNG) * 6 // 10], IMAGE, "image_broken"),
    ("I11", JPEG[:100], IMAGE, "image_broken|image_cut|not_an_image"),
    ("I11 png", PNG[:30], IMAGE, "image_broken|not_an_image"),
    ("I12", JPEG + b"<script>x()</script>" * 10, SILENT),
    ("I13", PNG.replace(PNG[60:64], b"\0\1\2\3", 1), IMAGE, "image_broken"),
    ("I14", b"RIFF" + bytes(4) + b"WEBPVP8 " + bytes(20), IMAGE, "image_broken|not_an_image"),
    ("I15", png(20_000, 20_000, 20_000), IMAGE, "20000 x 20000 pixels"),
    ("I17", png(60_000, 60_000, 1), IMAGE, "60000 x 60000 pixels"),
    ("I18", png(2**31 - 1, 1, 1), IMAGE, "pixels|image_broken"),
    ("I18 zero", png(0, 0, 0), IMAGE, "image_broken|pixels"),
    ("I20", encoded("TIFF"), SILENT),
    ("I22", encoded("PNG", mode="1"), SILENT),
    ("I22 alpha", encoded("PNG", mode="RGBA"), SILENT),
    ("I23", encoded(mode="CMYK"), SILENT),
    ("I24", encoded("BMP"), SILENT),
    ("I25", GIF, SILENT),
    ("I27", encoded("WEBP"), SILENT),
    ("I28", encoded(progressive=True), SILENT),
    ("I30", encoded("ICO", size=(16, 16)), IMAGE, "not_an_image"),
    ("I40", b"\0\0\0\x18ftypheic" + bytes(60), IMAGE, "not_an_image"),
    ("I42", b"PK\x03\x04" + bytes(60), IMAGE, "zip archive"),
    ("I43", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", IMAGE, "git lfs pull"),
    ("I44", b'{"error": "not found"}', IMAGE, "looks like JSON"),
    ("I44 xml", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', IMAGE, "looks like XML"),
)  # fmt: skip
def test_picture(row: Row, tmp_path: Path) -> None:
    place(folder_of(tmp_path), "odd.jpg", row.make)
    found = looked_at(tmp_path)
    check(row, found)
    if row.expect == IMAGE:
        assert "odd.jpg" in found.told
        assert sum(problem.lost for problem in found.problems) == 1


def test_a_text_that_inflates_to_64_megabytes_is_not_inflated(tmp_path: Path) -> None:
    place(folder_of(tmp_path), "odd.jpg", png(64, 48, 48, HUGE_TEXT))
    assert looked_at(tmp_path).verdict in (SILENT, IMAGE)


@pytest.mark.parametrize(
    "kind", ["folder", "loop", "dangling", "fifo", "socket", "device", "outside", "sparse"]
)
def test_what_only_is_called_an_image_costs_only_itself(kind: str, tmp_path: Path) -> None:
    path = folder_of(tmp_path) / "odd.jpg"
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "folder":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            server.bind(str(path))
        elif kind == "sparse":
            path.write_bytes(JPEG)
            os.truncate(path, 3 << 30)
        else:
            private = place(tmp_path, "private.jpg")
            links = {"dangling": Path("/nowhere.jpg"), "device": Path("/dev/zero")}
            target = {**links, "loop": path, "outside": private}[kind]
            path.symlink_to(target)
        found = looked_at(tmp_path)
    assert found.verdict == IMAGE
    assert "odd.jpg" in found.told


def test_a_picture_of_one_pixel_and_one_of_two_in_one_are_accepted(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    place(folder, "odd.jpg", encoded("PNG", (1, 1)))
    place(folder, "mpo.jpg", encoded("MPO", save_all=True, append_images=[Image.new("RGB", SIZE)]))
    row = Row(
        "", lambda d: (image(width=1, height=1)(d), d["annotations"][1].update(bbox=[0, 0, 1, 1]))[0], ""
    )
    assert looked_at(tmp_path, row).verdict == SILENT


@table(
    ("C36", image(width=48, height=64), WARN, "image_size_turned"),
    ("C37", image(width=128, height=96), WARN, "image_size_differs.*another scale"),
    ("C67", image(file_name="gone.jpg"), IMAGE, "no image called 'gone.jpg'"),
    ("C33", lambda d: d["images"][1].update(file_name="", coco_url="http://127.0.0.1:9/odd.jpg"), IMAGE, "no file name"),
    ("C35", lambda d: (without("images", 1, "width")(d), without("images", 1, "height")(d))[0], SILENT),
    ("C68", lambda d: (without("images", 1)(d), without("annotations", 1)(d))[0], SILENT, "1 image files are named by no record"),
)  # fmt: skip
def test_dataset_and_folder(row: Row, tmp_path: Path) -> None:
    place(folder_of(tmp_path), "odd.jpg")
    check(row, looked_at(tmp_path, row))


@table(
    ("C28", ("/home/someone/odd.jpg", "odd.jpg"), WARN, "taken to be 'odd.jpg'"),
    ("C29", ("train/odd.jpg", "odd.jpg"), WARN, "taken to be 'odd.jpg'"),
    ("C30", ("odd.jpg", "a/odd.jpg", "b/odd.jpg"), IMAGE, "may mean any of 2 images"),
    ("C31", ("Odd.JPG", "odd.jpg"), WARN, "taken to be 'odd.jpg'"),
    ("C31 two", ("Odd.JPG", "odd.jpg", "ODD.jpg"), IMAGE, "may mean any of 2"),
    ("C32", ("odd.png", "odd.jpg"), WARN, "taken to be 'odd.jpg'"),
    ("C34", ("https://example.org/odd.jpg", "odd.jpg"), IMAGE, "not a name inside the image folder"),
    ("I31", ("a/odd.jpg", "a/odd.jpg", "b/odd.jpg"), SILENT),
    ("I07", ("odd.JPG", "odd.JPG"), SILENT),
    ("N01a", ("an odd name.jpg", "an odd name.jpg"), SILENT),
    ("N01c", ("odd\t.jpg", "odd\t.jpg"), SILENT),
    ("N01d", ("odd\n.jpg", "odd\n.jpg"), SILENT),
    ("N01e", ("o'd\"d;$(x)`y`.jpg", "o'd\"d;$(x)`y`.jpg"), SILENT),
    ("N01f", ("odd#1.jpg", "odd#1.jpg"), SILENT),
    ("N01g", ("odd?a=1&b=2.jpg", "odd?a=1&b=2.jpg"), SILENT),
    ("N01h", ("odd%20name.jpg", "odd%20name.jpg", "odd name.jpg"), SILENT),
    ("N01i", ("odd+1.jpg", "odd+1.jpg"), SILENT),
    ("N01k", ("odd\\1.jpg", "odd\\1.jpg"), SILENT),
    ("N01l", ("été 猫.jpg", "été 猫.jpg"), SILENT),
    ("N01m", ("🚗.jpg", "🚗.jpg"), SILENT),
    ("N01n", ("-rf.jpg", "-rf.jpg"), SILENT),
    ("N01o", ("x" * 248 + ".jpg", "x" * 248 + ".jpg"), SILENT),
    ("N01p", (" odd.jpg", " odd.jpg"), SILENT),
    ("N01r", ("con.jpg", "con.jpg"), SILENT),
    ("N01s", ("%s%n{0}.jpg", "%s%n{0}.jpg"), SILENT),
    ("N01t", ("<img onerror=x>.jpg", "<img onerror=x>.jpg"), SILENT),
    ("N01u", ("odd\r\nX: y.jpg", "odd\r\nX: y.jpg"), SILENT),
    ("N01v", ("\u202egpj.exe.jpg", "\u202egpj.exe.jpg"), SILENT),
    ("N03", ("e\u0301te.jpg", "\u00e9te.jpg"), SILENT),
    ("N05", ("\u00e9te.jpg", "e\u0301te.jpg"), SILENT),
    ("X01", ("../odd.jpg", "odd.jpg"), IMAGE, "not a name inside the image folder"),
    ("X01 deep", ("a/../../../etc/passwd", "odd.jpg"), IMAGE, "not a name inside"),
    ("X02", ("..\\..\\odd.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X03", ("C:\\data\\odd.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X03 slash", ("d:/data/odd.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X04", ("\\\\server\\share\\odd.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X04 slashes", ("//server/share/odd.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X05", ("file:///images/odd.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X05 short", ("file:odd.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X06", ("http://169.254.169.254/odd.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X06 bucket", ("s3://bucket/odd.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X06 data", ("data:image/png;base64,AAAA", "odd.jpg"), IMAGE, "no image called|not a name"),
    ("X07", ("odd\0.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X07 end", ("odd.jpg\0.png", "odd.jpg"), IMAGE, "not a name inside"),
    ("X08", ("images", "odd.jpg"), IMAGE, "no image called"),
    ("X08 dot", (".", "odd.jpg"), IMAGE, "no image called"),
    ("X08 dots", ("..", "odd.jpg"), IMAGE, "not a name inside"),
    ("X09", ("a/../odd.jpg", "odd.jpg"), IMAGE, "not a name inside"),
    ("X10", ("./odd.jpg", "odd.jpg"), WARN, "taken to be 'odd.jpg'"),
    ("X10 slashes", ("a//odd.jpg", "a/odd.jpg"), WARN, "taken to be 'a/odd.jpg'"),
    ("X11", ("odd.jpg ", "odd.jpg"), WARN, "taken to be 'odd.jpg'"),
    ("X12", ("\n odd.jpg", "odd.jpg"), WARN, "taken to be 'odd.jpg'"),
    ("X13", ("%2e%2e%2fodd.jpg", "odd.jpg"), IMAGE, "no image called"),
    ("X13 blank", ("o%64d.jpg", "odd.jpg"), IMAGE, "no image called"),
    ("X14", ("odd.jpg%00", "odd.jpg"), IMAGE, "no image called"),
    ("X15", ("odd.jpg?size=large", "odd.jpg"), IMAGE, "no image called"),
    ("X16", ("odd.jpg#x", "odd.jpg"), IMAGE, "no image called"),
    ("X17", ("/odd.jpg", "odd.jpg"), WARN, "taken to be 'odd.jpg'"),
    ("X18", ("~/odd.jpg", "odd.jpg"), WARN, "taken to be 'odd.jpg'"),
    ("X18 variable", ("$HOME/.ssh/id_rsa", "odd.jpg"), IMAGE, "no image called"),
    ("X19", ("/dev/zero", "odd.jpg"), IMAGE, "no image called"),
    ("X20", ("/proc/self/environ", "odd.jpg"), IMAGE, "no image called"),
    ("X20 long", ("a/" * 5000 + "b.jpg", "odd.jpg"), IMAGE, "no image called"),
    ("X20 glob", ("*.jpg", "odd.jpg"), IMAGE, "no image called"),
)  # fmt: skip
def test_name(row: Row, tmp_path: Path) -> None:
    given, *files = row.make
    folder = folder_of(tmp_path)
    for name in files:
        place(folder, name)
    path = tmp_path / "odd.json"
    document = coco()
    document["images"][1]["file_name"] = given
    path.write_bytes(dumped(document))
    found = judge(path, folder)
    check(row, found)
    assert "\0" not in found.told


def test_names_that_differ_in_case_only_stay_two_images(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    place(folder, "odd.jpg")
    place(folder, "ODD.jpg")
    row = Row(
        "", lambda d: d["images"].append({"id": 3, "file_name": "ODD.jpg", "width": 64, "height": 48}), ""
    )
    assert looked_at(tmp_path, row).verdict == SILENT


def test_a_name_that_is_not_utf8_is_refused_and_the_good_image_stays(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    place(folder, "odd.jpg")
    (Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.jpg"))).write_bytes(JPEG)
    found = looked_at(tmp_path)
    assert found.verdict == IMAGE
    assert "the file's name is not UTF-8" in found.told
    found.told.encode()


def test_an_annotation_file_that_is_not_called_in_utf8_is_read_and_its_problems_can_be_printed(
    tmp_path: Path,
) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.json"))
    document = coco()
    document["annotations"][1]["bbox"] = None
    path.write_bytes(dumped(document))
    found = judge(path)
    assert len(found.records) == 2
    found.told.encode()


def as_voc(folder: Path, name: str, size: tuple[int, int]) -> Path:
    """A folder of two VOC files, of ``good.jpg`` and of ``name``."""
    source = folder / "voc"
    source.mkdir()
    for stem, filename in (("good", "good.jpg"), ("odd", name)):
        (source / f"{stem}.xml").write_text(
            f"<annotation><filename>{filename}</filename><size><width>{size[0]}</width><height>{size[1]}</height></size>"
            "<object><name>crane</name><bndbox><xmin>5</xmin><ymin>6</ymin><xmax>25</xmax><ymax>36</ymax></bndbox></object>"
            "</annotation>"
        )
    return source


def as_picsellia(folder: Path, name: str, size: tuple[int, int]) -> Path:
    """A dictionary of two records, of ``good.jpg`` and of ``name``."""
    made = {
        "type": "rectangle",
        "label": "crane",
        "rectangle": {"left": 5, "top": 6, "width": 20, "height": 30},
    }
    names = ("good.jpg", name)
    path = folder / "records.json"
    path.write_bytes(
        dumped(
            {
                "annotations": [{"external_picture_url": one, "annotations": [made]} for one in names],
                "images": [
                    {"external_picture_url": one, "width": size[0], "height": size[1]} for one in names
                ],
            }
        )
    )
    return path


@pytest.mark.parametrize("source", [as_voc, as_picsellia], ids=["V", "P"])
@table(
    ("25", ("odd", SIZE), WARN, "taken to be 'odd.jpg'"),
    ("26", ("train/odd.jpg", SIZE), WARN, "taken to be 'odd.jpg'"),
    ("27", ("../odd.jpg", SIZE), IMAGE, "not a name inside the image folder"),
    ("28", ("/home/someone/odd.jpg", SIZE), WARN, "taken to be 'odd.jpg'"),
    ("28 drive", ("C:\\x\\odd.jpg", SIZE), IMAGE, "not a name inside"),
    ("28 address", ("https://example.org/odd.jpg", SIZE), IMAGE, "not a name inside"),
    ("33", ("odd.jpg", (128, 96)), WARN, "image_size_differs"),
    ("71", ("gone.jpg", SIZE), IMAGE, "no image called 'gone.jpg'"),
)  # fmt: skip
def test_name_in_other_formats(
    row: Row, source: Callable[[Path, str, tuple[int, int]], Path], tmp_path: Path
) -> None:
    folder = folder_of(tmp_path)
    place(folder, "odd.jpg")
    check(row, judge(source(tmp_path, *row.make), folder))


def test_many_absent_images_are_summarised(tmp_path: Path) -> None:
    folder_of(tmp_path)
    document = coco()
    document["images"] += [{"id": n, "file_name": f"{n}.jpg"} for n in range(10, 3010)]
    document["annotations"] += [
        {"id": n, "image_id": 1, "category_id": 1, "bbox": [5, 6, 20, 30]} for n in range(10, 30_010)
    ]
    path = tmp_path / "many.json"
    path.write_bytes(dumped(document))
    found = inspect(path, imgdir=tmp_path / "images")
    lines = list(found.lines())
    assert (found.images_missing, found.instances) == (3001, 30_002)
    assert len(lines) < 40
    assert any("image_missing: 2981 more, 3001 in all" in line for line in lines)
