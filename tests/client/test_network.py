"""Networks as the SDK reference documents them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.api import resources, storage, transport
from picsellia_ingest.client import Client
from picsellia_ingest.errors import (
    ForbiddenError,
    InvalidQueryError,
    ResourceNotFoundError,
    SourceChangedError,
)
from picsellia_ingest.server import start
from tests.paths import FIXTURES
from tests.upload.faults import Faults

IMAGE = FIXTURES / "COCO" / "demo" / "images" / "dock#02.jpg"


@pytest.fixture
def networks(tmp_path: Path) -> Client.Network:
    return Client.Network(host=f"local:{tmp_path / 'platform'}")


@pytest.fixture
def network(networks: Client.Network) -> Client.Network:
    return networks.create("efficientdet-d2", "detection")


def test_a_client_shares_its_session_with_its_networks_and_projects(tmp_path: Path) -> None:
    client = Client(host=f"local:{tmp_path / 'platform'}")
    assert client.datalake._session.connection.traffic.requests == 2
    made = client.network.create("n", "detection")
    assert client.network.list() == [made.fetched_network]
    assert client.project.list() == []
    assert made.organization_name == client.organization_name


def test_a_network_shows_itself_as_its_json(network: Client.Network) -> None:
    assert json.loads(str(network)) == network.fetched_network
    assert network.fetched_network["network_name"] == "efficientdet-d2"
    assert network.fetched_network["model_id"] == network.fetched_network["serving_id"] == network.network_id


def test_a_network_is_fetched_by_its_name_or_id(networks: Client.Network, tmp_path: Path) -> None:
    made = {name: networks.create(name, "my own").network_id for name in ("a b#1?c=d/e", "сеть", "..", "%20")}
    fresh = Client.Network(None, None, f"local:{tmp_path / 'platform'}")
    assert fresh.list() == networks.list()
    for name, id_ in made.items():
        assert fresh.get(name).network_id == id_
        assert fresh.get(id_).network_name == name
    assert fresh.get().network_id == id_
    with pytest.raises(ResourceNotFoundError):
        fresh.get("unknown")


def test_a_name_is_taken_once(network: Client.Network) -> None:
    with pytest.raises(InvalidQueryError, match="exists already"):
        network.create("efficientdet-d2", "detection")


def test_properties_are_updated_many_at_once(network: Client.Network) -> None:
    network.update(description="A brand new description", tag=["d2"], private=False, network_name="other")
    assert network.network_name == "other"
    found = network.get("other").fetched_network
    assert (found["description"], found["tag"], found["private"]) == (
        "A brand new description",
        ["d2"],
        False,
    )


def test_a_labelmap_is_set(network: Client.Network) -> None:
    network.labels({"1": "person", 2: "bicycle"})
    assert network.get().fetched_network["labels"] == {"1": "person", "2": "bicycle"}


@pytest.mark.parametrize("size", [0, 1000, 5 << 20, (5 << 20) + 7, 11 << 20])
def test_a_file_of_any_size_is_stored_and_downloaded(
    network: Client.Network, tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    (tmp_path / "ckpt #1?.index").write_bytes(content[:size])
    network.store("checkpoint-index-latest", tmp_path / "ckpt #1?.index")
    assert network.files == {"checkpoint-index-latest": f"{network.network_id}/ckpt #1?.index"}
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    network.download("checkpoint-index-latest")
    assert [path.name for path in Path().iterdir()] == ["ckpt #1?.index"]
    assert Path("ckpt #1?.index").read_bytes() == content[:size]


def test_a_newer_file_takes_the_place_of_the_older_and_the_others_stay(
    network: Client.Network, tmp_path: Path
) -> None:
    file = tmp_path / "pipeline.config"
    other = Client.Network(host=f"local:{tmp_path / 'platform'}").get("efficientdet-d2")
    for content in ("old", "new"):
        file.write_text(content)
        network.store("config", file)
    other.store("readme", file)
    assert set(other.files) == {"config", "readme"}
    network.download("config", tmp_path / "down")
    file.unlink()
    network.download("config", tmp_path)
    assert file.read_text() == (tmp_path / "down" / "pipeline.config").read_text() == "new"


def test_a_folder_is_stored_as_an_archive_and_the_model_under_its_version(
    network: Client.Network, tmp_path: Path
) -> None:
    (tmp_path / "saved_model" / "variables").mkdir(parents=True)
    (tmp_path / "saved_model" / "saved_model.pb").write_text("graph")
    (tmp_path / "saved_model" / "variables" / "data").write_text("weights")
    network.store("model-latest", tmp_path / "saved_model", zip=True)
    network.store("config", tmp_path / "saved_model" / "saved_model.pb", zip=True)
    assert network.files["model-latest"] == f"{network.network_id}/0/saved_model.zip"
    assert network.files["config"] == f"{network.network_id}/saved_model.pb.zip"
    network.download("model-latest", tmp_path)
    with zipfile.ZipFile(tmp_path / "saved_model.zip") as archive:
        assert archive.read("saved_model/variables/data") == b"weights"
        assert archive.read("saved_model/saved_model.pb") == b"graph"


def test_a_thumbnail_is_set_and_replaced(network: Client.Network, tmp_path: Path) -> None:
    network.update_thumb(IMAGE)
    assert network.fetched_network["thumb_object_name"] == f"{network.network_id}/dock#02.jpg"
    (tmp_path / "dock#02.jpg").write_bytes(b"BM another")
    network.update_thumb(tmp_path / "dock#02.jpg")
    assert network.fetched_network["thumb_object_name"].endswith("/dock#02.jpg")
    assert network.fetched_network["thumb_object_name"] != f"{network.network_id}/dock#02.jpg"


def test_a_deleted_network_is_gone_and_no_longer_fetched(network: Client.Network) -> None:
    network.delete()
    assert network.list() == []
    assert network.fetched_network == {}
    with pytest.raises(InvalidQueryError, match="no network was fetched"):
        network.update(private=True)


def test_an_error_page_is_never_saved_as_a_file(network: Client.Network, tmp_path: Path) -> None:
    network.update(files={"gone": f"{network.network_id}/gone.h5", "odd": f"{network.network_id}/.."})
    (tmp_path / "gone.h5").write_text("mine")
    with pytest.raises(ResourceNotFoundError):
        network.download("gone", tmp_path)
    with pytest.raises(InvalidQueryError, match="name of a file"):
        network.download("odd", tmp_path)
    with pytest.raises(ResourceNotFoundError, match="it has gone, odd"):
        network.download("config", tmp_path)
    assert (tmp_path / "gone.h5").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gone.h5", "platform"]


def test_a_file_that_changes_while_it_is_sent_is_not_stored(network: Client.Network, tmp_path: Path) -> None:
    file = tmp_path / "model.h5"
    file.write_bytes(b"a" * (6 << 20))
    planned = storage.survey(file)
    file.write_bytes(b"b" * (6 << 20))
    key = f"{network.network_id}/model.h5"
    with pytest.raises(SourceChangedError):
        resources.store_file(network._connection, planned, key)
    network.update(files={"model": key})
    with pytest.raises(ResourceNotFoundError):
        network.download("model", tmp_path / "down")


def test_a_large_file_is_stored_through_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    faults = Faults()
    with start(tmp_path / "platform", wrap=faults.wrap) as running:
        network = Client.Network(running.token, host=running.address).create("n", "detection")
        (tmp_path / "model.h5").write_bytes(b"weights" * 1_000_000)
        for method, part in (
            ("GET", "init_multipart"), ("POST", "part_url"), ("PUT", "/storage/"), ("POST", "complete"),
        ):  # fmt: skip
            faults.fail(method, part, how="after")
            faults.fail(method, part, how="before")
        network.store("model", tmp_path / "model.h5")
        assert faults.count("PUT", "/storage/") == 4
        faults.fail("GET", "/storage/", how="status 403")
        with pytest.raises(ForbiddenError):
            network.download("model", tmp_path / "down")
        assert not (tmp_path / "down").exists()
        network.download("model", tmp_path / "down")
        transport.close_idle_connections()
    assert (tmp_path / "down" / "model.h5").read_bytes() == (tmp_path / "model.h5").read_bytes()


@pytest.mark.parametrize(
    "use",
    [
        lambda network, _: network.create(),
        lambda network, _: network.create("name"),
        lambda network, _: network.create("", "detection"),
        lambda network, _: network.update(),
        lambda network, _: network.update(descripton="typo"),
        lambda network, _: network.update(model_id="x"),
        lambda network, file: network.store("", file),
        lambda network, _: network.store("config"),
        lambda network, file: network.store("config", file.parent),
        lambda network, file: network.store("config", file.parent / "missing"),
        lambda network, file: network.store("config", file.parent / "missing", zip=True),
        lambda network, _: network.update_thumb(),
        lambda network, file: network.update_thumb(file.parent),
        lambda network, file: network.update_thumb(file),
        lambda network, _: network.labels(),
        lambda network, _: network.labels(["person"]),
        lambda network, _: network.labels({"0": "person"}),
        lambda network, _: network.labels({"person": "1"}),
        lambda network, _: network.labels({"1": 7}),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused_before_a_request(
    network: Client.Network, tmp_path: Path, use: Callable[[Any, Path], None]
) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(b"\0" * (5 << 20))
    before = network._connection.traffic.requests
    with pytest.raises(InvalidQueryError):
        use(network, file)
    assert network._connection.traffic.requests == before


@pytest.mark.parametrize(
    "use",
    [
        lambda networks: networks.get(),
        lambda networks: networks.update(private=True),
        lambda networks: networks.labels({"1": "person"}),
        lambda networks: networks.store("config", IMAGE),
        lambda networks: networks.update_thumb(IMAGE),
        lambda networks: networks.delete(),
        lambda networks: networks.download("config"),
    ],
)
def test_without_a_fetched_network_one_is_asked_for(
    networks: Client.Network, use: Callable[[Any], None]
) -> None:
    before = networks._connection.traffic.requests
    with pytest.raises(InvalidQueryError, match="no network was fetched"):
        use(networks)
    assert networks._connection.traffic.requests == before
