"""Datasets: create, add, new version, fetch, list, list of pictures, download, delete."""

from __future__ import annotations

from typing import Any

from tests.published.scripts.common import failure


def drive(client: Any, shape: Any) -> dict[str, Any]:
    datasets, pictures = client.datalake.dataset, client.datalake.picture
    for file in ("a.jpg", "b.jpg", "dock é 1.jpg"):
        pictures.upload(file, tags=["all"])
    a, b, c = sorted(pictures.fetch(1, ["all"]), key=lambda found: found["external_url"])
    seen: dict[str, Any] = {"nothing": [datasets.create("none"), datasets.add_data("none")]}
    datasets.create("harbour", "described", False, [a])
    seen["created"] = datasets.dataset_id
    datasets.add_data("harbour", "first", [b["picture_id"]])
    datasets.new_version("harbour", "second", [c], "first")
    datasets.new_version("harbour", "third")
    seen["third"] = datasets.dataset_id
    datasets.fetch("harbour")
    seen["latest"] = datasets.fetched_dataset
    datasets.fetch("harbour", "second")
    if shape.has("Dataset.list_pictures"):
        seen["pictures"] = datasets.list_pictures()["pictures"]
    datasets.create("gone", "", True, [a])
    datasets.delete("gone")
    datasets.delete("harbour", "third")
    listed = datasets.list()
    seen["listed"] = listed if isinstance(listed, list) else None
    datasets.download("harbour/second", "chosen")
    datasets.download("harbour/first")
    return seen | {"missing": failure(datasets.fetch, "gone")}
