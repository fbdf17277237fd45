"""Group V: VOC files, each beside a good one in its folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from picsellia_ingest.model import Rectangle
from tests.catalogue.judge import FILE, IMAGE, OBJECT, SILENT, WARN, Row, check, judge, table

BOX = "<bndbox><xmin>5</xmin><ymin>6</ymin><xmax>25</xmax><ymax>36</ymax></bndbox>"
SIZE = "<size><width>64</width><height>48</height><depth>3</depth></size>"
OBJ = f"<object><name>crane</name>{BOX}</object>"
HEAD = "<filename>odd.jpg</filename>"


def voc(inside: str, size: str = SIZE, head: str = HEAD) -> str:
    return f"<annotation>\n{head}\n{size}\n{inside}\n</annotation>\n"


GOOD = voc(OBJ, head="<filename>good.jpg</filename>")
ODD = voc(OBJ)


def corners(*values: str) -> str:
    tags = zip(("xmin", "ymin", "xmax", "ymax"), values, strict=True)
    inner = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags)
    return voc(f"<object><name>crane</name><bndbox>{inner}</bndbox></object>{OBJ}")


def objects(inside: str) -> str:
    return voc(f"<object>{inside}</object>{OBJ}")


def label(name: str) -> str:
    return objects(f"<name>{name}</name>{BOX}")


def polygon(inside: str) -> str:
    return objects(f"<name>crane</name><polygon>{inside}</polygon>")


def dtd(inside: str, text: str) -> str:
    return f'<?xml version="1.0"?>\n<!DOCTYPE annotation [{inside}]>\n' + label(text)


LAUGHS = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11))
QUADRATIC = f'<!ENTITY a "{"a" * 2500}">'
POINTS = "".join(
    f"<x{n}>{x}</x{n}><y{n}>{y}</y{n}>" for n, (x, y) in enumerate([(5, 6), (25, 6), (25, 36)], 1)
)


@table(
    ("V01", "", FILE, "the file is empty"),
    ("V02", " \n\t\n", FILE, "the file is empty"),
    ("V02 zeros", "\0" * 4096, FILE, "zero bytes"),
    ("V02 mark", "\ufeff", FILE, "the file is empty"),
    ("V03", '{"images": [], "annotations": []}', FILE, "looks like JSON"),
    ("V03 HTML", "<!DOCTYPE html>\n<html><body>Sign in</body></html>", FILE, "HTML page"),
    ("V03 text", "0 0.5 0.5 0.2 0.2\n", FILE, "looks like text"),
    ("V03 lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", FILE, "git lfs pull"),
    ("V03 gzip", b"\x1f\x8b\x08" + bytes(60), FILE, "gzip"),
    ("V04", ODD[: len(ODD) * 7 // 10], FILE, r"odd\.xml:\d+:\d+.*cut off"),
    ("V04 tag", ODD[: ODD.index("</filename>") + 4], FILE, "cut off"),
    ("V05", b"\xef\xbb\xbf" + ODD.encode(), SILENT),
    ("V06", ODD.encode("utf-16"), SILENT),
    ("V06 BE", b"\xfe\xff" + ODD.encode("utf-16-be"), SILENT),
    ("V06 declared", ('<?xml version="1.0" encoding="utf-16"?>' + ODD).encode("utf-16"), SILENT),
    ("V06 lie", '<?xml version="1.0" encoding="utf-16"?>' + ODD, SILENT),
    ("V07", ('<?xml version="1.0" encoding="gb2312"?>' + label("吊车")).encode("gb2312"), SILENT),
    ("V07 sjis", ('<?xml version="1.0" encoding="shift_jis"?>' + label("クレーン")).encode("shift_jis"), SILENT),
    ("V07 1252", ('<?xml version="1.0" encoding="windows-1252"?>' + label("Kräne")).encode("cp1252"), SILENT),
    ("V07 unknown", '<?xml version="1.0" encoding="klingon"?>' + ODD, FILE, "encoding"),
    ("V08", label("Kräne").encode("latin-1"), FILE, "save it as UTF-8"),
    ("V09", label("black & white"), FILE, r"odd\.xml:\d+:\d+.*&amp;"),
    ("V09 less", label("a < b"), FILE, r"odd\.xml:\d+:\d+"),
    ("V10", label("cra\x01ne"), FILE, r"odd\.xml:\d+:\d+"),
    ("V10 reference", label("cra&#1;ne"), FILE, r"odd\.xml:\d+:\d+"),
    ("V10 NUL", label("cra\0ne"), FILE),
    ("V10 reference NUL", label("cra&#0;ne"), FILE),
    ("V10 newline inside", label("cra\nne"), OBJECT, "no name that can be shown"),
    ("V11", "\n\n" + '<?xml version="1.0"?>\n' + ODD, SILENT),
    ("V11 text", "x" + ODD, FILE, "looks like text"),
    ("V12", "<!--" + "x" * 5_000_000 + "-->" + ODD, SILENT),
    ("V12 many", ODD.replace(HEAD, HEAD + "<!--x-->" * 200_000), SILENT),
    ("V13", dtd(LAUGHS, "&a10;"), FILE, "XML entities"),
    ("V14", dtd(QUADRATIC, "&a;" * 5), FILE, "XML entities"),
    ("V15", dtd(QUADRATIC, "&a;" * 3000), FILE, "XML entities"),
    ("V15 unused", dtd(LAUGHS, "crane"), FILE, "XML entities"),
    ("V16", dtd('<!ENTITY x SYSTEM "file:///etc/passwd">', "&x;"), FILE, "XML entities"),
    ("V17", dtd('<!ENTITY x SYSTEM "http://127.0.0.1:9/x">', "&x;"), FILE, "XML entities"),
    ("V18", dtd('<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;', "crane"), FILE, "XML entities"),
    ("V18 external DTD", '<!DOCTYPE annotation SYSTEM "http://127.0.0.1:9/x.dtd">' + ODD, SILENT),
    ("V18 undeclared", label("&x;"), FILE),
    ("V18 XInclude", voc('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>' + OBJ), SILENT),
    ("V18 style", '<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>' + ODD, SILENT),
    ("V19", "<!DOCTYPE annotation>\n" + ODD, SILENT),
    ("V20", "<!DOCTYPE annotation [<!ELEMENT annotation ANY>]>\n" + ODD, SILENT),
    ("V20 default", '<!DOCTYPE annotation [<!ATTLIST object x CDATA "y">]>\n' + ODD, SILENT),
    ("V21", "<a>" * 100_000 + "</a>" * 100_000, FILE, "levels|deep"),
    ("V21 inside", voc(OBJ + "<a>" * 1000 + "</a>" * 1000), FILE, "levels|deep"),
    ("V21 hundred", voc(OBJ + "<a>" * 100 + "</a>" * 100), SILENT),
    ("V22", voc(OBJ * 100_000), SILENT),
    ("V23", ODD.replace("<annotation>", '<annotation xmlns="http://example.org/voc">'), SILENT),
    ("V24", ODD.replace("<", "<v:").replace("<v:/", "</v:").replace("<v:annotation>", '<v:annotation xmlns:v="u">'), SILENT),
    ("V24 unbound", ODD.replace("<object", "<v:object").replace("</object", "</v:object"), FILE),
    ("V30", voc(OBJ, "<size><width>0</width><height>0</height></size>"), WARN, "the width is '0'"),
    ("V30 minus", voc(OBJ, "<size><width>-64</width><height>48</height></size>"), WARN, "the width is '-64'"),
    ("V29", voc(OBJ, ""), SILENT),
    ("V31", voc(OBJ, "<size><width>64.0</width><height>48.0</height></size>"), SILENT),
    ("V32", voc(OBJ, "<size><width>wide</width><height>48</height></size>"), WARN, "the width is 'wide'"),
    ("V32 huge", voc(OBJ, f"<size><width>{'9' * 5000}</width><height>48</height></size>"), WARN, "the width is"),
    ("V34", voc(OBJ, "<size><width>64</width></size>"), SILENT),
    ("V34 empty", voc(OBJ, "<size/>"), SILENT),
    ("V35", voc(""), SILENT),
    ("V36", "<annotations><image/></annotations>", FILE, "CVAT XML"),
    ("V36 other", "<project/>", FILE, "root element is <project>"),
    ("V36 case", ODD.replace("annotation>", "Annotation>"), FILE, "root element is <Annotation>"),
    ("V37", label("  "), OBJECT, "no name that can be shown"),
    ("V37 empty", objects(f"<name/>{BOX}"), OBJECT, "no name that can be shown"),
    ("V37 missing", objects(BOX), OBJECT, "no name that can be shown"),
    ("V37 twice", objects(f"<name>a</name><name>b</name>{BOX}"), OBJECT, "2 names"),
    ("V37 invisible", label("\u200b"), OBJECT, "no name that can be shown"),
    ("V37 long", label("x" * 100_000), OBJECT, "no name that can be shown"),
    ("V38", label("black &amp; &#x77;hite &lt;b&gt;"), SILENT),
    ("V39", objects("<name>crane</name>"), OBJECT, "neither a bndbox nor a polygon"),
    ("V39 empty", objects("<name>crane</name><bndbox/>"), OBJECT, "neither a bndbox nor a polygon"),
    ("V40", objects("<name>crane</name><bndbox><ymin>6</ymin><xmax>25</xmax><ymax>36</ymax></bndbox>"), OBJECT, "xmin is missing"),
    ("V40 twice", objects(f"<name>crane</name>{BOX.replace('<xmin>', '<xmin>1</xmin><xmin>')}"), OBJECT, "xmin stands 2 times"),
    ("V40 other names", objects("<name>crane</name><bndbox><x>5</x><y>6</y><w>9</w><h>9</h></bndbox>"), OBJECT, "xmin is missing"),
    ("V41", corners("5", "6", "12,5", "36"), WARN, "'12,5' is read as 12.5"),
    ("V42", corners("5", "6", "1,250", "36"), OBJECT, "'1,250'"),
    ("V42 point", corners("5", "6", "1.250,5", "36"), OBJECT, r"'1\.250,5'"),
    ("V42 blank", corners("5", "6", "1 250", "36"), OBJECT, "'1 250'"),
    ("V43", corners("nan", "6", "inf", "36"), OBJECT, "not a finite number: 'nan'"),
    ("V44", corners("0x5", "6", "25", "36"), OBJECT, "'0x5'"),
    ("V44 underscore", corners("5", "6", "2_5", "36"), OBJECT, "'2_5'"),
    ("V44 unit", corners("5px", "6", "25px", "36"), OBJECT, "'5px'"),
    ("V44 long", corners("5", "6", "9" * 5000, "36"), OBJECT, "not a finite number"),
    ("V44 far", corners("5", "6", "1e99", "36"), OBJECT, "too large"),
    ("V45", corners("５", "6", "25", "36"), OBJECT, "'５'"),
    ("V46", corners("-5", "6", "25", "36"), WARN, "5 px past the edge"),
    ("V46 outside", corners("-50", "6", "-25", "36"), OBJECT, "wholly outside"),
    ("V47", corners("5", "6", "5", "36"), OBJECT, "no area"),
    ("V48", corners("25", "36", "5", "6"), WARN, "swapped"),
    ("V49", corners("0", "0", "25", "36"), SILENT),
    ("V50", corners("1", "1", "64", "48"), SILENT),
    ("V50 beyond", corners("40", "6", "65", "36"), WARN, "1 px past the edge"),
    ("V51", objects(f"<name>crane</name>{BOX}{BOX}"), OBJECT, "2 boxes"),
    ("V52", corners("", "6", "25", "36"), OBJECT, "xmin is not a finite number: ''"),
    ("V52 child", corners("<v>5</v>", "6", "25", "36"), OBJECT, "xmin is not a finite number"),
    ("V53", polygon(POINTS), SILENT),
    ("V54", polygon(POINTS.replace("<y2>6</y2>", "")), OBJECT, "y2 is missing"),
    ("V54 twice", polygon(POINTS + "<x1>5</x1>"), OBJECT, "x1 stands twice"),
    ("V54 word", polygon(POINTS.replace(">25<", ">far<")), OBJECT, "'far'"),
    ("V55", polygon("<x1>5</x1><y1>6</y1><x2>25</x2><y2>36</y2>"), OBJECT, "fewer than 3 points"),
    ("V55 line", polygon("<x1>5</x1><y1>5</y1><x2>9</x2><y2>9</y2><x3>20</x3><y3>20</y3>"), OBJECT, "all on one line"),
    ("V56", polygon("<pt><x>5</x><y>6</y></pt><pt><x>25</x><y>6</y></pt><pt><x>25</x><y>36</y></pt>"), SILENT),
    ("V56 half", polygon("<pt><x>5</x></pt><pt><x>25</x><y>6</y></pt><pt><x>25</x><y>36</y></pt>"), OBJECT, "0 values for y"),
    ("V56 text", polygon("5,6 25,6 25,36"), OBJECT, "neither a bndbox nor a polygon"),
    ("V57", objects("<name>crane</name><robndbox><cx>9</cx><cy>9</cy><w>5</w><h>5</h><angle>1</angle></robndbox>"), OBJECT, "rotated"),
    ("V58", objects(f"<name>crane</name><deleted>1</deleted>{BOX}"), OBJECT, "marked as deleted"),
    ("V59", objects(f"<name>crane</name><pose>Left</pose><difficult>maybe</difficult><occluded/><x-y>1</x-y>{BOX}"), SILENT),
    ("V60", objects(f"<name>crane</name><difficult>1</difficult><truncated>1</truncated>{BOX}"), SILENT),
    ("V65", label("<![CDATA[black & white]]>"), SILENT),
    ("V66", label("cra<!-- a comment -->ne"), SILENT),
    ("V66 instruction", label("cra<?x y?>ne"), SILENT),
    ("V67", label("\n    crane\n  "), SILENT),
    ("V68", voc(OBJ + "<object/>"), OBJECT, "no name"),
    ("V68 text", voc(OBJ + "<object>crane 5 6 25 36</object>"), OBJECT, "no name"),
    ("V69", ('<?xml version="1.0" encoding="utf-7"?>' + label("crane")).encode(), FILE, "UTF-7"),
    ("V70", ('<?xml version="1.0" encoding="utf-8"?>' + ODD).encode("utf-16"), SILENT),
    ("V70 EBCDIC", ('<?xml version="1.0" encoding="cp037"?>' + ODD).encode(), FILE),
    ("V72", ODD + ODD, FILE, r"odd\.xml:\d+:\d+"),
    ("V72 tail", ODD + "<object>", FILE, r"odd\.xml:\d+:\d+"),
    ("V74", voc(OBJ, head="<filename>odd.jpg</filename><filename>other.jpg</filename>"), IMAGE, "names 2 images"),
    ("V74 same", voc(OBJ, head="<filename>odd.jpg</filename><filename>odd.jpg</filename>"), SILENT),
    ("V74 empty", voc(OBJ, head="<filename/>"), SILENT),
    ("V76", voc(OBJ).replace("<object>", '<object id="7" onload="x()">'), SILENT),
)  # fmt: skip
def test_file(row: Row, tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_text(GOOD)
    content = row.make if isinstance(row.make, bytes) else row.make.encode("utf-8")
    (tmp_path / "odd.xml").write_bytes(content)
    found = judge(tmp_path)
    check(row, found)
    if found.verdict != SILENT:
        assert "odd.xml" in found.told
    if found.verdict == OBJECT:
        assert Rectangle(5, 6, 20, 30) in [one.rectangle for one in found.record("odd.jpg").instances]


@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "loop", "folder", "dangling"])
def test_what_is_no_regular_file_does_not_stop_the_good_one(kind: str, tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_text(GOOD)
    odd = tmp_path / "odd.xml"
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "fifo":
            os.mkfifo(odd)
        elif kind == "socket":
            server.bind(str(odd))
        elif kind == "folder":
            odd.mkdir()
        else:
            odd.symlink_to({"device": "/dev/zero", "loop": str(odd), "dangling": "/nowhere.xml"}[kind])
        found = judge(tmp_path)
    assert [record.file_name for record in found.records] == ["good.jpg"]
    assert found.verdict == (SILENT if kind == "folder" else FILE)
    assert kind == "folder" or "odd.xml" in found.told


def test_folders_that_lead_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_text(GOOD)
    (tmp_path / "around").symlink_to(tmp_path)
    found = judge(tmp_path)
    assert (found.verdict, len(found.records)) == (WARN, 1)
    assert "a linked folder is passed over" in found.told


def test_upper_case_extensions_are_read(tmp_path: Path) -> None:
    (tmp_path / "GOOD.XML").write_text(GOOD)
    (tmp_path / "odd.Xml").write_text(ODD)
    assert [record.file_name for record in judge(tmp_path).records] == ["good.jpg", "odd.jpg"]


def test_every_bad_file_of_the_table_beside_twenty_good_ones_is_named_and_the_good_ones_arrive(
    tmp_path: Path,
) -> None:
    rows: list[Row] = next(iter(test_file.pytestmark)).args[1]
    for number in range(20):
        (tmp_path / f"good{number}.xml").write_text(GOOD.replace("good.jpg", f"good{number}.jpg"))
    for row in rows:
        content = row.make if isinstance(row.make, bytes) else row.make.encode()
        if len(content) < 1_000_000:
            (tmp_path / f"{row.id}.xml").write_bytes(content)
    found = judge(tmp_path)
    names = [record.file_name for record in found.records]
    assert {f"good{number}.jpg" for number in range(20)} <= set(names)
    refused = {row.id for row in rows if row.expect == FILE and len(row.make) < 1_000_000}
    told = {Path(problem.place.file).stem for problem in found.problems}
    assert len(refused) > 30
    assert refused <= told
