"""The quick way to a VOC file gives what the long way gives, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.errors import InputError
from picsellia_ingest.model import ImageRecord, Rectangle
from picsellia_ingest.parsers import voc_xml
from picsellia_ingest.parsers.pascal_voc import PascalVoc
from picsellia_ingest.parsers.voc_objects import Evidence, RecordReader
from picsellia_ingest.parsers.voc_plain import PlainFiles
from tests.paths import DATA, FIXTURES

NUMBERS = st.one_of(
    st.integers(0, 110).map(str),
    st.floats(0, 110).map(repr),
    st.sampled_from(["12.5", "12.55", "12.0", "12.", ".5", "-1", " 7 ", "007", "1e1", "", "x", "12,5", "0"]),
)
TEXTS = st.sampled_from(
    ["a", "car", "", " b ", "x&amp;y", "<!-- c -->", "é", "1", "\n\t", "<![CDATA[d]]>", "e > f"]
)
NAMES = [
    "name",
    "pose",
    "truncated",
    "difficult",
    "deleted",
    "part",
    "filename",
    "folder",
    "size",
    "attributes",
    "attribute",
    "value",
    "polygon",
    "q",
]
BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"


def leaf(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"


@st.composite
def boxes(draw: st.DrawFn) -> str:
    corners = draw(st.permutations(["xmin", "ymin", "xmax", "ymax"]))
    if draw(st.booleans()):
        corners = corners[: draw(st.integers(0, 4))]
    return leaf("bndbox", "".join(leaf(corner, draw(NUMBERS)) for corner in corners))


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(st.sampled_from(NAMES))
    if depth < 2 and draw(st.integers(0, 3)) == 0:
        return leaf(name, "".join(draw(st.lists(elements(depth + 1), max_size=3))))
    return leaf(name, draw(TEXTS))


@st.composite
def objects(draw: st.DrawFn) -> str:
    parts = [
        leaf("name", draw(st.sampled_from(["car", "car", " bus ", ""]))),
        draw(st.one_of(st.just(BOX), boxes())),
    ]
    parts += draw(st.lists(elements(), max_size=2))
    return leaf("object", draw(st.sampled_from(["", "\n"])).join(draw(st.permutations(parts))))


@st.composite
def files(draw: st.DrawFn) -> bytes:
    size = "<size><width>100</width><height>90</height><depth>3</depth></size>"
    parts = [
        draw(st.sampled_from([size, size, "", "<size/>", "<size><width>x</width></size>"])),
        draw(st.sampled_from(["<filename>a.jpg</filename>", ""])),
    ]
    parts += draw(st.lists(st.one_of(objects(), objects(), elements()), max_size=4))
    declared = draw(
        st.sampled_from(
            ["", "", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-8"?>\n', "\ufeff"]
        )
    )
    said = draw(st.sampled_from(["", "", ' verified="yes"', ' a="1" b=" 2 "']))
    body = draw(st.sampled_from(["", "\n\t", "\r\n"])).join(draw(st.permutations(parts)))
    text = f"{declared}<annotation{said}>{body}</annotation>{draw(st.sampled_from(['', '', chr(10), 'x', '<a></a>']))}"
    return text.encode()


def long_way(data: bytes) -> tuple[ImageRecord, Evidence] | None:
    """What the long way makes of it without a word; None where it has something to say."""
    said: list[Any] = []
    evidence = Evidence()
    try:
        record = RecordReader("f.xml", False, said.append, evidence).read(
            voc_xml.parse(data, "f.xml"), "stem", None
        )
    except InputError:
        return None
    return None if said else (record, evidence)


def same_as_the_long_way(data: bytes) -> bool:
    """Whether it is plain, and if so equal to what the long way gives, the order of attributes and the evidence included."""
    return files_as_the_long_way([data]) == [True]


def files_as_the_long_way(several: list[bytes]) -> list[bool]:
    """The same of files that are read one after the other, so that layouts are learnt from those before."""
    reader = PlainFiles()
    return [is_as_the_long_way(reader, data) for data in several]


def is_as_the_long_way(reader: PlainFiles, data: bytes) -> bool:
    found = reader.read(data)
    if found is None:
        return False
    expected = long_way(data)
    assert expected is not None, data
    assert repr(found.record("f.xml", found.name or "stem")) == repr(expected[0])
    evidence = Evidence()
    for box in found.corners:
        evidence.take(box, found.size)
    assert evidence == expected[1]
    return True


@given(st.lists(files(), min_size=1, max_size=4))
def test_what_is_plain_is_what_the_long_way_makes_of_it(several: list[bytes]) -> None:
    files_as_the_long_way(several)


@given(files(), st.data())
def test_a_file_like_one_before_is_read_as_the_long_way_reads_it(first: bytes, data: st.DataObject) -> None:
    text = first.decode()
    at = data.draw(st.integers(0, len(text)))
    odd = st.sampled_from(
        ["<", ">", "&", "</", "/", "0", "9", "-", "x", " ", "\n", "\t", "\x01", "\u2028", "é", ""]
    )
    changed = text[:at] + data.draw(odd) + text[at + data.draw(st.integers(0, 2)) :]
    files_as_the_long_way([first, changed.encode(), first])


def test_a_layout_that_was_learnt_is_no_excuse_for_what_is_not_plain() -> None:
    good = f"<annotation><filename>a</filename><object><name>car</name>{BOX}</object></annotation>"
    odd = [
        good.replace(">car<", "> <"), good.replace(">40<", ">2<"), good.replace(">30<", ">1.05<"), good.replace("a</f", "&lt;</f"),
        good.replace("</object>", "</object>x"), good.replace("<object>", "<object><polygon><x1>1</x1></polygon>"),
        good.replace("<object>", "<source><object>").replace("</object>", "</object></source>"), good.replace("</object>", ""),
    ]  # fmt: skip
    assert files_as_the_long_way([one.encode() for one in (good, *odd, good)]) == [
        True,
        *[False] * len(odd),
        True,
    ]


def test_a_box_with_fractions_is_plain_and_keeps_a_far_corner_that_its_size_does_not_give_back() -> None:
    good = f"<annotation><filename>a</filename><object><name>car</name>{BOX}</object></annotation>"
    for was, now in ((1, "0.71"), (2, " 2.0 "), (30, "14.885810903979708"), (40, "40")):
        good = good.replace(f">{was}<", f">{now}<")
    assert same_as_the_long_way(good.encode())
    found = PlainFiles().read(good.encode())
    assert found is not None
    (kept,) = found.record("f.xml", "a").instances
    assert kept.rectangle == Rectangle(0.71, 2.0, 14.885810903979708 - 0.71, 38.0)
    assert kept.attributes == {"xmax": "14.885810903979708"}


def test_a_file_of_cvat_is_plain() -> None:
    said = [
        f"<attribute><name>{name}</name><value>{value}</value></attribute>"
        for name, value in (("rotation", "0.0"), ("colour", "red"))
    ]
    rest = f"<occluded>0</occluded>{BOX.replace('>30<', '>30.25<')}<attributes>{''.join(said)}</attributes>"
    text = f"<annotation><filename>a.jpg</filename><object><name>car</name>{rest}</object></annotation>"
    assert same_as_the_long_way(text.encode())
    found = PlainFiles().read(text.encode())
    assert found is not None
    assert found.record("f.xml", "a").instances[0].attributes["attributes"] == {
        "rotation": "0.0",
        "colour": "red",
    }
    assert same_as_the_long_way(text.replace("colour", "rotation").encode())
    assert same_as_the_long_way(text.replace(said[1], "").encode())


def test_more_layouts_than_are_kept_are_read_all_the_same() -> None:
    several = [
        f"<annotation><object><name>car</name>{BOX}<a{number}>x</a{number}></object></annotation>".encode()
        for number in range(40)
    ]
    assert files_as_the_long_way([*several, several[0]]) == [True] * 32 + [False] * 8 + [True]


@pytest.mark.parametrize("encoding", ["", '<?xml version="1.0" encoding="utf-8"?>\n'])
def test_what_nearly_every_file_holds_is_plain(encoding: str) -> None:
    rest = "<pose>Left</pose><truncated>0</truncated><part><name>head</name>" + BOX + "</part>"
    text = f"{encoding}<annotation>\n<filename>a.jpg</filename><source><database>x</database></source><object><name>car</name>{rest}{BOX}</object></annotation>"
    assert same_as_the_long_way(text.encode())
    assert same_as_the_long_way(text.replace("\n", "\r\n").encode())


@pytest.mark.parametrize(
    "odd",
    [
        b"", b"<annotation>", b"<annotation/>", b"<annotation><object></annotation></object>", b"<a></a>",
        b"<annotation a='1'></annotation>", b'<annotation a="1" a="2"></annotation>', b"<annotation>text</annotation>", b"<annotation>\xff</annotation>",
        b"<annotation><object><name>car</name></object></annotation>", b"<!DOCTYPE a><annotation></annotation>",
        b"<annotation></annotation><annotation></annotation>", b"<?xml version='1.0' encoding='latin-1'?><annotation></annotation>",
        b'<annotation xmlns="http://example.org/voc"></annotation>', b'<annotation\na="1"></annotation>',
        b"<annotation>" + b"<a>" * 100 + b"</a>" * 100 + b"</annotation>",
    ],
)  # fmt: skip
def test_what_has_anything_to_be_said_of_is_not_plain(odd: bytes) -> None:
    assert PlainFiles().read(odd) is None


@pytest.mark.parametrize("folder", ["raccoon_voc", "voc2007_official"])
def test_real_files_that_are_plain_are_read_as_the_long_way_reads_them(folder: str) -> None:
    where = DATA / folder
    files = (
        sorted(where.rglob("*.xml")) if where.is_dir() else sorted((FIXTURES / "PASCAL-VOC").rglob("*.xml"))
    )
    plain = files_as_the_long_way([file.read_bytes() for file in files if PascalVoc.recognises(file)])
    assert sum(plain) > len(plain) / 4
