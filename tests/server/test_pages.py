"""The pages over HTTP: what they show, to whom, and that nothing of what they show can act."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

import pytest
import requests

from picsellia_ingest.server import RunningPlatform
from tests.server.browser import Browser, box, dataset, picture, plain, png, ring
from tests.server.caller import Caller
from tests.server.conftest import STRANGER

HOSTILE = {
    "markup": "<img src=x onerror=alert(1)>",
    "script": "</title></text></svg><script>alert(1)</script>",
    "quotes": '" onload="alert(1)" x=\'',
    "line ends": "a\r\nSet-Cookie: x=y",
    "right to left": "gpj.\u202eexe",
    "template": "{{ 7*7 }}{% raw %}",
    "long": "x" * 1000,
    "address": "javascript:alert(1)//../..?&#%2e",
}


def test_datasets_are_listed_with_version_size_and_how_many_are_annotated(
    owner: Caller, browser: Browser
) -> None:
    assert "There is no dataset yet" in browser.text("/")
    made = dataset(owner, [picture(owner, "a.png"), picture(owner, "b.png")])
    owner.annotate(made, "a.png", box("crane", 1, 2, 3, 4))
    said = browser.text("/")
    assert "harbour first 2 pictures, 1 annotated" in said
    assert f"/datasets/{made}" in browser.get("/").text


def test_a_dataset_shows_its_pictures_and_the_counts_of_its_labels(owner: Caller, browser: Browser) -> None:
    made = dataset(owner, [picture(owner, f"{n}.png") for n in range(3)])
    owner.annotate(made, "0.png", box("crane", 1, 2, 3, 4), box("crane", 5, 5, 5, 5))
    owner.annotate(made, "1.png", box("crane", 1, 2, 3, 4), ring("crane", (1, 1), (9, 1), (9, 9)))
    owner.annotate(made, "1.png", box("ship", 1, 2, 3, 4))
    said = browser.text(f"/datasets/{made}")
    assert "3 pictures, 2 annotated, 5 instances" in said
    assert "crane 3 rectangle · 2 pictures" in said
    assert "crane 1 polygon · 1 picture" in said
    assert "ship 1 rectangle · 1 picture" in said
    assert re.findall(r"\d\.png", said) == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "012"),
        ("?label=crane", "01"),
        ("?label=ship", "1"),
        ("?tag=night", "02"),
        ("?label=crane&tag=night", "0"),
        ("?bare=1", "2"),
        ("?bare=1&tag=day", ""),
        ("?label=unknown", ""),
        ("?tag=unknown", ""),
    ],
)
def test_pictures_are_chosen_by_label_by_tag_and_by_lacking_an_annotation(
    owner: Caller, browser: Browser, query: str, names: str
) -> None:
    tags = {"0.png": ["night"], "1.png": ["day"], "2.png": ["night"]}
    made = dataset(owner, [picture(owner, name, tags=given) for name, given in tags.items()])
    picture(owner, "elsewhere.png", tags=["night"])
    owner.annotate(made, "0.png", box("crane", 1, 2, 3, 4))
    owner.annotate(
        made,
        "1.png",
        box("crane", 1, 2, 3, 4),
        ring("crane", (1, 1), (9, 1), (9, 9)),
        box("ship", 0, 0, 9, 9),
    )
    said = browser.text(f"/datasets/{made}{query}")
    assert re.findall(r"(\d)\.png", said) == [*names]
    assert f" {len(names)} picture" in said.partition("Labels")[2]
    assert ("No picture is like that" in said) == (not names)


def test_the_figures_follow_what_is_added_copied_and_removed(owner: Caller, browser: Browser) -> None:
    made = dataset(owner, [picture(owner, "0.png"), picture(owner, "1.png")])
    for name in ("0.png", "1.png", "0.png"):
        owner.annotate(made, name, box("crane", 1, 2, 3, 4))
    assert "crane 3 rectangle · 2 pictures" in browser.text(f"/datasets/{made}")
    copy = owner.ok("PUT", f"dataset/{owner.org}/new_version", {"name": "harbour", "version": "second"})["pk"]
    (first, *_) = owner.ok("GET", f"picture/{made}")["pictures"]
    owner.ok("DELETE", f"annotation/{made}/{first['picture_id']}")
    assert "crane 1 rectangle · 1 picture " in browser.text(f"/datasets/{made}")
    assert "crane 3 rectangle · 2 pictures" in browser.text(f"/datasets/{copy}")
    assert re.findall(r"(\d)\.png", browser.text(f"/datasets/{copy}?label=crane")) == ["0", "1"]
    owner.ok("DELETE", f"annotation/{copy}")
    assert "crane 0 rectangle · 0 pictures" in browser.text(f"/datasets/{copy}")


def test_a_repeated_request_is_counted_once(owner: Caller, browser: Browser) -> None:
    made = dataset(owner, [picture(owner, "0.png")])
    for _ in range(2):
        assert owner.annotate(made, "0.png", box("crane", 1, 2, 3, 4), Idempotency_Key="k").status_code == 200
    assert "crane 1 rectangle" in browser.text(f"/datasets/{made}")


def test_pages_of_pictures_are_walked_with_the_filter_kept(owner: Caller, browser: Browser) -> None:
    made = dataset(owner, [picture(owner, f"{n:02}.png", png(), tags=["t"]) for n in range(50)])
    seen, path, pages = [], f"/datasets/{made}?tag=t", 0
    while path:
        page = browser.get(path).text
        seen += re.findall(r"(\d\d)\.png</bdi>", page)
        found = re.search(r'href="([^"]*)" rel="next"', page)
        path, pages = html.unescape(found[1]) if found else "", pages + 1
    assert seen == [f"{n:02}" for n in range(50)]
    assert pages == 2
    assert browser.get(f"/datasets/{made}?page=3").status_code == 404
    for wrong in ("0", "-1", "x", "1.5", "9" * 30, "²"):
        assert browser.get(f"/datasets/{made}?page={wrong}").status_code == 400
    assert browser.get(f"/datasets/{made}?label=%00").status_code == 400


def test_a_picture_shows_its_objects_their_answers_its_tags_and_its_datasets(
    owner: Caller, browser: Browser
) -> None:
    uuid = picture(owner, "a.png", tags=["night"])
    made = dataset(owner, [uuid])
    moving = {"type": "select", "question": "Is it moving?", "answer": "no", "choices": ["yes", "no"]}
    rust = {"type": "range", "question": "Rust", "answer": 35, "min": 0, "max": 100}
    wet = {
        "type": "mc",
        "question": "Conditions",
        "answer": ["wet", "dark"],
        "choices": ["wet", "dark", "dry"],
    }
    objects = [box("crane", 1, 2, 3, 4, qa=[moving, rust]), {"type": "classification", "label": "fog"}]
    owner.annotate(made, "a.png", *objects, more={"image_qa": [wet]})
    said = browser.text(f"/datasets/{made}/{uuid}")
    for part in (
        "2 instances", "1 crane rectangle Is it moving? no Rust 35 (from 0 to 100)", "2 fog classification",
        "Conditions wet, dark", "Tags night", "Datasets that have it harbour first", "40 × 30 pixels",
    ):  # fmt: skip
        assert part in said, part
    in_the_lake = browser.text(f"/lake/{uuid}")
    assert "Datasets that have it harbour first" in in_the_lake
    assert "crane" not in in_the_lake


def test_answers_of_any_shape_are_shown(owner: Caller, browser: Browser) -> None:
    uuid = picture(owner, "a.png")
    made = dataset(owner, [uuid])
    odd = [{"question": None, "answer": {"deep": [1]}}, {}, {"question": "q"}]
    owner.annotate(
        made,
        "a.png",
        box("a", 1, 2, 3, 4, qa="text"),
        box("b", 1, 2, 3, 4, qa=[1, *odd]),
        more={"image_qa": odd},
    )
    assert '{"deep":[1]}' in browser.text(f"/datasets/{made}/{uuid}")


def test_nothing_else_in_an_address_changes_where_the_pager_leads(owner: Caller, browser: Browser) -> None:
    made = dataset(owner, [picture(owner, f"{n}.png") for n in range(49)])
    answer = browser.get(f"/datasets/{made}?_external=1&_scheme=javascript&endpoint=x&values=y&uuid=z&label=")
    assert answer.status_code == 200
    assert set(re.findall(r'href="([^"]*)" rel="(?:next|last)"', answer.text)) == {f"/datasets/{made}?page=2"}


def test_what_is_too_much_to_draw_is_counted(owner: Caller, browser: Browser) -> None:
    uuid = picture(owner, "a.png")
    made = dataset(owner, [uuid])
    owner.annotate(made, "a.png", *(box("crane", n % 30, 1, 5, 5) for n in range(1200)))
    said = browser.text(f"/datasets/{made}/{uuid}")
    assert "200 instances are not drawn" in said
    assert "200 more are not listed" in said
    assert browser.get(f"/datasets/{made}/{uuid}").text.count('class="instance"') == 1000


def test_the_pictures_before_and_after_are_those_of_the_filter(owner: Caller, browser: Browser) -> None:
    uuids = [picture(owner, f"{n}.png", tags=["odd" if n % 2 else "even"]) for n in range(5)]
    made = dataset(owner, uuids)
    page = browser.get(f"/datasets/{made}/{uuids[2]}?tag=even").text
    assert re.findall(r'rel="(prev|next)" href="([^"]*)"', page) == [
        ("prev", f"/datasets/{made}/{uuids[0]}?tag=even"),
        ("next", f"/datasets/{made}/{uuids[4]}?tag=even"),
    ]
    page = browser.get(f"/lake/{uuids[0]}").text
    assert re.findall(r'rel="(prev|next)" href="([^"]*)"', page) == [("next", f"/lake/{uuids[1]}")]


def test_a_bridge_to_a_hole_is_no_outline(owner: Caller, browser: Browser) -> None:
    uuid = picture(owner, "a.png")
    made = dataset(owner, [uuid])
    outline = [(0, 0), (30, 0), (30, 30), (0, 30)]
    hole = [(10, 10), (10, 20), (20, 20), (20, 10)]
    owner.annotate(made, "a.png", ring("crane", *outline, outline[0], *hole, hole[0]))
    page = browser.get(f"/datasets/{made}/{uuid}").text
    (edge,) = re.findall(r'<path d="([^"]*)" class="line"', page)
    assert edge == "M0,0 30,0 30,30 0,30 0,0M10,10 10,20 20,20 20,10 10,10"


def test_a_label_keeps_its_colour_from_page_to_page_and_in_a_new_version(
    owner: Caller, browser: Browser
) -> None:
    uuids = [picture(owner, "0.png"), picture(owner, "1.png")]
    made = dataset(owner, uuids)
    owner.annotate(made, "0.png", box("crane", 1, 2, 3, 4))
    owner.annotate(made, "1.png", box("ship", 1, 2, 3, 4))
    copy = owner.ok("PUT", f"dataset/{owner.org}/new_version", {"name": "harbour", "version": "v"})["pk"]
    colours: dict[str, set[str]] = {}
    for path in (f"{made}", f"{copy}", f"{made}/{uuids[0]}", f"{copy}/{uuids[1]}"):
        for colour, label in re.findall(
            r'fill="([^"]*)"/></svg><bdi[^>]*>(crane|ship)<', browser.get(f"/datasets/{path}").text
        ):
            colours.setdefault(label, set()).add(colour)
    assert {label: len(found) for label, found in colours.items()} == {"crane": 1, "ship": 1}
    assert colours["crane"] != colours["ship"]


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_names_are_shown_as_text(owner: Caller, browser: Browser, kind: str) -> None:
    name = HOSTILE[kind]
    uuid = picture(owner, name, tags=[name])
    made = dataset(owner, [uuid], name)
    asked = {"type": "text", "question": name, "answer": name}
    assert (
        owner.annotate(made, name, box(name, 1, 2, 3, 4, qa=[asked]), more={"image_qa": [asked]}).status_code
        == 200
    )
    seen = name.replace("\r", "␍").replace("\n", "␊").replace("\u202e", "⟨U+202E⟩")
    for path in (
        "/", "/lake", f"/datasets/{made}", f"/datasets/{made}/{uuid}", f"/lake/{uuid}",
        f"/datasets/{made}?label={quote(name, safe='')}&tag={quote(name, safe='')}",
    ):  # fmt: skip
        page = browser.get(path).text
        assert seen in html.unescape(page), path
        assert "<script" not in page
        assert not re.search(r"<[^>]*\s(on\w+|style)=(?=[\"']?alert)", re.sub(r'"[^"]*"', '""', page))
        assert set(re.findall(r'\b(?:href|src|action)="([^"/#])', page)) == set()
        assert "49" not in plain(page) or kind != "template"
        assert "\u202e" not in html.unescape(re.sub(r'value="[^"]*"', "", page))


def test_every_page_has_the_headers_that_keep_it_from_acting(
    owner: Caller, browser: Browser, running: RunningPlatform
) -> None:
    uuid = picture(owner, "a.png")
    made = dataset(owner, [uuid])
    paths = [
        "/",
        "/lake",
        f"/lake/{uuid}",
        f"/datasets/{made}",
        f"/datasets/{made}/{uuid}",
        "/enter",
        "/datasets/x",
    ]
    for answer in [*(browser.get(path) for path in paths), requests.get(running.page, timeout=5)]:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self';")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Content-Type"].startswith("text/html")
        assert not re.search(r"\sstyle=|<script|https?://", answer.text)
    for path in (f"/pictures/{uuid}/image", f"/pictures/{uuid}/thumbnail"):
        headers = browser.get(path).headers
        assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_user_of_another_organization_finds_none_of_it(
    owner: Caller, stranger: Caller, running: RunningPlatform
) -> None:
    uuid = picture(owner, "secret.png", tags=["hidden"])
    made = dataset(owner, [uuid])
    owner.annotate(made, "secret.png", box("crane", 1, 2, 3, 4))
    browser = Browser(running, STRANGER)
    for path in (
        f"/datasets/{made}", f"/datasets/{made}/{uuid}", f"/lake/{uuid}", f"/pictures/{uuid}/image", f"/pictures/{uuid}/thumbnail",
    ):  # fmt: skip
        answer = browser.get(path)
        assert answer.status_code == 404, path
        assert "secret" not in answer.text
    for path in ("/", "/lake", "/lake?tag=hidden", "/lake?label=crane"):
        said = browser.text(path)
        assert "secret" not in said
        assert "harbour" not in said
        assert "hidden (" not in said


def test_a_picture_that_a_dataset_does_not_have_is_not_in_it(owner: Caller, browser: Browser) -> None:
    made = dataset(owner, [picture(owner, "a.png")])
    assert browser.get(f"/datasets/{made}/{picture(owner, 'b.png')}").status_code == 404


def test_an_address_of_nothing_is_a_page_for_a_browser_and_json_for_a_client(browser: Browser) -> None:
    answer = browser.get("/nothing", Accept="text/html,*/*")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "Nothing is here" in answer.text
    assert browser.get("/nothing").json() == {"error": browser.get("/nothing").json()["error"]}
    assert browser.get("/sdk/v2/nothing", Accept="text/html").headers["Content-Type"] == "application/json"
