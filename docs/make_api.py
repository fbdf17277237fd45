"""Writes docs/api.md: the signature and docstring of each public name, with its example from docs/examples.txt.

``make docs`` runs it. A test runs the examples, and holds the page against what this writes now.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import picsellia_ingest
from picsellia_ingest.client import Client

HERE = Path(__file__).parent
PAGE, EXAMPLES = HERE / "api.md", HERE / "examples.txt"
_WIDTH = 100
_HEAD = """# API reference

Written by `make docs` from the docstrings, and from `docs/examples.txt`, whose examples are one story: a new user in an
empty folder that holds the images and annotations of `fixtures/COCO/demo` as `crates/`. All of them are run by the tests.
`host="local:platform"` is the embedded platform in a folder; without it, and with a token, everything is the same.
"""


def examples() -> dict[str, str]:
    """The example of each name, in the order of the story."""
    parts = re.split(r"^## (.+)\n", EXAMPLES.read_text(), flags=re.M)[1:]
    return {name: code.strip() for name, code in zip(parts[::2], parts[1::2], strict=True)}


def public() -> Iterator[tuple[str, Any]]:
    """Every public name of the client with what it is, classes before what is in them; then the functions."""
    yield from _within("Client", Client)
    for name in picsellia_ingest.__all__:
        if callable(getattr(picsellia_ingest, name)):
            yield f"picsellia_ingest.{name}", getattr(picsellia_ingest, name)


def _within(name: str, owner: type) -> Iterator[tuple[str, Any]]:
    yield name, owner
    classes = []
    for attribute in dir(owner):
        found = inspect.getattr_static(owner, attribute)
        if attribute.startswith("_") or not (callable(found) or isinstance(found, (property, classmethod))):
            continue
        if inspect.isclass(found):
            classes.append((f"{name}.{attribute}", found))
        else:
            yield f"{name}.{attribute}", found if isinstance(found, property) else getattr(owner, attribute)
    for nested, found in classes:
        yield from _within(nested, found)


def page() -> str:
    """The whole page."""
    known = examples()
    return _HEAD + "".join(_section(name, found, known[name]) for name, found in public())


def _section(name: str, found: Any, example: str) -> str:
    level = "##" if inspect.isclass(found) else "###"
    text = (inspect.getdoc(found) or "").replace("``", "`")
    return f"\n{level} {name}\n\n```python\n{_signature(name, found)}\n```\n\n{text}\n\n```pycon\n{example}\n```\n"


def _signature(name: str, found: Any) -> str:
    short = name.rpartition(".")[2]
    if isinstance(found, property):
        return short
    signature = inspect.signature(found)
    shown: list[str] = []
    for one in signature.parameters.values():
        if one.name in ("self", "session"):
            continue
        if one.kind is one.KEYWORD_ONLY and not any(text.startswith("*") for text in shown):
            shown.append("*")
        shown.append(_parameter(one))
    answer = signature.return_annotation
    tail = "" if answer in (inspect.Signature.empty, "None") else f" -> {_plain(answer)}"
    line = f"{short}({', '.join(shown)}){tail}"
    if len(line) <= _WIDTH:
        return line
    inner = "".join(f"    {text},\n" for text in shown)
    return f"{short}(\n{inner}){tail}"


def _parameter(one: inspect.Parameter) -> str:
    marks = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}
    text = f"{marks.get(one.kind, '')}{one.name}: {_plain(one.annotation)}"
    return text if one.default is one.empty else f"{text} = {one.default!r}"


def _plain(annotation: Any) -> str:
    return str(annotation).replace("builtins.", "")


if __name__ == "__main__":
    PAGE.write_text(page())
