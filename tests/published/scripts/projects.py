"""Projects: create, get, list, update, attach a dataset, workers, delete."""

from __future__ import annotations

from typing import Any

from tests.published.scripts.common import dataset, failure, project


def drive(client: Any, shape: Any) -> dict[str, Any]:
    dataset(client, "harbour", "a.jpg")
    id_ = project(client, shape, "kept", type="detection", description="x")
    seen: dict[str, Any] = {"id": id_, "taken": failure(project, client, shape, "kept")}
    project(client, shape, "gone")
    client.project.get("gone")
    client.project.delete()
    seen["missing"] = failure(client.project.get, "gone")
    client.project.get("kept")
    client.project.update(description="y", project_name="renamed quay")
    client.project.attach_dataset("harbour/first")
    client.project.get("renamed quay")
    return seen | {"listed": client.project.list(), "workers": client.project.worker.list()["workers"]}
