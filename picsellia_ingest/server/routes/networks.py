"""Networks; old clients change them with PUT, and may name them instead of giving their id."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request

from ..store.networks import Change, Creation
from .common import BASE, body, caller, checked, member_of, platform, raw_body, reply

routes = Blueprint("networks", __name__, url_prefix=BASE)


@routes.get("/network/<org>")
def all_networks(org: str) -> Response:
    """Every network."""
    return reply({"networks": platform().networks.all(member_of(org))})


@routes.post("/network/<org>")
def create_or_deploy(org: str) -> Response:
    """Make a network; without a body the address holds a network's id, and it is deployed."""
    if not request.get_data(cache=True):
        name = platform().networks.get(caller(), org)["network_name"]
        return reply({"success": f"Network {name} deployed"})
    return reply(platform().networks.create(member_of(org), body(Creation)), HTTPStatus.CREATED)


@routes.get("/network/by_name/<org>/<anything:name>")
def get_by_name(org: str, name: str) -> Response:
    """The network of a name."""
    return reply(platform().networks.get_by_name(member_of(org), name))


@routes.route("/network/by_name/<org>/<anything:name>", methods=["PATCH", "PUT"])
def update_by_name(org: str, name: str) -> Response:
    """Set properties of the network of a name."""
    account = member_of(org)
    return _updated(platform().networks.update_by_name(account, name, checked(Change, raw_body())))


@routes.get("/network/<org>/<network>")
def get(org: str, network: str) -> Response:
    """One network."""
    return reply(platform().networks.get(member_of(org), network))


@routes.route("/network/<org>/<network>", methods=["PATCH", "PUT"])
def update(org: str, network: str) -> Response:
    """Set properties of a network."""
    account = member_of(org)
    return _updated(platform().networks.update(account, network, checked(Change, raw_body())))


@routes.delete("/network/<org>/<network>")
def delete(org: str, network: str) -> Response:
    """Remove a network."""
    platform().networks.delete(member_of(org), network)
    return reply({"message": "network deleted"})


def _updated(network: dict[str, object]) -> Response:
    return reply(network if request.method == "PUT" else {"network": network})
