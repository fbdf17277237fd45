"""The image folder: what is taken, passed over and refused."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from picsellia_ingest.errors import InvalidQueryError, ItemError, ResourceNotFoundError
from picsellia_ingest.parsers.image_files import FORMATS
from picsellia_ingest.upload.images import scan, survey


def picture(path: Path, size: tuple[int, int] = (30, 20), kind: str = "JPEG", **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 80).convert("RGB").save(path, kind, **more)
    return path


def refused(path: Path) -> ItemError:
    with pytest.raises(ItemError) as caught:
        survey(path)
    return caught.value


def test_sub_folders_are_followed_and_other_files_are_passed_over_and_counted(tmp_path: Path) -> None:
    picture(tmp_path / "b.jpg")
    picture(tmp_path / "sub" / "a.PNG", kind="PNG")
    for name in (".hidden.jpg", "a.xml", "notes.txt", "Makefile"):
        (tmp_path / name).write_text("x")
    picture(tmp_path / ".git" / "c.jpg")
    found = scan(tmp_path)
    assert found.names == ["b.jpg", "sub/a.PNG"]
    assert found.passed_over == {"hidden": 1, ".xml": 1, ".txt": 1, "no extension": 1}


def test_a_folder_without_images_is_refused_with_the_count_of_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("x")
    with pytest.raises(InvalidQueryError, match=r"holds no image .1 other"):
        scan(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResourceNotFoundError, match="nowhere"):
        scan(tmp_path / "nowhere")


def test_a_link_out_of_the_folder_is_refused_and_a_link_inside_is_not(tmp_path: Path) -> None:
    outside = picture(tmp_path / "private.jpg")
    inside = picture(tmp_path / "images" / "a.jpg")
    (tmp_path / "images" / "out.jpg").symlink_to(outside)
    (tmp_path / "images" / "in.jpg").symlink_to(inside)
    found = scan(tmp_path / "images")
    assert found.names == ["a.jpg", "in.jpg"]
    assert [(path.name, error.code) for path, error in found.refused] == [("out.jpg", "link_outside")]


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff.jpg", os.O_CREAT))
    assert [error.code for _, error in scan(tmp_path).refused] == ["name_not_text"]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_whole_image_is_measured_and_hashed(tmp_path: Path, kind: str) -> None:
    path = picture(tmp_path / "a.jpg", kind=kind)
    found = survey(path)
    assert (found.width, found.height, found.size) == (30, 20, path.stat().st_size)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).digest()


def test_of_pillows_sixty_formats_those_are_imported_that_are_opened(tmp_path: Path) -> None:
    for kind in FORMATS:
        picture(tmp_path / f"{kind}.jpg", kind=kind)
    program = (
        "import sys; from pathlib import Path; from picsellia_ingest.parsers.image_files import FORMATS, look\n"
        "def modules(): return sorted(name for name in sys.modules if name.startswith('PIL.') and name.endswith('ImagePlugin'))\n"
        "found = [look(Path(sys.argv[1]) / f'{FORMATS[0]}.jpg', whole=True)]; print(*modules())\n"
        "found += [look(Path(sys.argv[1]) / f'{kind}.jpg', whole=True) for kind in FORMATS]; print(len(modules()), set(found))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    first, every = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "PIL.JpegImagePlugin" in first.split()
    assert "PIL.WebPImagePlugin" not in first.split()
    number, _, sizes = every.partition(" ")
    assert int(number) < 12
    assert sizes == "{(30, 20, 1)}"


def test_a_picture_turned_by_exif_is_measured_as_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = survey(picture(tmp_path / "a.jpg", exif=exif))
    assert (found.width, found.height, found.turned) == (20, 30, True)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
def test_a_jpeg_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    path = picture(tmp_path / "a.jpg", (200, 200))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert refused(path).code in ("image_cut", "image_broken", "not_an_image")


def test_a_png_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", kind="PNG")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert refused(path).code == "image_broken"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"\x00" * 40, "begins with"),
        (b"", "empty"),
    ],
)
def test_what_is_no_image_is_refused_and_described(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert words in str(refused(path))


@pytest.mark.parametrize("side", [20_000, 60_000])
def test_a_decompression_bomb_is_refused_from_its_header(tmp_path: Path, side: int) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    row = zlib.compress(b"\x00" * (side // 8 + 1))
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
    )
    assert refused(path).code == "image_too_large"


def test_a_png_text_that_inflates_beyond_reason_is_refused(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("bomb", "x" * (64 << 20), zip=True)
    buffer = BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=info)
    path = tmp_path / "a.png"
    path.write_bytes(buffer.getvalue())
    assert refused(path).code == "image_broken"


def test_a_socket_and_a_folder_called_like_images_do_not_end_the_scan(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.jpg"))
        assert scan(tmp_path).names == ["a.jpg", "s.jpg"]
        assert refused(tmp_path / "s.jpg").code == "not_a_file"
