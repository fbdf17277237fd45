"""What is particular to rows in PostgreSQL; that the store's promises hold there, the other modules prove."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from picsellia_ingest.client import Client
from picsellia_ingest.errors import InvalidQueryError, ServerError
from picsellia_ingest.server import accounts_of, start
from picsellia_ingest.server.postgresql import postgresql_url
from tests.paths import FIXTURES
from tests.server.caller import RECTANGLE, Caller
from tests.server.postgres import PASSWORD, Postgres

pytestmark = pytest.mark.slow
DEMO = FIXTURES / "COCO" / "demo"


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    with postgres.database() as address:
        yield address


def refused(root: Path, database: str | None) -> str:
    with pytest.raises(ServerError) as found:
        start(root, database=database)
    return str(found.value)


def test_an_upload_arrives_whole_and_is_proven(root: Path, database: str, tmp_path: Path) -> None:
    with start(root, database=database, strict=True) as running:
        datalake = Client.Datalake(running.token, host=running.address)
        for sent in (4, 0):
            report = datalake.upload(
                "crates", imgdir=DEMO / "images", ann_path=DEMO / "instances.json", journal=tmp_path / "j", quiet=True
            )  # fmt: skip
            assert (report.exit_code, report.verified, report.images.uploaded) == (0, True, sent)


@pytest.mark.parametrize(
    "address",
    [
        "mysql://a/b",
        "postgresql://host",
        "sqlite:///x",
        "nonsense",
        "postgresql://[",
        "postgresql+psycopg2://a/b",
    ],
)
def test_an_address_of_another_kind_is_refused_with_the_form_to_write(address: str) -> None:
    with pytest.raises(InvalidQueryError, match="postgresql://user@host:port/name"):
        postgresql_url(address)


def test_a_wrong_password_and_an_absent_server_are_said_in_one_line_without_the_password(
    root: Path, postgres: Postgres
) -> None:
    for address in (postgres.address("postgres", "wrongcanary"), "postgresql://me:wrongcanary@127.0.0.1:1/x"):
        text = refused(root, address)
        assert "cannot be used" in text
        assert "\n" not in text
        assert "wrongcanary" not in text


def test_a_database_that_is_not_utf_8_is_refused_before_anything_is_made(
    root: Path, postgres: Postgres
) -> None:
    postgres.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
    assert "LATIN1" in refused(root, postgres.address("latin"))
    postgres.sql("DROP DATABASE latin")


def test_rows_and_folder_belong_together(root: Path, tmp_path: Path, database: str) -> None:
    with start(root, database=database) as running:
        Caller.of(running).session.close()
    assert "another folder" in refused(tmp_path / "other", database)
    assert "--database" in refused(root, None)
    with start(tmp_path / "other") as running:
        assert running.token
    assert "platform.db" in refused(tmp_path / "other", database)
    with start(root, database=database) as running:
        Caller.of(running).session.close()


def test_a_newer_schema_is_refused(root: Path, postgres: Postgres) -> None:
    postgres.sql("CREATE DATABASE newer TEMPLATE template0 ENCODING 'UTF8'")
    with start(root, database=postgres.address("newer")):
        pass
    url = postgres.address("newer")
    subprocess.run(
        [sys.executable, "-c", "import psycopg, sys\n"
         "with psycopg.connect(sys.argv[1]) as c: c.execute(\"UPDATE setting SET value = '99' WHERE key = 'schema'\")", url],
        check=True, timeout=30,
    )  # fmt: skip
    assert "schema 99" in refused(root, url)
    postgres.sql("DROP DATABASE newer WITH (FORCE)")


def test_a_name_longer_than_an_index_takes_is_refused_and_a_long_line_of_a_log_is_kept_once(
    root: Path, database: str
) -> None:
    # Random letters: the server would press repeated ones.
    text = os.urandom(5000).hex()
    with start(root, database=database) as running:
        owner = Caller.of(running)
        with owner.session:
            assert owner.call("POST", "network/null", {"name": text, "type": "t"}).status_code == 400
            owner.ok("POST", "network/null", {"name": "n", "type": "t"})
            project = owner.ok("PUT", "project/null", {"project_name": "p", "type": "t"})["project_id"]
            made = owner.ok("POST", f"experiment/{project}", {"name": "e"})["id"]
            line = {"experiment_id": made, "line_nb": 2**62, "log": text, "part": "train"}
            for _ in range(2):
                owner.ok("POST", "experiment/send_experiment_logging", line)
            assert [one["log"] for one in owner.ok("GET", f"experiment/{made}/logging")["lines"]] == [text]


def test_what_was_answered_is_there_after_the_platform_was_killed(
    root: Path, database: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "picsellia_ingest", "serve", "--root", str(root), "--port", "0"]
    environment = {**os.environ, "PICSELLIA_DATABASE": database, "PICSELLIA_TOKEN": "a" * 40}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as serving:
        assert serving.stdout is not None
        told = serving.stdout.readline()
        owner = Caller(told.split(" at ")[1].strip(), "a" * 40)
        with owner.session:
            dataset = owner.dataset("a.jpg", "b.jpg")
            assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k").status_code == 200
        serving.send_signal(signal.SIGKILL)
    assert PASSWORD not in told
    with start(root, database=database) as running:
        owner = Caller.of(running)
        with owner.session:
            assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k").status_code == 200
            assert owner.record(dataset, "a.jpg")["annotations"] == [RECTANGLE]


def test_a_platform_goes_on_when_its_database_was_restarted(
    root: Path, postgres: Postgres, database: str
) -> None:
    with start(root, database=database) as running:
        owner = Caller.of(running)
        with owner.session:
            owner.picture("a.jpg")
            postgres.stop()
            assert owner.call("GET", "ping").status_code == 500
            postgres.start()
            owner.picture("b.jpg")
            assert len(owner.ok("GET", f"datalake/{owner.org}")["pictures"]) == 2


def test_tokens_are_given_out_while_the_platform_runs(root: Path, database: str) -> None:
    with start(root, database=database) as running:
        with accounts_of(root, database_address=database) as accounts:
            token = accounts.create_token("alice", "acme")
        caller = Caller(running.address, token)
        with caller.session:
            assert caller.ok("GET", f"datalake/{caller.org}") == {"pictures": []}
