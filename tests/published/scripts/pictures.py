"""Pictures of the lake: upload, list, fetch, status, tags, delete."""

from __future__ import annotations

from typing import Any

from tests.published.scripts.common import failure


def drive(client: Any, shape: Any) -> dict[str, Any]:
    pictures = client.datalake.picture
    pictures.status()
    for file in ("one.png", "dock é 1.jpg", "gone.png"):
        pictures.upload(file, tags=["single", file[0]])
    pictures.upload("elsewhere/one.png", tags=["again"])
    pictures.upload(["two.jpg", "three.jpg"], tags=["listed"])
    pictures.upload(["four.jpg", "text.jpg", "five.jpg"], tags=["broken"])
    seen = {"listed": pictures.list()["pictures"], "none": pictures.fetch(1, ["nothing"])}
    seen["nothing to do"] = [
        pictures.delete(), pictures.add_tags(tags=["x"]), pictures.remove_tags(tags=["x"]), pictures.add_tags([1], []),
    ]  # fmt: skip
    (gone,) = pictures.fetch(1, ["g"])
    pictures.delete()
    pictures.status()
    seen["single"] = pictures.fetch(1, ["single"])
    pictures.add_tags(tags=["added", "dropped", "kept"])
    pictures.remove_tags(tags=["dropped"])
    (one,) = pictures.fetch(1, ["single", "o"])
    pictures.add_tags([one["picture_id"]], ["by id"])
    pictures.remove_tags([one], ["kept"])
    return seen | {"gone": gone, "half": failure(pictures.fetch, 0.5, ["single"])}
