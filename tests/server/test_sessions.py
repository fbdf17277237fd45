"""Signing in to the pages and out of them."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest
import requests

from picsellia_ingest.server import RunningPlatform, accounts_of
from tests.server.browser import Browser
from tests.server.caller import Caller


def test_a_token_typed_in_opens_a_session_and_leads_to_the_page_that_was_asked_for(
    running: RunningPlatform,
) -> None:
    with requests.Session() as session:
        asked = session.get(running.page + "lake?tag=x", timeout=5)
        assert asked.status_code == 401
        assert 'name="next" value="/lake?tag=x"' in asked.text
        data = {"token": f" {running.token} ", "next": "/lake?tag=x"}
        headers = {"Origin": running.page.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        answer = session.post(running.page + "enter", data, headers=headers, allow_redirects=False, timeout=5)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/lake?tag=x")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert running.token not in cookie
        assert session.get(running.page, timeout=5).status_code == 200


@pytest.mark.parametrize(
    "then",
    [
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "http://evil.example",
        "evil",
        "",
        "/\r\nX: y",
        "/ x",
    ],
)
def test_signing_in_leads_to_no_other_site(running: RunningPlatform, then: str) -> None:
    answer = requests.get(running.entrance(then), allow_redirects=False, timeout=5)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_an_invitation_is_good_once(running: RunningPlatform) -> None:
    address = running.entrance()
    statuses = [requests.get(address, timeout=5).status_code for _ in range(2)]
    assert statuses == [HTTPStatus.OK, HTTPStatus.UNAUTHORIZED]


def test_signing_out_ends_the_session_on_the_platform_too(running: RunningPlatform, browser: Browser) -> None:
    (kept,) = [(cookie.name, cookie.value) for cookie in browser.session.cookies]
    answer = browser.session.post(running.page + "leave", timeout=5)
    assert answer.url == running.page + "enter"
    assert not browser.session.cookies
    again = requests.get(running.page, cookies={kept[0]: str(kept[1])}, timeout=5)
    assert again.status_code == 401


def test_a_revoked_token_ends_the_sessions_it_opened(running: RunningPlatform, root: Path) -> None:
    with accounts_of(root) as accounts:
        token = accounts.create_token("late", "elsewhere")
        browser = Browser(running, token)
        assert browser.get("/").status_code == 200
        accounts.revoke(token.split("_")[1])
    assert browser.get("/").status_code == 401


def test_a_session_is_no_token_and_a_token_is_no_session(
    running: RunningPlatform, browser: Browser, owner: Caller
) -> None:
    assert browser.get("/sdk/v2/ping").status_code == 401
    assert owner.session.get(running.page, timeout=5).status_code == 401
