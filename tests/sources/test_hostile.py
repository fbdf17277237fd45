"""Archives that somebody made to do harm, or by mistake: what is refused is named with its reason, the good ones arrive."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from picsellia_ingest.client.inspect import inspect
from picsellia_ingest.errors import InputError, ResourceNotFoundError
from picsellia_ingest.sources import find
from picsellia_ingest.upload import images
from tests.catalogue.judge import FILE, IMAGE, WARN, Row, check, coco, dumped, judge, table
from tests.sources.test_everywhere import upload
from tests.upload.conftest import Destination


def jpeg(shade: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (shade, 40, 80)).save(out, "JPEG")
    return out.getvalue()


Add = Callable[[zipfile.ZipFile], None]


def member(name: str, content: bytes = jpeg(9), method: int = zipfile.ZIP_STORED, mode: int = 0) -> Add:
    """A member of that very name, which zipfile itself would tidy."""

    def add(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo("x")
        info.filename = info.orig_filename = name
        info.compress_type, info.external_attr = method, mode << 16
        archive.writestr(info, content)

    return add


def twice(archive: zipfile.ZipFile) -> None:
    member("odd.jpg", jpeg(1))(archive)
    member("./odd.jpg", jpeg(2))(archive)


def zipped(path: Path, *adds: Add, spoil: Callable[[bytes], bytes] = bytes) -> Path:
    """A zip with ``good.jpg``, what is added, and its annotations."""
    with zipfile.ZipFile(path, "w") as archive:
        member("good.jpg", jpeg())(archive)
        for add in adds:
            add(archive)
        archive.writestr("in.json", dumped(coco()))
    path.write_bytes(spoil(path.read_bytes()))
    return path


def flagged(content: bytes) -> bytes:
    """The flag of encryption set on ``odd.jpg``, here and in the directory."""
    local, central = content.index(b"odd.jpg") - 30, content.rindex(b"odd.jpg") - 46
    changed = bytearray(content)
    changed[local + 6] |= 1
    changed[central + 8] |= 1
    return bytes(changed)


def renumbered(content: bytes) -> bytes:
    """A method of packing that nobody knows."""
    changed = bytearray(content)
    changed[content.rindex(b"odd.jpg") - 46 + 10] = 77
    return bytes(changed)


def overlapping(content: bytes) -> bytes:
    """The directory says that ``odd.jpg`` lies where ``good.jpg`` does."""
    at = content.rindex(b"odd.jpg") - 46 + 42
    return content[:at] + struct.pack("<I", 0) + content[at + 4 :]


def damaged(content: bytes) -> bytes:
    """A byte in the middle of ``odd.jpg`` is another one."""
    at = content.index(b"odd.jpg") + 200
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


LINK = 0o120777


@table(
    ("A01", (member("../odd.jpg"),), IMAGE, r"name_escapes.*odd\.jpg"),
    ("A02", (member("/etc/odd.jpg"),), IMAGE, "name_escapes"),
    ("A03", (member("C:/odd.jpg"),), IMAGE, "name_escapes"),
    ("A04", (member("a\\..\\odd.jpg"),), IMAGE, "name_escapes"),
    ("A05", (member("a/../../odd.jpg"),), IMAGE, "name_escapes"),
    ("A06", (member("odd.jpg", b"/etc/passwd", mode=LINK),), IMAGE, "link_outside"),
    ("A07", (member("odd.jpg", b"../x.jpg", mode=LINK),), IMAGE, "link_outside"),
    ("A08", (member("odd.jpg", b"nowhere.jpg", mode=LINK),), IMAGE, "link_broken"),
    ("A09", (member("odd.jpg", b"odd.jpg", mode=LINK),), IMAGE, "link_broken"),
    ("A10", (twice,), IMAGE, "archive_twice.*2 members"),
    ("A11", (member("odd.jpg", bytes(17 << 20), zipfile.ZIP_DEFLATED),), IMAGE, "archive_bomb.*unpack to 17825792"),
    ("A12", (member("odd.jpg"), flagged), IMAGE, "archive_encrypted.*password"),
    ("A13", (member("odd.jpg"), renumbered), IMAGE, "archive_method.*77"),
    ("A14", (member("odd.jpg"), damaged), IMAGE, "archive_broken"),
    ("A15", (member("odd.jpg", mode=0o010644),), IMAGE, "not_a_file"),
    ("A16", (member("odd.jpg", b""),), IMAGE, "image_empty"),
)  # fmt: skip
def test_a_bad_member_of_a_zip_is_refused_and_the_good_one_arrives(row: Row, tmp_path: Path) -> None:
    spoils = [one for one in row.make if getattr(one, "__name__", "") in ("flagged", "renumbered", "damaged")]
    path = zipped(
        tmp_path / "a.zip", *(one for one in row.make if one not in spoils), spoil=(*spoils, bytes)[0]
    )
    found = judge(path, path)
    check(row, found)
    assert any("a.zip" in problem.place.file and "odd.jpg" in str(problem) for problem in found.problems)


def test_members_that_share_their_bytes_are_all_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", member("odd.jpg"), member("fine.jpg"), spoil=overlapping)
    found = images.scan(find(path))
    assert found.names == ["fine.jpg"]
    assert sorted((str(one)[-8:], error.code) for one, error in found.refused) == [
        ("/odd.jpg", "archive_bomb"), ("good.jpg", "archive_bomb"),
    ]  # fmt: skip


def test_a_climbing_member_is_written_nowhere_when_annotations_are_copied(tmp_path: Path) -> None:
    inner = tmp_path / "deep" / "er"
    inner.mkdir(parents=True)
    path = zipped(inner / "a.zip", member("../../evil.json", b"{}"), member("/evil.json", b"{}"))
    before = set(tmp_path.rglob("*"))
    found = inspect(str(path))
    assert found.problems.counts["name_escapes"] == 2
    assert found.instances == 2
    assert set(tmp_path.rglob("*")) == before


def test_an_archive_in_an_archive_is_not_opened(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip").read_bytes()
    path = zipped(tmp_path / "a.zip", member("inner.zip", inner))
    found = judge(path)
    assert (found.verdict, found.problems[0].code) == (WARN, "archive_nested")
    with pytest.raises(ResourceNotFoundError, match=r"inner\.zip"):
        images.scan(find(f"{path}/inner.zip"))
    with pytest.raises(InputError, match="not opened"):
        find(f"zip://::{path}/inner.zip")


def test_a_compressed_tar_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz"):
        pass
    for given in (path, path / "images"):
        with pytest.raises(InputError, match=r"compressed tar.*gunzip"):
            find(given)


@pytest.mark.parametrize("spoil", [lambda c: c[:-30], lambda _: b"", lambda _: b"PK\3\4 no zip"])
def test_a_zip_that_is_cut_off_or_none_is_rejected_whole(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    path = zipped(tmp_path / "a.zip", spoil=spoil)
    assert judge(path).verdict == FILE
    with pytest.raises(InputError, match=r"archive.*a\.zip"):
        images.scan(find(path))


def test_a_zip_with_64_bit_sizes_and_one_written_as_a_stream_are_read(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.content = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.content += bytes(data)  # type: ignore[call-overload]
            return len(data)  # type: ignore[arg-type]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("big.jpg", "w", force_zip64=True) as big:
            big.write(jpeg())
        archive.writestr("streamed.jpg", jpeg(5))
    path = tmp_path / "a.zip"
    path.write_bytes(pipe.content)
    found = images.scan(find(path))
    assert [images.survey(found.path(name)).width for name in found.names] == [64, 64]


def tarred(path: Path, *more: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in (("./good.jpg", jpeg()), ("in.json", dumped(coco()))):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info, content in more:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found, jpeg(9) if kind == tarfile.REGTYPE else b""


@table(
    ("A21", (info("../odd.jpg"),), IMAGE, "name_escapes"),
    ("A22", (info("/odd.jpg"),), IMAGE, "name_escapes"),
    ("A23", (info("odd.jpg", tarfile.SYMTYPE, "/etc/passwd"),), IMAGE, "link_outside"),
    ("A24", (info("odd.jpg", tarfile.LNKTYPE, "../x"),), IMAGE, "link_outside"),
    ("A25", (info("odd.jpg", tarfile.SYMTYPE, "odd.jpg"),), IMAGE, "link_broken"),
    ("A26", (info("odd.jpg", tarfile.FIFOTYPE),), IMAGE, "not_a_file"),
    ("A27", (info("odd.jpg", tarfile.CHRTYPE),), IMAGE, "not_a_file"),
    ("A28", (info("odd.jpg"), info("odd.jpg")), IMAGE, "archive_twice"),
    ("A29", (info("bad\udcff.jpg"),), IMAGE, "name_not_text"),
)  # fmt: skip
def test_a_bad_member_of_a_tar_is_refused_and_the_good_one_arrives(row: Row, tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", *row.make)
    check(row, judge(path, path))


def test_links_inside_a_tar_are_the_files_that_they_lead_to(tmp_path: Path) -> None:
    more = info("a/soft.jpg", tarfile.SYMTYPE, "../good.jpg"), info("hard.jpg", tarfile.LNKTYPE, "a/soft.jpg")
    found = images.scan(find(tarred(tmp_path / "a.tar", *more)))
    assert found.names == ["a/soft.jpg", "good.jpg", "hard.jpg"]
    assert len({images.survey(found.path(name)).sha256 for name in found.names}) == 1


def test_a_tar_that_was_cut_off_says_so_and_what_is_whole_arrives(
    tmp_path: Path, destination: Destination
) -> None:
    path = tarred(tmp_path / "a.tar", info("late.jpg"))
    path.write_bytes(path.read_bytes()[: path.read_bytes().index(b"late.jpg") + 700])
    report = upload(destination, path, None)
    assert list(destination.pictures()) == ["good.jpg"]
    assert report.problems.counts == {"archive_cut": 2}
    assert report.exit_code == 3
