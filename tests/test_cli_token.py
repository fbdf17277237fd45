"""``picsellia-ingest token``, against a platform that is running meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result

from picsellia_ingest.cli import main
from picsellia_ingest.server import RunningPlatform, start
from tests.leaks import _no_secret_is_left  # noqa: F401 - a fixture for all that is tested here

Run = Callable[..., Result]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningPlatform]:
    with start(tmp_path / "platform") as found:
        yield found


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(verb: str, *more: str) -> Result:
        return CliRunner().invoke(main, ["token", verb, "--root", str(tmp_path / "platform"), *more])

    return run


def ping(running: RunningPlatform, token: str) -> requests.Response:
    headers = {"Authorization": f"Token {token}"}
    return requests.get(running.address + "ping", headers=headers, timeout=5)


def test_a_token_is_shown_once_and_only_its_hash_is_kept(
    run: Run, running: RunningPlatform, tmp_path: Path
) -> None:
    made = run("create", "--user", "alice", "--organization", "acme")
    assert re.fullmatch(r"pxl_[0-9a-f]{8}_[0-9a-f]{64}\n", made.stdout)
    token = made.stdout.strip()
    assert "shown this once" in made.stderr
    assert token not in made.stderr
    assert ping(running, token).json()["username"] == "alice"
    secret = token.rpartition("_")[2].encode()
    for path in (tmp_path / "platform").rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes()
    listed = run("list").stdout
    assert listed == f"{token.split('_')[1]}  alice  acme  for ever\n"


def test_a_revoked_token_is_unknown_at_once(run: Run, running: RunningPlatform) -> None:
    kept, gone = (run("create", "--user", "alice", "--organization", "acme").stdout.strip() for _ in range(2))
    assert run("revoke", gone.split("_")[1]).exit_code == 0
    assert [ping(running, token).status_code for token in (kept, gone)] == [200, 401]
    again = run("revoke", gone.split("_")[1])
    assert (again.exit_code, again.stdout) == (2, "")


def test_a_token_ends_with_its_days(
    run: Run, running: RunningPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = run("create", "--user", "a", "--organization", "b", "--days", "1").stdout.strip()
    assert " until " in run("list").stdout
    assert ping(running, token).status_code == 200
    monkeypatch.setattr("picsellia_ingest.cli.token._DAY", -1)
    ended = run("create", "--user", "a", "--organization", "b", "--days", "1").stdout.strip()
    answer = ping(running, ended)
    assert (answer.status_code, answer.json()["error"]) == (401, "the token has expired")
    assert " expired " in run("list").stdout


def test_tokens_outlive_a_restart_and_the_owners_own_are_no_obstacle(run: Run, tmp_path: Path) -> None:
    with start(tmp_path / "platform") as running:
        owner = ping(running, running.token).json()["username"]
        token = run("create", "--user", owner, "--organization", owner).stdout.strip()
    with start(tmp_path / "platform") as running:
        assert [ping(running, one).json()["username"] for one in (running.token, token)] == [owner, owner]


@pytest.mark.parametrize(
    ("user", "organization"),
    [("alice", "other"), ("bob", "null"), ("", "acme"), ("bob", ""), ("bob", "none")],
)
def test_a_token_that_cannot_be_is_refused_in_one_line(run: Run, user: str, organization: str) -> None:
    assert run("create", "--user", "alice", "--organization", "acme").exit_code == 0
    refused = run("create", "--user", user, "--organization", organization)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: ")
    assert len(run("list").stdout.splitlines()) == 1


def test_a_folder_without_a_platform_is_named_and_left_alone(tmp_path: Path) -> None:
    for verb in (["list"], ["revoke", "1f2e3d4c"]):
        done = CliRunner().invoke(main, ["token", verb[0], "--root", str(tmp_path / "typo"), *verb[1:]])
        assert (done.exit_code, "no platform" in done.stderr) == (2, True)
    assert not (tmp_path / "typo").exists()
