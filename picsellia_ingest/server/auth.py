"""Who may do what: tokens, the signatures of storage addresses, and the proof of identity.

A token is 40 hex digits from the system's random source; the database holds only its SHA-256, so a fast hash
is right. A signature is an HMAC over every field that decides what the address allows, each with its length
in front, so that no two different grants can give the same bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import ForbiddenError
from .objects import ObjectName

_VERSION = "1"


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_or_make(path: Path) -> str:
    """The secret kept in a file of mode 0600; made, and on the disk, if there is none."""
    if not path.exists():
        handle = os.open(path.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(20))
            file.flush()
            os.fsync(file.fileno())
        path.with_suffix(".new").replace(path)
    return path.read_text().strip()


def fresh_secret(path: Path) -> tuple[str, ...]:
    """A new secret in the place of the one in a file, which is kept beside it: both, the new one first."""
    before = path.with_name(path.name + ".before")
    if path.exists():
        path.replace(before)
    return (read_or_make(path), *([read_or_make(before)] if before.exists() else []))


def identity_proof(token: str, instance: str, nonce: str) -> str:
    """What only a process that knows the token can answer to a nonce, without saying the token."""
    message = f"{instance}:{nonce}".encode()
    return hmac.new(token_hash(token).encode(), message, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to do one thing with one object until a moment."""

    method: str
    name: ObjectName
    expires: int
    max_length: int = 0


class Signer:
    """Signs grants with the first of its secrets, and checks them with all."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = [secret.encode() for secret in secrets]

    def sign(self, grant: Grant) -> str:
        """The signature of a grant."""
        return _signature(self._secrets[0], grant)

    def check(self, grant: Grant, signature: str) -> None:
        """Refuse a grant that was not signed like this, or that is over."""
        fitting = [
            hmac.compare_digest(_signature(secret, grant).encode(), signature.encode())
            for secret in self._secrets
        ]
        if not any(fitting):
            raise ForbiddenError("the signature does not fit")
        if time.time() >= grant.expires:
            raise ForbiddenError("the address has expired")


def _signature(secret: bytes, grant: Grant) -> str:
    mac = hmac.new(secret, digestmod=hashlib.sha256)
    for field in (_VERSION, grant.method, *grant.name, str(grant.expires), str(grant.max_length)):
        data = field.encode()
        mac.update(b"%d:%b" % (len(data), data))
    return mac.hexdigest()
