"""Group J: files that are not quite JSON, not UTF-8, or not this file at all."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import socket
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.errors import InvalidQueryError
from tests.catalogue.judge import (
    FILE,
    OBJECT,
    SILENT,
    WARN,
    Row,
    both,
    check,
    coco,
    dumped,
    image,
    judge,
    named,
    odd,
    put,
    table,
    token,
    written,
)  # fmt: skip

GOOD = dumped(coco())
RESULT = {"image_id": 1, "category_id": 1, "bbox": [5, 6, 20, 30], "score": 0.5}
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
SIGN_IN = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body></body></html>"


def packed(kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("instances.json", GOOD)
    else:
        with tarfile.open(fileobj=out, mode="w") as tar:
            member = tarfile.TarInfo("instances.json")
            member.size = len(GOOD)
            tar.addfile(member, io.BytesIO(GOOD))
    return out.getvalue()


def nested(depth: int) -> str:
    return token("[" * depth + "]" * depth)


def swapped(old: bytes, new: bytes) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new)


@table(
    ("J01", b"", FILE, "an empty file"),
    ("J02", b" \n\t\r\n  ", FILE, "nothing but blanks"),
    ("J02 mark", b"\xef\xbb\xbf", FILE, "nothing but blanks"),
    ("J02 zeros", b"\0" * 5000, FILE, "a file of zero bytes"),
    ("J03", GOOD[: len(GOOD) * 7 // 10], FILE, "ends early.*cut off"),
    ("J03 text", GOOD[: GOOD.index(b"odd") + 2], FILE, "ends early.*cut off"),
    ("J03 last", GOOD[:-1], FILE, "ends early.*cut off"),
    ("J03 zeros", GOOD[:300] + b"\0" * 300, FILE, "zero bytes"),
    ("J04", swapped(b"}], \"categories\"", b"},], \"categories\""), FILE, "comma before a closing bracket"),
    ("J04 object", swapped(b'"crate"}', b'"crate",}'), FILE, "comma before a closing bracket"),
    ("J05", str(coco()).encode(), FILE, "Python literal.*json.dump"),
    ("J05 None", str(coco() | {"info": None, "x": True}).encode(), FILE, "Python literal"),
    ("J06", b"// exported\n" + GOOD, FILE, "comment"),
    ("J06 block", swapped(b'"annotations": [', b'"annotations": /* all */ ['), FILE, "comment"),
    ("J06 hash", b"# exported\n" + GOOD, FILE, "looks like"),
    ("J07", odd(bbox=[float("nan"), 6, 20, 30]), OBJECT, "not four finite numbers"),
    ("J08", odd(bbox=[5, 6, float("inf"), 30]), OBJECT, "not four finite numbers"),
    ("J08 minus", odd(bbox=[5, float("-inf"), 20, 30]), OBJECT, "not four finite numbers"),
    ("J08 id", odd(id=float("nan")), SILENT),
    ("J08 label", both(named("NaN"), odd(area=float("nan"))), SILENT),
    ("J09", odd(bbox=[5, 6, token("1e999"), 30]), OBJECT, "annotation_invalid|not four finite"),
    ("J10", odd(bbox=[5, 6, token("9" * 5000), 30]), OBJECT, "annotation_invalid|not four finite"),
    ("J10 id", odd(id=token("9" * 5000)), OBJECT, "annotation_invalid"),
    ("J10 zeros", odd(bbox=[5, 6, token("20." + "0" * 5000), 30]), SILENT),
    ("J11", GOOD[:-1] + b', "annotations": []}', FILE, "key twice"),
    ("J11 images", GOOD[:-1] + b', "images": []}', FILE, "key twice"),
    ("J12", swapped(b'"id": 2, "image_id": 2,', b'"id": 2, "image_id": 1, "image_id": 2,'), OBJECT, "'image_id' twice"),
    ("J12 bbox", swapped(b'"id": 2, "image_id": 2,', b'"bbox": [1, 1, 2, 2], "id": 2, "image_id": 2,'), OBJECT, "'bbox' twice"),
    ("J12 image", swapped(b'"file_name": "odd.jpg"', b'"file_name": "x.jpg", "file_name": "odd.jpg"'), "image", "twice"),
    ("J12 nested", odd(attributes={"bbox": [1], "image_id": 1}), SILENT),
    ("J13", b"\xef\xbb\xbf" + GOOD, SILENT),
    ("J14", b"\xff\xfe" + GOOD.decode().encode("utf-16-le"), SILENT),
    ("J14 BE", b"\xfe\xff" + GOOD.decode().encode("utf-16-be"), SILENT),
    ("J14 32", GOOD.decode().encode("utf-32"), SILENT),
    ("J14 odd", (b"\xff\xfe" + GOOD.decode().encode("utf-16-le"))[:-1], FILE, "utf-16"),
    ("J15", GOOD.decode().encode("utf-16-be"), SILENT),
    ("J15 LE", GOOD.decode().encode("utf-16-le"), SILENT),
    ("J16", swapped(b'"category_id": 1, "bbox": [5, 6, 20, 30]}]', b'"category_id": 2, "bbox": [5, 6, 20, 30]}]')
        .replace(b"pallet", b"Stra\xdfe"), OBJECT, "not UTF-8.*save the file as UTF-8"),
    ("J16 name", swapped(b"odd.jpg", b"\xf6dd.jpg"), "image", "not UTF-8"),
    ("J16 note", lambda d: dumped(d).replace(b'"id": 2, "image_id"', b'"note": "\xe9", "id": 2, "image_id"'), OBJECT, "UTF-8"),
    ("J17", lambda d: (named("PAD")(d), dumped(d).replace(b"PAD", b"\\ud83d"))[1], OBJECT, "category"),
    ("J17 name", lambda d: dumped(d).replace(b"odd.jpg", b"\\ud83d.jpg"), SILENT),  # no file has it: X07
    ("J17 pair", lambda d: (named("PAD")(d), dumped(d).replace(b"PAD", b"\\ud83d\\ude97"))[1], SILENT),
    ("J18", swapped(b"pallet", b"a\x01b"), FILE, r"control character.*u0001"),
    ("J18 tab", swapped(b"pallet", b"a\tb"), FILE, r"control character.*u0009"),
    ("J18 newline", swapped(b"odd.jpg", b"odd\n.jpg"), FILE, r"control character.*u000a"),
    ("J19", named("a\0b"), OBJECT, "no name that can be shown"),
    ("J20", odd(attributes=nested(100_000)), FILE, "nested too deeply"),
    ("J20 bbox", odd(bbox=nested(100_000)), FILE, "nested too deeply"),
    ("J20 image", image(extra=nested(100_000)), FILE, "nested too deeply"),
    ("J20 hundreds", odd(attributes=nested(500)), OBJECT, "nested more than 100 levels"),
    ("J20 image hundreds", image(extra=nested(500)), WARN, "nested more than 100 levels"),
    ("J20 text", odd(note="[" * 100_000), SILENT),
    ("J21", put(junk=nested(1_000_000)), FILE, "nested too deeply"),
    ("J21 hundreds", put(junk=nested(500)), WARN, "'junk' cannot be read: it is nested"),
    ("J22", b"".join(dumped(row) + b"\n" for row in coco()["annotations"]), FILE, "JSON Lines.*one JSON document"),
    ("J22 images", dumped(coco()) + b"\n" + dumped(coco()), FILE, "JSON Lines"),
    ("J23", dumped([RESULT, RESULT]), FILE, "results list"),
    ("J23 segments", dumped([{**RESULT, "segmentation": {"size": [1, 1], "counts": "0"}}]), FILE, "results list"),
    ("J24 keypoints", dumped([{"image_id": 1, "category_id": 1, "keypoints": [1, 2, 2], "score": 0.5}]), FILE, "results list"),
    ("J24 captions", dumped([{"image_id": 1, "caption": "two crates"}]), FILE, "results list"),
    ("J24 panoptic", put(annotations=[{"image_id": 1, "file_name": "a.png", "segments_info": []}]), FILE, "panoptic"),
    ("J24 empty", b"[]", FILE, "looks like"),
    ("J24 scalar", b'"images"', FILE, "looks like"),
    ("J25", GOOD + b'"x"}]}', FILE, "after the end of the document"),
    ("J25 newline", GOOD + b"\n\n  ", SILENT),
    ("J25 zeros", GOOD + b"\0\0\0", FILE, "after the end of the document"),
    ("J26", LFS, FILE, "git lfs pull"),
    ("J27", SIGN_IN, FILE, "HTML page.*sign-in"),
    ("J27 late", b"\n\n  " + SIGN_IN, FILE, "HTML page"),
    ("J27 error", b'{"message": "Not Found", "documentation_url": "https://x"}', FILE, "looks like"),
    ("J27 storage", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', FILE, "XML"),
    ("J28 gzip", gzip.compress(GOOD), FILE, "gzip archive.*unpack"),
    ("J28 zip", packed("zip"), FILE, "zip archive.*unpack"),
    ("J28 tar", packed("tar"), FILE, "tar archive.*unpack"),
    ("J28 bz2", bz2.compress(GOOD), FILE, "bzip2 archive.*unpack"),
    ("J28 xz", lzma.compress(GOOD), FILE, "xz archive.*unpack"),
    ("J28 7z", b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(40), FILE, "7z archive.*unpack"),
    ("J28 picture", b"\x89PNG\r\n\x1a\n" + bytes(40), FILE, "PNG picture"),
    ("J28 jpeg", b"\xff\xd8\xff\xe0" + bytes(40), FILE, "JPEG picture"),
    ("J28 yaml", b"path: ../datasets\ntrain: images/train\nnames:\n  0: crate\n", FILE, "looks like text"),
    ("J28 CVAT", b'<?xml version="1.0"?>\n<annotations><version>1.1</version><image id="0"/></annotations>', FILE, "CVAT"),
    ("J31 labelme", dumped({"version": "5.0", "shapes": [], "imagePath": "a.jpg"}), FILE, "LABELME"),
    ("J31 via", dumped({"_via_settings": {}, "_via_img_metadata": {}}), FILE, "VIA"),
    ("J31 geo", dumped({"type": "FeatureCollection", "features": []}), FILE, "GeoJSON"),
    ("J31 labelstudio", dumped([{"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"result": []}]}]), FILE, "LABEL-STUDIO"),
    ("J31 categories", put(images=[], annotations=[], categories=[]), SILENT),
)  # fmt: skip
def test_text(row: Row, tmp_path: Path) -> None:
    path = written(tmp_path, row, coco())
    found = judge(path, name="COCO" if row.id in OF_OTHER_FORMATS else None)
    check(row, found)
    if row.expect == FILE:
        assert str(path) in found.told


OF_OTHER_FORMATS = ("J28 CVAT", "J31 labelme", "J31 labelstudio", "J31 via")
"""Rows that another reader takes, unless the format is named."""

BROKEN = {
    "J01": b"", "J02": b"  \n", "J03": GOOD[:300], "J26": LFS, "J27": SIGN_IN, "J28": gzip.compress(GOOD), "J11": GOOD[:-1] + b', "annotations": []}',
    "J14": b"\xff\xfe" + GOOD.decode().encode("utf-16-le")[:-1],
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_in_a_folder_is_named_and_the_good_one_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_bytes(GOOD)
    (tmp_path / "broken.json").write_bytes(BROKEN[name])
    found = judge(tmp_path, name="COCO")
    assert found.verdict == FILE
    assert [Path(problem.place.file).name for problem in found.problems] == ["broken.json"]
    assert [len(record.instances) for record in found.records] == [1, 1]


def test_other_json_in_a_folder_is_passed_over_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_bytes(GOOD)
    (tmp_path / "package.json").write_text('{"name": "x"}')
    found = judge(tmp_path)
    assert (found.verdict, len(found.records)) == (SILENT, 2)
    assert "package.json: passed over (not COCO)" in found.told


def test_a_folder_without_a_dataset_names_what_is_there(tmp_path: Path) -> None:
    assert judge(tmp_path, name="COCO").verdict == FILE
    (tmp_path / "results.json").write_bytes(dumped([RESULT]))
    found = judge(tmp_path)
    assert found.verdict == FILE
    assert "results" in found.told


def test_a_folder_for_a_format_of_one_file_names_the_files_inside_if_there_are_several(
    tmp_path: Path,
) -> None:
    (tmp_path / "records.json").write_bytes(dumped([{"external_picture_url": "a.jpg", "annotations": []}]))
    (tmp_path / "others.json").write_bytes(dumped([{"external_picture_url": "b.jpg", "annotations": []}]))
    found = judge(tmp_path, name="PICSELLIA")
    assert found.verdict == FILE
    assert "others.json, records.json" in found.told


@pytest.mark.parametrize("name", [None, "COCO", "PICSELLIA", "PASCAL-VOC"])
@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "loop", "dangling"])
def test_what_is_no_regular_file_is_refused_without_being_opened(
    kind: str, name: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "odd.json"
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            server.bind(str(path))
        else:
            target = {"device": "/dev/zero", "loop": str(path), "dangling": "/nowhere/x.json"}[kind]
            path.symlink_to(target)
        found = judge_or_missing(path, name)
    if kind in ("fifo", "socket", "device"):
        assert found is not None
        assert found.verdict == FILE
        assert "regular file" in found.told


def judge_or_missing(path: Path, name: str | None) -> Any:
    """The verdict; None when the path counts as missing."""
    if path.exists():
        return judge(path, name=name)
    with pytest.raises(InvalidQueryError, match="not there"):
        judge(path, name=name)
    return None


def test_a_path_that_no_file_can_have_counts_as_missing(tmp_path: Path) -> None:
    for name in ("x" * 5000, "a\0b"):
        with pytest.raises(InvalidQueryError, match="not there"):
            judge(tmp_path / name)


def test_such_files_in_a_folder_do_not_stop_the_good_one(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_bytes(GOOD)
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    (tmp_path / "around").symlink_to(tmp_path)
    found = judge(tmp_path)
    assert [record.file_name for record in found.records] == ["good.jpg", "odd.jpg"]


@pytest.mark.parametrize("depth", range(850, 1010, 3))
def test_nesting_near_the_limit_of_the_interpreter_costs_one_annotation_at_most(
    depth: int, tmp_path: Path
) -> None:
    for key in ("bbox", "segmentation", "extra", "category_id"):
        document = coco()
        document["annotations"][1][key] = nested(depth)
        path = tmp_path / f"{key}.json"
        path.write_bytes(dumped(document))
        found = judge(path)
        assert found.verdict in (OBJECT, FILE)
        json.dumps([problem.to_dict() for problem in found.problems])
