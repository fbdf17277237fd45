"""What each VOC fixture means, object by object; hostile and odd files one by one."""

from __future__ import annotations

import os
import pickle
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from picsellia_ingest import geometry
from picsellia_ingest.errors import InputError, InvalidQueryError
from picsellia_ingest.model import ImageRecord, Instance, Polygon, Rectangle, Ring
from picsellia_ingest.parsers import voc_xml
from picsellia_ingest.parsers.base import Options, Shard
from picsellia_ingest.parsers.pascal_voc import PascalVoc
from picsellia_ingest.parsers.voc_masks import voc_palette
from picsellia_ingest.problems import Problem, ProblemLog, Severity, Unit
from tests.parsers.passing import read_with
from tests.paths import FIXTURES

VOC = FIXTURES / "PASCAL-VOC"
TRIANGLE = Ring((4, 4, 20, 4, 12, 18))
BOX = "<bndbox><xmin>5</xmin><ymin>6</ymin><xmax>25</xmax><ymax>40</ymax></bndbox>"
GOOD = f"<annotation><filename>good.jpg</filename><object><name>crane</name>{BOX}</object></annotation>"


def read(path: Path, rule: str = "as_written") -> tuple[list[ImageRecord], PascalVoc, ProblemLog]:
    return read_with(PascalVoc(path, Options(voc_coordinates=rule)))


def one(tmp_path: Path, text: str | bytes, rule: str = "as_written") -> tuple[ImageRecord, ProblemLog]:
    path = tmp_path / "one.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    records, _, log = read(path, rule)
    return records[0], log


def rejected(tmp_path: Path, text: str | bytes) -> Problem:
    with pytest.raises(InputError) as caught:
        one(tmp_path, text)
    problem = caught.value.problem
    assert problem.unit is Unit.FILE
    assert problem.hint
    return problem


def boxed(corners: str) -> str:
    tags = zip(("xmin", "ymin", "xmax", "ymax"), corners.split(), strict=True)
    inner = "".join(f"<{tag}>{number}</{tag}>" for tag, number in tags)
    size = "<size><width>64</width><height>48</height></size>"
    return f"<annotation>{size}<object><name>a</name><bndbox>{inner}</bndbox></object></annotation>"


def test_boxes_are_read_as_written_whatever_the_order_of_their_corners() -> None:
    records, _, log = read(VOC / "boxes")
    upper, lower, person = records[0].instances
    assert (upper.label, upper.rectangle) == ("Crane", Rectangle(5, 6, 20, 34))
    assert (lower.label, lower.rectangle) == ("crane", Rectangle(30.25, 5.5, 12.5, 7.0))
    assert (person.label, person.rectangle) == ("person", Rectangle(45, 9, 15, 31))
    assert not log.kept


def test_what_an_object_says_beyond_its_box_stays_verbatim() -> None:
    records, _, _ = read(VOC / "boxes")
    flagged, occluded, person = records[0].instances
    assert flagged.attributes == {"pose": "Unspecified", "truncated": "Unspecified", "difficult": "0"}
    assert occluded.attributes == {"occluded": ""}
    assert [part["name"] for part in person.attributes["part"]] == ["head", "hand"]
    assert person.attributes["part"][0]["bndbox"]["xmax"] == "55"
    assert person.attributes["actions"] == {"walking": "1", "running": "0"}
    assert person.attributes["attributes"] == {"colour": "red"}
    assert records[0].attributes == {
        "folder": "VOC2007",
        "path": "/home/someone/a.jpg",
        "source": {"database": "own"},
        "owner": {"flickrid": "x", "name": "Jinky"},
        "segmented": "0",
        "size": {"depth": "3"},
    }


def test_a_file_without_objects_is_an_image_without_instances() -> None:
    records, _, _ = read(VOC / "boxes")
    assert (records[1].file_name, records[1].instances) == ("b.jpg", ())


def test_without_size_and_filename_the_size_is_unknown_and_the_stem_is_the_name() -> None:
    records, _, _ = read(VOC / "boxes")
    assert (records[2].file_name, records[2].width, records[2].height) == ("c", None, None)


def test_white_space_around_names_goes_and_a_size_may_have_decimals() -> None:
    records, _, _ = read(VOC / "boxes")
    assert (records[3].file_name, records[3].width, records[3].instances[0].label) == ("d", 64, "crane")


def test_labels_keep_their_case_and_the_names_of_owners_and_parts_are_no_labels() -> None:
    _, parser, _ = read(VOC / "boxes")
    assert [label.name for label in parser.header().labels] == ["Crane", "crane", "person"]


def test_polygons_of_both_spellings_are_read_and_a_box_beside_them_is_kept() -> None:
    records, _, log = read(VOC / "polygons")
    plain, with_box, points, parts, box = records[0].instances
    assert (plain.polygon, plain.rectangle) == (Polygon((TRIANGLE,)), None)
    assert (with_box.polygon, with_box.rectangle) == (Polygon((TRIANGLE,)), Rectangle(4, 4, 16, 14))
    assert points.polygon == plain.polygon
    assert parts.polygon == Polygon((TRIANGLE, Ring((30, 20, 50, 20, 50, 34.5))))
    assert (box.polygon, box.rectangle) == (None, Rectangle(40, 2, 4, 28))
    assert not log.kept


def test_inclusive_corners_count_from_one_and_a_box_of_one_pixel_is_a_box(tmp_path: Path) -> None:
    record, _ = one(tmp_path, boxed("1 1 10 10"), "inclusive")
    assert record.instances[0].rectangle == Rectangle(0, 0, 10, 10)
    record, log = one(tmp_path, boxed("7 7 7 7"), "inclusive")
    assert record.instances[0].rectangle == Rectangle(6, 6, 1, 1)
    assert not log.kept


def test_the_rule_for_corners_must_be_one_that_exists() -> None:
    with pytest.raises(InvalidQueryError, match="as_written, inclusive"):
        PascalVoc(VOC, Options(voc_coordinates="guess"))


def test_the_notes_state_the_rule_for_corners_and_the_evidence() -> None:
    _, parser, _ = read(VOC / "boxes")
    assert len(parser.notes) == 1
    assert parser.notes[0].startswith("corners as written")
    assert "Of 5 boxes 1 begin at 0 (evidence for counting from 0), 1 begin at 1" in parser.notes[0]
    _, parser, _ = read(VOC / "boxes", "inclusive")
    assert parser.notes[0].startswith("inclusive corners")


def test_object_k_of_a_mask_outlines_object_k_of_the_file() -> None:
    records, parser, log = read(VOC / "devkit")
    person, bicycle, car = records[0].instances
    assert person.rectangle == Rectangle(2, 3, 5, 5)
    assert person.polygon == Polygon(
        (Ring((1, 2, 7, 2, 7, 8, 1, 8)), Ring((3, 4, 5, 4, 5, 6, 3, 6), hole=True))
    )
    assert bicycle.polygon is not None
    assert geometry.area(bicycle.polygon) == 24
    assert len(bicycle.polygon.rings) == 2
    assert (car.polygon, car.attributes) == (None, {})
    assert not log.kept
    assert [label.name for label in parser.header().labels] == ["person", "bicycle", "car", "dog"]


def test_masks_in_colours_say_the_same_as_indexed_ones() -> None:
    records, _, _ = read(VOC / "devkit")
    by_name = {record.file_name: record for record in records}
    drawn = by_name["2012_000002"]
    assert [(found.label, found.polygon) for found in drawn.instances] == [
        (found.label, found.polygon) for found in records[0].instances[:2]
    ]
    assert (drawn.width, drawn.height) == (16, 12)


def test_a_class_mask_alone_gives_one_instance_for_each_class() -> None:
    records, parser, _ = read(VOC / "devkit")
    found = {record.file_name: record for record in records}["2012_000003"]
    assert [(one.label, one.rectangle) for one in found.instances] == [("bicycle", None), ("person", None)]
    assert any(note.startswith("1 images have only class masks") for note in parser.notes)


def test_image_sets_are_kept_with_their_images_and_lists_of_one_class_are_not() -> None:
    records, _, _ = read(VOC / "devkit")
    sets = {record.file_name: record.splits for record in records}
    assert sets["2012_000001.jpg"] == ("train",)
    assert sets["2012_000002"] == ("Segmentation/val",)


def test_masks_are_named_by_class_names_and_an_object_of_two_classes_is_left_out() -> None:
    records, parser, log = read(VOC / "masks")
    assert [found.label for found in records[0].instances] == ["hull", "sail"]
    assert [label.name for label in parser.header().labels] == ["hull", "sail"]
    assert [(problem.severity, problem.lost) for problem in log.kept] == [
        (Severity.WARNING, 0),
        (Severity.ERROR, 1),
    ]
    assert set(log.counts) == {"mask_class_mixed"}


def test_masks_that_do_not_fit_leave_the_boxes_as_they_are() -> None:
    records, _, log = read(VOC / "unlike_masks")
    assert [len(record.instances) for record in records] == [1, 1, 1, 1]
    assert all(record.instances[0].polygon is None for record in records)
    assert log.counts == {"mask_unlike_boxes": 3, "mask_invalid": 1}
    assert log.rejected == 0


def masks_alone(folder: Path, objects: Image.Image, classes: Image.Image | None, names: str = "") -> None:
    for part, image in (("SegmentationObject", objects), ("SegmentationClass", classes)):
        if image is not None:
            (folder / part).mkdir(parents=True)
            image.save(folder / part / "a.png")
    if names:
        (folder / "labelmap.txt").write_text(names)


def test_a_labelmap_names_classes_by_their_colours(tmp_path: Path) -> None:
    objects = np.zeros((4, 6), np.uint8)
    objects[1:3, 1:3], objects[1:3, 4:6] = 1, 2
    colors = np.zeros((4, 6, 3), np.uint8)
    colors[objects == 1], colors[objects == 2] = (10, 20, 30), (200, 0, 7)
    names = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nship:200,0,7::\nquay:10,20,30::\n"
    masks_alone(tmp_path / "rgb", Image.fromarray(objects), Image.fromarray(colors), names)
    indexed = Image.fromarray(colors).quantize(8)
    masks_alone(tmp_path / "indexed", Image.fromarray(objects), indexed, names)
    for case in ("rgb", "indexed"):
        records, _, log = read(tmp_path / case)
        assert [found.label for found in records[0].instances] == ["quay", "ship"]
        assert not log.kept


def test_an_object_without_a_class_or_of_a_class_without_a_name_is_left_out(tmp_path: Path) -> None:
    objects = np.zeros((4, 6), np.uint8)
    objects[1:3, 1:3], objects[1:3, 4:6] = 1, 2
    classes = np.where(objects == 1, 200, 255).astype(np.uint8)
    masks_alone(tmp_path / "unnamed", Image.fromarray(objects), Image.fromarray(classes))
    masks_alone(tmp_path / "alone", Image.fromarray(objects), None)
    records, parser, log = read(tmp_path / "unnamed")
    assert (records[0].instances, parser.instance_count()) == ((), 2)
    assert log.lost == {"mask_class_unknown": 1, "mask_no_class": 1}
    _, parser, log = read(tmp_path / "alone")
    assert log.lost == {"mask_no_class": 2}


def test_a_mask_that_is_no_picture_or_too_large_is_rejected_unread(tmp_path: Path) -> None:
    masks_alone(tmp_path, Image.new("L", (4, 4)), Image.new("L", (5, 4)))
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (10**6).to_bytes(4, "big") * 2
    for name, content in (("b", huge), ("c", b"GIF89a"), ("d", b"")):
        (tmp_path / "SegmentationObject" / f"{name}.png").write_bytes(content)
    records, _, log = read(tmp_path)
    assert records == []
    assert log.counts == {"mask_invalid": 4}
    assert "1000000 x 1000000 pixels are too many" in str(log.kept[1])


def test_the_palette_of_voc_is_that_of_the_devkit() -> None:
    palette = voc_palette()
    assert len(palette) == 256
    assert (palette[0x800000], palette[0xC08080], palette[0xE0E0C0]) == (1, 15, 255)


def test_a_tree_is_read_in_the_order_of_its_paths_and_hidden_copies_are_passed_over() -> None:
    records, parser, log = read(VOC / "tree")
    assert parser.names() == ["a.jpg", "a.jpg"]
    assert [Path(str(record.place)).parts[-2] for record in records] == ["train", "val"]
    assert not log.kept


def test_encodings_marks_namespaces_and_cdata_are_read_without_a_word() -> None:
    records, _, log = read(VOC / "encodings")
    labels = [record.instances[0].label for record in records]
    assert labels == ["crane", "crane", "海洋", "café", "café", "crane", "crane", "R&D"]
    assert {record.instances[0].rectangle for record in records} == {Rectangle(1, 2, 2, 2)}
    assert records[6].attributes["@verified"] == "yes"
    assert not log.kept


BAD = {
    "a_swapped": ("box_swapped", 0, 6, "/annotation/object[1]/bndbox"),
    "b_comma": ("decimal_comma", 0, 6, "/annotation/object[1]/bndbox/xmin"),
    "c_thousands": ("box_invalid", 1, 6, "/annotation/object[1]/bndbox/xmin"),
    "d_nan": ("box_invalid", 1, 6, "/annotation/object[1]/bndbox/xmin"),
    "e_full_width": ("box_invalid", 1, 6, "/annotation/object[1]/bndbox/xmin"),
    "f_empty_box": ("box_empty", 1, 6, "/annotation/object[1]/bndbox"),
    "g_two_boxes": ("box_repeated", 1, 6, "/annotation/object[1]/bndbox"),
    "h_corner_missing": ("box_invalid", 1, 6, "/annotation/object[1]/bndbox/ymax"),
    "i_rotated": ("box_rotated", 1, 6, "/annotation/object[1]/robndbox"),
    "j_no_geometry": ("no_geometry", 1, 4, "/annotation/object[1]"),
    "k_blank_name": ("label_blank", 1, 5, "/annotation/object[1]/name"),
    "l_no_name": ("label_blank", 1, 4, "/annotation/object[1]/name"),
    "m_two_points": ("ring_flat", 1, 6, "/annotation/object[1]/polygon"),
    "n_point_missing": ("polygon_invalid", 1, 6, "/annotation/object[1]/polygon"),
    "o_on_a_line": ("ring_flat", 1, 6, "/annotation/object[1]/polygon"),
    "p_outside": ("box_outside", 1, 4, "/annotation/object[1]"),
    "q_overhang": ("box_overhangs", 0, 4, "/annotation/object[1]"),
    "r_half_pixel": (None, 0, None, None),
    "s_deleted": ("object_deleted", 1, 6, "/annotation/object[1]/deleted"),
    "t_two_names": ("name_repeated", 1, 5, "/annotation/object[1]/name"),
    "u_part_only": ("no_geometry", 1, 4, "/annotation/object[1]"),
    "v_size": ("image_size_invalid", 0, 1, "/annotation/size/width"),
    "w_two_files": ("filename_repeated", 2, 1, "/annotation/filename"),
    "x_ampersand": ("xml_syntax", 0, 5, None),
    "x_cut": ("xml_syntax", 0, 3, None),
    "x_cvat": ("not_voc", 0, 1, None),
    "x_empty": ("empty_file", 0, None, None),
    "x_entities": ("xml_entities", 0, None, None),
    "x_json": ("not_xml", 0, 1, None),
    "y_good": (None, 0, None, None),
}


@pytest.mark.parametrize("name", BAD)
def test_each_bad_thing_is_reported_with_its_place_and_costs_only_itself(name: str) -> None:
    _, _, log = read(VOC / "bad_among_good")
    found = [problem for problem in log.kept if Path(problem.place.file).stem == name]
    code, lost, line, pointer = BAD[name]
    if code is None:
        assert found == []
        return
    first = found[0]
    assert (first.code, first.lost, first.place.line, first.place.pointer) == (code, lost, line, pointer)
    assert (first.severity is Severity.ERROR) == (lost > 0 or first.unit is Unit.FILE)


def test_good_objects_and_good_files_go_on_beside_bad_ones() -> None:
    records, parser, log = read(VOC / "bad_among_good")
    assert sorted(record.file_name for record in records) == sorted(parser.names())
    assert Counter(found.label for record in records for found in record.instances) == {"crane": 27}
    assert parser.instance_count() == 27 + sum(log.lost.values())


def test_repaired_boxes_are_the_ones_that_were_meant() -> None:
    records, _, _ = read(VOC / "bad_among_good")
    boxes = {record.file_name: record.instances[0].rectangle for record in records}
    assert boxes["a_swapped.jpg"] == Rectangle(5, 6, 20, 34)
    assert boxes["b_comma.jpg"] == Rectangle(5.5, 6.25, 19.5, 33.75)


@pytest.mark.parametrize(
    ("corners", "code"),
    [
        ("1 1 1e999 4", "box_invalid"),
        ("1 1 1_0 4", "box_invalid"),
        ("1 1 0x10 4", "box_invalid"),
        ("1 1 1,2,3 4", "box_invalid"),
        ("1 1 True 4", "box_invalid"),
        ("3 1 3 4", "box_empty"),
    ],
)
def test_a_corner_that_is_no_plain_number_costs_its_object(tmp_path: Path, corners: str, code: str) -> None:
    record, log = one(tmp_path, boxed(corners))
    assert record.instances == ()
    assert log.lost == {code: 1}


@pytest.mark.parametrize(
    "polygon",
    [
        "<x1>1</x1><y1>2</y1><x1>1</x1><y2>4</y2><x3>5</x3><y3>1</y3>",
        "<x1>1</x1><y1>2</y1><x2>3</x2><y2>nan</y2><x3>5</x3><y3>1</y3>",
        "<pt><x>1</x><y>2</y></pt><pt><x>1</x></pt><pt><x>4</x><y>9</y></pt>",
        "<points>1,2;3,4;5,1</points>",
    ],
)
def test_a_polygon_that_cannot_be_read_exactly_costs_its_object_even_beside_a_box(
    tmp_path: Path, polygon: str
) -> None:
    text = f"<annotation><object><name>a</name>{BOX}<polygon>{polygon}</polygon></object></annotation>"
    record, log = one(tmp_path, text)
    assert record.instances == ()
    assert sum(log.lost.values()) == 1


def test_polygon_points_may_stand_in_any_order_and_be_counted_from_zero(tmp_path: Path) -> None:
    polygon = "<y0>2</y0><x0>1</x0><x2>5</x2><y2>1</y2><y1>4</y1><x1>3</x1><username>me</username>"
    record, log = one(
        tmp_path, f"<annotation><object><name>a</name><polygon>{polygon}</polygon></object></annotation>"
    )
    shape = Polygon((Ring((1, 2, 3, 4, 5, 1)),))
    assert record.instances == (Instance("a", polygon=shape, attributes={"polygon": {"username": "me"}}),)
    assert not log.kept


BOMB = '<!DOCTYPE lolz [<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (BOMB + "]><annotation><filename>&i;</filename></annotation>", "xml_entities"),
        (BOMB.encode("utf-16") + "]><annotation>&i;</annotation>".encode("utf-16-le"), "xml_entities"),
        (
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>',
            "xml_entities",
        ),
        ('<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]><annotation/>', "xml_entities"),
        ('<!DOCTYPE a SYSTEM "x.dtd"><annotation><filename>a&x;b</filename></annotation>', "xml_entities"),
        ('<?xml version="1.0" encoding="utf-7"?><annotation/>', "xml_encoding"),
        ('<?xml version="1.0" encoding="UTF_7"?><annotation/>', "xml_encoding"),
        (
            '<?xml version="1.0" encoding="utf-8"?><annotation>\xff</annotation>'.encode("latin-1"),
            "xml_syntax",
        ),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "xml_syntax"),
        ("<a>" * 100_000 + "</a>" * 100_000, "xml_syntax"),
        (b"<annotation>\0</annotation>", "xml_syntax"),
        ("<annotation/><annotation/>", "xml_syntax"),
        ("<annotation><object>", "xml_syntax"),
        (b" \r\n", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        ("<!DOCTYPE html><html><p>Sign in<br></html>", "not_xml"),
        ("<html><body/></html>", "not_voc"),
        ("<annotations><image/></annotations>", "not_voc"),
        ("<Annotation/>", "not_voc"),
        ("[1, 2]", "not_xml"),
        ("version https://git-lfs.github.com/spec/v1\n", "not_xml"),
        (b"\x1f\x8b\x08\0\0\0", "not_xml"),
        (b"\0\5\x16\7\0\0\0", "not_xml"),
        ("0 0.5 0.5 0.1 0.1\n", "not_xml"),
    ],
)
def test_a_hostile_or_foreign_file_is_rejected_whole_and_at_once(
    tmp_path: Path, text: str | bytes, code: str
) -> None:
    start = time.monotonic()
    assert rejected(tmp_path, text).code == code
    assert time.monotonic() - start < 5


def test_a_doctype_does_not_open_a_connection_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.dtd").write_text('<!ENTITY name "injected">')
    record, _ = one(
        tmp_path, GOOD.replace("<annotation>", '<!DOCTYPE annotation SYSTEM "x.dtd"><annotation>')
    )
    assert record.file_name == "good.jpg"


def test_an_xinclude_is_text_and_not_followed(tmp_path: Path) -> None:
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'
    record, _ = one(tmp_path, GOOD.replace("<object>", f"{include}<object>"))
    assert record.attributes["include"] == {"@href": "/etc/passwd", "@parse": "text"}


def test_elements_nested_to_the_allowed_depth_are_kept(tmp_path: Path) -> None:
    deep = "<a>" * 200 + "x" + "</a>" * 200
    record, _ = one(tmp_path, GOOD.replace("<object>", f"{deep}<object>"))
    inner = record.attributes["a"]
    while isinstance(inner, dict):
        inner = inner["a"]
    assert inner.startswith("<a><a>")
    assert "x" in inner


def test_a_file_above_the_cap_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voc_xml, "MAX_BYTES", 50)
    assert rejected(tmp_path, GOOD).code == "file_too_large"


def test_lines_are_those_of_the_file_also_after_blank_lines_at_its_head(tmp_path: Path) -> None:
    head = '\n\n<?xml version="1.0"?>\n<annotation>\n<object>\n<name> </name></object></annotation>'
    _, log = one(tmp_path, head)
    assert log.kept[0].place.line == 6
    problem = rejected(tmp_path, '\n\n<?xml version="1.0"?>\n<annotation>\n&\n</annotation>')
    assert problem.place.line == 5


def test_a_pipe_or_a_link_to_itself_does_not_hang_or_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_text(GOOD)
    os.mkfifo(tmp_path / "pipe.xml")
    (tmp_path / "self.xml").symlink_to(tmp_path / "self.xml")
    (tmp_path / "gone.xml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path)
    records, _, log = read(tmp_path)
    assert [record.file_name for record in records] == ["good.jpg"]
    assert log.counts["link_not_followed"] == 1
    assert log.rejected == 3


def test_a_name_that_is_not_utf8_is_shown_with_a_replacement(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.xml")).write_text(GOOD.replace("good.jpg", ""))
    records, _, _ = read(tmp_path)
    assert records[0].file_name == "caf\ufffd"
    assert str(records[0].place).encode()


def test_two_files_that_differ_in_the_case_of_their_extension_are_two_records(tmp_path: Path) -> None:
    for name in ("a.xml", "a.XML"):
        (tmp_path / name).write_text(GOOD)
    records, _, _ = read(tmp_path)
    assert len(records) == 2


def test_a_folder_without_annotations_and_a_missing_path_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    for path, code in ((tmp_path, "no_voc_file"), (tmp_path / "gone", "missing")):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.problem.code == code


def test_a_file_that_changed_after_it_was_planned_is_left_out_and_accounted_for(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.xml").write_text(GOOD)
    parser, log = PascalVoc(tmp_path), ProblemLog()
    parser.prepare(log)
    (tmp_path / "a.xml").write_text(GOOD.replace("good", "other"))
    (tmp_path / "b.xml").unlink()
    (tmp_path / "c.xml").write_text(GOOD.replace("<object>", f"<object><name>x</name>{BOX}</object><object>"))
    records = list(parser.read(Shard(0, 4), log))
    assert len(records) == 1
    assert log.lost == {"file_changed": 3}
    assert parser.instance_count() == 4


def test_a_prepared_parser_is_small_and_reads_the_same_elsewhere() -> None:
    records, parser, _ = read(VOC / "devkit")
    copy: PascalVoc = pickle.loads(pickle.dumps(parser))
    assert list(copy.read(Shard(0, copy.count()), ProblemLog())) == records


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"<annotation/>", True),
        (
            b"\xef\xbb\xbf \n<?xml version='1.0'?><!-- <x> --><!DOCTYPE annotation [ <!ELEMENT a ANY> ]>\n<annotation>",
            True,
        ),
        ("<annotation><filename>".encode("utf-16"), True),
        (b"<v:annotation xmlns:v='u'>", True),
        (b"<annotations>", False),
        (b"<html>", False),
        (b'{"annotation": 1}', False),
        (b"", False),
        (b"\x89PNG\r\n\x1a\n<annotation>", False),
    ],
)
def test_a_file_is_recognised_by_its_first_element(tmp_path: Path, text: bytes, expected: bool) -> None:
    (tmp_path / "any").write_bytes(text)
    assert PascalVoc.recognises(tmp_path / "any") is expected


def test_recognising_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to(tmp_path / "self")
    os.mkfifo(tmp_path / "pipe.xml")
    assert not PascalVoc.recognises(tmp_path / "self")
    assert not PascalVoc.recognises(tmp_path / "gone")
    assert not PascalVoc.recognises(tmp_path)


def test_text_beside_children_and_repeated_elements_are_kept(tmp_path: Path) -> None:
    more = "<note>by <b>me</b></note><tag>1</tag><tag>2</tag><tag>3</tag>"
    record, _ = one(tmp_path, GOOD.replace("<object>", f"{more}<object>"))
    assert record.attributes == {"note": {"b": "me", "#text": "by "}, "tag": ["1", "2", "3"]}


def masked(folder: Path, name: str, text: str, objects: np.ndarray, classes: np.ndarray | None) -> None:
    (folder / f"{name}.xml").write_text(text)
    for part, pixels in (("Object", objects), ("Class", classes)):
        (folder / f"Segmentation{part}").mkdir(exist_ok=True)
        if pixels is not None:
            Image.fromarray(pixels).save(folder / f"Segmentation{part}" / f"{name}.png")


def test_labels_are_compared_with_class_masks_without_regard_to_spelling(tmp_path: Path) -> None:
    objects = np.zeros((50, 50), np.uint8)
    objects[10:20, 10:20] = 1
    masked(tmp_path, "a", GOOD.replace("crane", "TV-Monitor"), objects, objects * np.uint8(20))
    masked(tmp_path, "b", GOOD, objects, objects * np.uint8(255))  # all void: no class that could differ
    records, parser, log = read(tmp_path)
    assert [record.instances[0].kind for record in records] == ["polygon", "polygon"]
    assert not log.kept
    (tmp_path / "SegmentationObject" / "a.png").unlink()
    _, parser, _ = read(tmp_path)
    assert "1 class masks without object masks, beside XML files, are not used." in parser.notes


def test_a_polygon_of_the_file_goes_before_its_mask(tmp_path: Path) -> None:
    polygon = "<polygon><x1>4</x1><y1>4</y1><x2>20</x2><y2>4</y2><x3>12</x3><y3>18</y3></polygon>"
    objects = np.pad(np.full((9, 9), 1, np.uint8), 10)
    masked(tmp_path, "a", GOOD.replace(BOX, BOX + polygon), objects, None)
    records, _, log = read(tmp_path)
    assert records[0].instances[0].polygon == Polygon((TRIANGLE,))
    assert not log.kept


def test_a_mask_of_a_mode_without_numbers_is_rejected_and_unknown_colours_stay_apart(tmp_path: Path) -> None:
    colors = np.zeros((4, 6, 3), np.uint8)
    colors[1:3, 1:3], colors[1:3, 4:6] = (1, 2, 3), (3, 2, 1)
    masks_alone(tmp_path / "rgb", Image.fromarray(colors), Image.fromarray(colors))
    _, parser, log = read(tmp_path / "rgb")
    assert (parser.instance_count(), log.lost) == (2, {"mask_class_unknown": 2})
    masks_alone(tmp_path / "la", Image.new("LA", (4, 4)), None)
    _, _, log = read(tmp_path / "la")
    assert log.counts == {"mask_invalid": 1}


def test_an_indexed_mask_whose_colours_are_not_listed_is_read_by_its_indexes(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4))
    image.putpalette([9, 9, 9, 8, 8, 8, 7, 7, 7])
    image.putpixel((1, 1), 1)
    masks_alone(tmp_path, image, image, "background:0,0,0::\nquay:1,2,3::\nbad line\n")
    records, _, _ = read(tmp_path)
    assert [found.label for found in records[0].instances] == ["quay"]


def test_a_pipe_is_no_mask(tmp_path: Path) -> None:
    (tmp_path / "SegmentationObject").mkdir()
    os.mkfifo(tmp_path / "SegmentationObject" / "a.png")
    _, _, log = read(tmp_path)
    assert log.counts == {"mask_invalid": 1}


def test_lists_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations" / "a.xml").write_text(GOOD)
    (lists / "train.txt").write_bytes(b"\xff\xfe\xfd")
    (lists / "readme.md").write_text("a")
    (lists / "val.txt").write_text("a\na\n")
    os.mkfifo(lists / "pipe.txt")
    records, _, log = read(tmp_path)
    assert records[0].splits == ("val",)
    assert not log.kept


def test_class_names_that_cannot_be_read_leave_the_classes_of_voc(tmp_path: Path) -> None:
    image = Image.fromarray(np.pad(np.full((2, 2), 12, np.uint8), 2))
    masks_alone(tmp_path, image, image)
    (tmp_path / "class_names.txt").write_bytes(b"\xff\xfe\xfd")
    records, _, _ = read(tmp_path)
    assert [found.label for found in records[0].instances] == ["dog"]


def test_files_and_folders_that_may_not_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b").mkdir()
    for name in ("a.xml", "c.xml"):
        (tmp_path / name).write_text(GOOD)
    scandir, opened, handle = os.scandir, Path.open, os.open

    def no_folder(path: Path) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    def no_file(path: Path, *mode: str) -> object:
        if path.name == "c.xml":
            raise PermissionError(13, "Permission denied")
        return opened(path, *mode)  # type: ignore[call-overload]

    def no_handle(path: str, flags: int, *more: int) -> int:
        if Path(path).name == "c.xml":
            raise PermissionError(13, "Permission denied")
        return handle(path, flags, *more)

    monkeypatch.setattr(os, "open", no_handle)
    monkeypatch.setattr(os, "scandir", no_folder)
    monkeypatch.setattr(Path, "open", no_file)
    records, _, log = read(tmp_path)
    assert len(records) == 1
    assert [problem.code for problem in log.kept] == ["unreadable", "unreadable"]
    assert {Path(problem.place.file).name for problem in log.kept} == {"b", "c.xml"}
    assert not PascalVoc.recognises(tmp_path / "c.xml")


def test_a_point_with_a_coordinate_missing_names_the_point(tmp_path: Path) -> None:
    polygon = "<polygon><pt><x>1</x><y>2</y></pt><pt><x>1</x></pt><pt><x>4</x><y>9</y></pt></polygon>"
    _, log = one(tmp_path, f"<annotation><object><name>a</name>{polygon}</object></annotation>")
    assert "a point has 0 values for y" in log.kept[0].message


def test_a_folder_of_masks_alone_is_recognised() -> None:
    assert PascalVoc.recognises(VOC / "masks")
