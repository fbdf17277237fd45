"""``picsellia-ingest token``: who may use the embedded platform of a folder."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path

import click

from . import main
from .ends import told
from .serve import database

_DAY = 24 * 60 * 60

root = click.option(
    "--root", required=True, type=click.Path(path_type=Path), help="Folder that holds the platform's data."
)


@main.group()
def token() -> None:
    """Give out, list and revoke tokens of the embedded platform in a folder.

    \b
    picsellia-ingest token create --root platform --user alice --organization acme
    picsellia-ingest token revoke --root platform 1f2e3d4c

    What one organization has no other can see. The platform may be running meanwhile.
    """


@token.command()
@root
@database
@click.option("--user", required=True, help="Who the token is for; made when there is none of this name.")
@click.option("--organization", required=True, help="Where the user belongs; made when there is none.")
@click.option(
    "--days", type=click.IntRange(min=1), help="How long the token is good for; for ever if not given."
)
@click.option("--read-only", is_flag=True, help="The token only looks: it changes nothing.")
def create(
    root: Path, database: str | None, user: str, organization: str, days: int | None, read_only: bool
) -> None:
    """Make a token and print it. It is shown this once, since only its hash is kept.

    \b
    picsellia-ingest token create --root platform --user alice --organization acme --days 30
    """
    with told():
        from ..server import accounts_of

        with accounts_of(root, database_address=database, make=True) as accounts:
            until = int(time.time()) + days * _DAY if days else None
            made = accounts.create_token(user, organization, until, read_only=read_only)
    click.echo(made)
    click.echo(
        f"a token of {user} in {organization}, shown this once: keep it, or export PICSELLIA_TOKEN", err=True
    )


@token.command(name="list")
@root
@database
def list_tokens(root: Path, database: str | None) -> None:
    """Print the id, the user, the organization and the end of each token; never the token.

    \b
    picsellia-ingest token list --root platform
    """
    with told():
        from ..server import accounts_of

        with accounts_of(root, database_address=database) as accounts:
            found = accounts.tokens()
    for one in found:
        click.echo(
            f"{one.name}  {one.username}  {one.organization}  {_until(one.expires)}{'  reads only' if one.read_only else ''}"
        )


@token.command()
@root
@database
@click.argument("name")
def revoke(root: Path, database: str | None, name: str) -> None:
    """Make the token of an id unknown, at once.

    \b
    picsellia-ingest token revoke --root platform 1f2e3d4c
    """
    with told():
        from ..server import accounts_of

        with accounts_of(root, database_address=database) as accounts:
            accounts.revoke(name)
    click.echo(f"revoked {name}")


def _until(expires: int | None) -> str:
    if expires is None:
        return "for ever"
    end = datetime.fromtimestamp(expires, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return f"until {end}" if expires > time.time() else f"expired {end}"
