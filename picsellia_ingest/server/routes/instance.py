"""How a process that knows the token finds out that this server knows it too, before it sends it."""

from __future__ import annotations

from flask import Blueprint, Response, request

from ..auth import identity_proof
from .common import platform, reply

routes = Blueprint("instance", __name__)


@routes.get("/instance")
def instance() -> Response:
    """The name of this running instance, and the answer to the caller's nonce."""
    here = platform()
    nonce = request.args.get("nonce", "")[:100]
    proof = identity_proof(here.folder_token, here.instance, nonce)
    return reply({"instance": here.instance, "proof": proof})
