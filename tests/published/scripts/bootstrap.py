"""Every class of a client, made on its own and through ``Client``."""

from __future__ import annotations

from typing import Any

from tests.published.scripts.common import project, token_of


def drive(client: Any, shape: Any) -> dict[str, Any]:
    token, host = token_of(client), client.host
    made = type(client)
    id_ = project(client, shape, "p")
    lake = made.Datalake(token, host=host)
    alone = [
        lake.organization_id,
        lake.picture.organization_id,
        lake.dataset.organization_id,
        client.datalake.organization_id,
        made.Datalake.Picture(token, host=host).organization_id,
        made.Datalake.Dataset(token, host=host).organization_id,
    ]
    made.Project(token, host=host).get("p")
    workers = made.Project.Worker(token, host=host, project_token=id_).list()
    return {
        "username": client.username,
        "organizations": alone,
        "network": made.Network(token, host=host).organization,
        "experiments": made.Experiment(token, host=host, project_token=id_).list(),
        "workers": [workers, client.project.worker.list()],
        "has": [
            f"{kind.__name__}.{call}"
            for kind in (made.Datalake, made.Datalake.Dataset, made.Network, made.Experiment)
            for call in vars(kind)
        ],
    }
