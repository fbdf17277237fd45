"""After each test, no secret that was used in it may stand in anything that it left: files, output, logs.

Secrets are the tokens and signing keys of the platforms below the test's folder, and the signatures they gave. Each is
looked for as it is, in hexadecimal and in base64. The platforms' own files that hold them are left out.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from picsellia_ingest.api import transport  # noqa: F401 - it keeps addresses out of logs, also those of the tests' requests
from picsellia_ingest.server.auth import Grant, Signer

KEPT_IN = ("token", "secret")


@pytest.fixture(autouse=True)
def _no_secret_is_left(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    signatures: set[str] = set()
    sign = Signer.sign

    def remembered(signer: Signer, grant: Grant) -> str:
        signatures.add(signature := sign(signer, grant))
        return signature

    monkeypatch.setattr(Signer, "sign", remembered)
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    yield
    logging.getLogger("urllib3").setLevel(logging.NOTSET)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    secrets = signatures | {path.read_text().strip() for path in files if path.name in KEPT_IN}
    left = {str(path): path.read_bytes() for path in files if path.name not in KEPT_IN}
    left |= {f"{when} {what}": text.encode() for when, what, text in request.node._report_sections}
    found = leaks(secrets, left)
    assert not found, f"secrets stand in {found}"


def leaks(secrets: set[str], left: dict[str, bytes]) -> list[str]:
    """Where one of the secrets stands, in one of its disguises."""
    disguises = [one for secret in secrets if len(secret) >= 8 for one in _disguises(secret.encode())]
    return [where for where, content in left.items() if any(one in content for one in disguises)]


def _disguises(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    # In the middle of a longer text a secret's base64 depends on what stands before it.
    for before, cut in ((0, 0), (1, 2), (2, 3)):
        whole = (len(secret) + before) // 3 * 4
        yield base64.b64encode(b" " * before + secret)[cut:whole]
