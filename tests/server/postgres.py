"""A PostgreSQL server of Debian's packages for the tests, on a free port of 127.0.0.1, with a database for each."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy import create_engine, text

from picsellia_ingest.server.database import Database
from picsellia_ingest.server.postgresql import postgresql_url

PASSWORD = "canary-of-the-database"


def programs() -> Path | None:
    """The folder of the newest server's programs, if there is one."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return installed[-1].parent if installed else None


class Postgres:
    """A running server; it refuses to be run by root, so its own user runs it then."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._user = "postgres" if os.geteuid() == 0 else None
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs; what it says is in its log."""
        with (self._folder / "log").open("a") as log:
            subprocess.run(
                [str(self._programs / program), *arguments],
                check=True, stdout=log, stderr=log, user=self._user, cwd=self._folder, timeout=60,
            )  # fmt: skip

    def start(self) -> None:
        """Start it on its data; the disk is not waited for, which tests can do without."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self._folder}"
        self.run("pg_ctl", "start", "-w", "-D", str(self._folder / "data"), "-o", options)

    def stop(self) -> None:
        """Stop it at once."""
        self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self._folder / "data"))

    def address(self, name: str, password: str = PASSWORD) -> str:
        """The address of a database."""
        return f"postgresql://tester:{password}@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str) -> None:
        """Run a statement outside a transaction."""
        engine = create_engine(postgresql_url(self.address("postgres")), isolation_level="AUTOCOMMIT")
        with closing(engine.connect()) as conn:
            conn.execute(text(statement))
        engine.dispose()

    @cached_property
    def _template(self) -> str:
        self.sql("CREATE DATABASE made TEMPLATE template0 ENCODING 'UTF8'")
        Database(postgresql_url(self.address("made"))).close()
        return "made"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a database whose tables are made and empty."""
        name = f"t{uuid.uuid4().hex}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        yield self.address(name)
        self.sql(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_server(programs: Path) -> Iterator[Postgres]:
    """A new server, gone with its data at the end."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.geteuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    (folder / "password").write_text(PASSWORD)
    (folder / "log").touch()
    server = Postgres(programs, folder)
    try:
        server.run(
            "initdb", "-D", str(folder / "data"), "-U", "tester", "-E", "UTF8", "--locale=C", "--no-sync",
            "--auth=scram-sha-256", f"--pwfile={folder / 'password'}",
        )  # fmt: skip
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
