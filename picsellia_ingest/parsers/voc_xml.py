"""One XML file, read without trusting it.

lxml parses bytes that were read here: no network, no DTD, no entity, no more than 256 levels, no more than
``MAX_BYTES``. A file that declares or uses entities is refused before they could cost anything. Whatever is not VOC is
refused with its place and with what it looks like. Namespaces are dropped: only local names count.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any, TypeAlias, cast

from lxml import etree

from ..errors import InputError
from ..problems import Place, Problem, Unit
from .looks import IRREGULAR, looks_like, remedy

Element: TypeAlias = etree._Element

MAX_BYTES, MAX_TAGS = 32 << 20, 2_400_000
"""Files beyond this are refused unparsed: a VOC file has a few kilobytes, and its tree takes 200 bytes a tag."""

_DEEPEST = 50
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PROLOG = re.compile(r"<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(\[.*?\]\s*)?>", re.S)
_ROOT = re.compile(r"\s*<(?:[\w.-]+:)?([\w.-]+)")
_DECLARATION = re.compile(rb"<\?xml\s[^>]*\?>")
_ENCODING = re.compile(rb"""\s+encoding\s*=\s*["']([^"']*)["']""")
_WIDE = re.compile(rb"(utf|ucs)-?(16|2|32|4)(le|be)?$", re.I)
_OTHERS = {
    "annotations": "CVAT XML",
    "html": "an HTML page",
    "svg": "an SVG picture",
    "project": "a build file",
    "alto": "ALTO XML",
    "pcgts": "PAGE XML",
    "dataset": "dlib XML",
}
_HINTS = {
    "xmlParseEntityRef": "write &amp; for &",
    "Premature end": "the file was cut off: copy or download it again",
    "character encoding": "save it as UTF-8, or name its encoding in the first line",
    "proper UTF-8": "save it as UTF-8, or name its encoding in the first line",
    "Excessive depth": "a VOC file has five levels",
}


def parse(data: bytes, shown: str) -> Element:
    """The ``annotation`` element of the content of a file that reports call ``shown``. Raises InputError."""
    narrow = data.replace(b"\0", b"")
    if b"<!DOCTYPE" in narrow and b"<!ENTITY" in narrow:
        raise _entities(shown)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _syntax(data, shown, error) from error
    # An encoding may have hidden <!ENTITY until now; unresolved, an entity has cost nothing yet.
    if next(root.iter(etree.Entity), None) is not None:
        raise _entities(shown)
    if local(root) != "annotation":
        what = _OTHERS.get(local(root).lower(), "another kind of XML")
        hint = "give a file whose root element is <annotation>"
        message = f"this is not a PASCAL-VOC file: its root element is <{local(root)}>, it looks like {what}"
        raise _rejected("not_voc", message, shown, hint, line(root))
    return root


def content(path: Path, shown: str) -> bytes:
    """The content of a file, as it may be parsed. Raises InputError."""
    try:
        if not path.is_file():
            raise _rejected("not_a_file", f"this is {IRREGULAR}", shown, "remove it, or give a file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _rejected("unreadable", f"cannot read the file: {error.strerror}", shown) from error
    if len(data) > MAX_BYTES or data.count(b"<") > MAX_TAGS:
        message = f"the file has more than {MAX_BYTES >> 20} MB or {MAX_TAGS} tags: this is no VOC file of one image"
        raise _rejected("file_too_large", message, shown, "give one file for each image")
    text = data.removeprefix(codecs.BOM_UTF8)
    if not text.strip():
        raise _rejected(
            "empty_file", "the file is empty", shown, "was a tool stopped while it wrote it? remove it"
        )
    return data if data.startswith(_UTF16) else _declared(text, shown)


def _declared(content: bytes, shown: str) -> bytes:
    """The content without blank lines before its declaration, or a claim to be UTF-16 that cannot be true."""
    stripped = content.lstrip()
    found = _DECLARATION.match(stripped[:1024])
    if found is None:
        return content
    declaration = found.group()
    encoding = _ENCODING.search(declaration)
    if encoding is not None:
        if b"utf7" in re.sub(rb"[^a-z0-9]", b"", encoding.group(1).lower()):
            raise _rejected("xml_encoding", "the file is declared to be UTF-7", shown, "save it as UTF-8")
        if _WIDE.match(encoding.group(1)):  # .NET writes this into UTF-8 files
            declaration = declaration.replace(encoding.group(), b"")
    # Blank lines go behind the declaration, so that line numbers stay true.
    blank = content[: len(content) - len(stripped)].count(b"\n")
    return declaration + b"\n" * blank + stripped[found.end() :]


def _syntax(data: bytes, shown: str, error: etree.XMLSyntaxError) -> InputError:
    line, column = error.position
    head = data[:4096]
    looks = "" if head.lstrip().startswith((b"<", b"\0<", *_UTF16)) else looks_like(head)
    if data[:1] == b"<" and looks_like(head) == "an HTML page":
        looks = "an HTML page"
    text = (error.msg or "").split("\n")[0].rsplit(", line", 1)[0]
    if looks:
        return _rejected(
            "not_xml",
            f"this is not XML: it looks like {looks}",
            shown,
            remedy(looks) or "give a PASCAL-VOC file",
            line,
            column,
        )
    last = data[data.rfind(b"\n") + 1 :]
    at_the_end = line > data.count(b"\n") and column > len(last)
    otherwise = _HINTS["Premature end"] if at_the_end else "mend the file at this place"
    hint = next((hint for part, hint in _HINTS.items() if part in text), otherwise)
    return _rejected("xml_syntax", f"the XML is broken: {text}", shown, hint, line, column)


def _entities(shown: str) -> InputError:
    message = "the file declares or uses XML entities: they can hide files, addresses and gigabytes of text"
    return _rejected("xml_entities", message, shown, "write the text itself, without <!ENTITY>")


def _rejected(
    code: str, message: str, shown: str, hint: str = "", line: int | None = None, column: int | None = None
) -> InputError:
    return InputError(Problem(code, message, Place(shown, line, column), unit=Unit.FILE, hint=hint))


def root_name(head: bytes) -> str | None:
    """The local name of the first element, from the beginning of a file; None when there is none."""
    wide = head.startswith(_UTF16) or b"\0" in head[:4]
    text = head.replace(b"\0", b"").lstrip(b"\xff\xfe\xef\xbb\xbf").decode("latin-1")
    found = _ROOT.match(_PROLOG.sub("", text))
    return found.group(1) if found and (wide or b"\0" not in head) else None


def local(element: Element) -> str:
    """An element's name without its namespace."""
    tag = element.tag
    return tag if type(tag) is str and "}" not in tag else str(tag).rpartition("}")[2]


def line(element: Element) -> int | None:
    """The line an element begins on, counted from 1."""
    return cast("int | None", element.sourceline)


def text(element: Element | None) -> str:
    """An element's text without the white space around it; empty when there is none."""
    return (element.text or "").strip() if element is not None else ""


def children(element: Element, name: str) -> list[Element]:
    """The direct children of that name."""
    return [child for child in element if local(child) == name]


def grouped(element: Element) -> dict[str, list[Element]]:
    """The direct children by name, in their order."""
    found: dict[str, list[Element]] = {}
    for child in element:
        found.setdefault(local(child), []).append(child)
    return found


def value(element: Element, without: frozenset[str] = frozenset(), depth: int = 0) -> Any:
    """An element as plain values, verbatim, without the children named.

    Text alone is a ``str``. Otherwise a ``dict``: children by name, a list where a name is repeated, XML attributes as
    ``@name``, text beside them as ``#text``. What lies deeper than 50 levels stays XML text.
    """
    if depth > _DEEPEST:
        return etree.tostring(element, encoding="unicode")
    found: dict[str, Any] = {f"@{str(key).rpartition('}')[2]}": str(entry) for key, entry in element.items()}
    repeated: set[str] = set()
    for child in element:
        name = local(child)
        if name in without:
            continue
        bare = depth < _DEEPEST and len(child) == 0 and not child.attrib
        inner = (child.text or "") if bare else value(child, depth=depth + 1)
        if name in repeated:
            found[name].append(inner)
        elif name in found:
            repeated.add(name)
            found[name] = [found[name], inner]
        else:
            found[name] = inner
    own = element.text or ""
    if len(element) == 0 and not found:
        return own
    if own.strip():
        found["#text"] = own
    return found
