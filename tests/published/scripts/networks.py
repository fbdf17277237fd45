"""Networks: create, get, list, update, labels, files small and large, thumbnail, deploy, delete."""

from __future__ import annotations

from typing import Any

from tests.published.scripts.common import failure, token_of


def drive(client: Any, shape: Any) -> dict[str, Any]:
    kind, token = type(client).Network, token_of(client)
    network = client.network
    network.create("net", "detection")
    network.update(description="d", tag=["a"], framework="torch")
    network.labels({"1": "person"})
    network.store("config", "small.cfg")
    network.store("config", "small.cfg")
    network.store("model-latest", "exact.bin")
    network.store("checkpoint", "large.bin")
    network.store("zipped", "folder", zip=True)
    network.store("nowhere")
    network.update_thumb("thumb.png")
    if shape.has("Network.deploy"):
        network.deploy()
    got = [kind(token, host=client.host).get(by) for by in ("net", network.network_id)]
    seen = {
        "got": [[one.network_name, one.files, one.organization_name] for one in got],
        "listed": network.list(),
    }
    if shape.has("Network.download"):
        seen["download"] = failure(got[0].download, "config")
    network.create("gone", "segmentation")
    network.delete()
    return seen | {"missing": failure(kind(token, host=client.host).get, "gone")}
