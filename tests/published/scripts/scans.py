"""Scans and their runs: made with script, data and requirements; each run taken, changed and ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.published.scripts.common import failure, project, token_of

PARAMETERS = {"batch": {"values": [2, 4]}, "steps": {"value": 9}}


def drive(client: Any, shape: Any) -> dict[str, Any]:
    id_ = project(client, shape, "p")
    experiment = type(client).Experiment(token_of(client), host=client.host, project_token=id_)
    config = {
        "strategy": "grid", "parameters": PARAMETERS, "script": "train.py", "data": ["small.cfg", "large.bin"],
        "requirements": "requirements.txt",
    }  # fmt: skip
    seen: dict[str, Any] = {"made": list(experiment.init_scan("grid", config, 2))}
    if shape.has("Experiment.launch_scan"):
        experiment.launch_scan("grid")
    run = experiment.get_next_run("grid")
    seen["first"] = run
    seen["again"] = experiment.get_run(run["id"])
    for name in ("train.py", "small.cfg", "large.bin"):
        Path(name).unlink()
    seen["script"] = experiment.download_script()
    seen["data"] = experiment.download_run_data()
    experiment.install_run_requirements()
    seen["status"] = experiment.update_run(status="running")["status"]
    experiment.end_run()
    second = experiment.get_next_run("grid")
    experiment.checkout(id=second["experiment"]["id"])
    experiment.log("loss", 1, "value")
    experiment.end_run()
    seen["ended"] = experiment.get_run(second["id"])["status"]
    seen["over"] = failure(experiment.get_next_run, "grid")
    experiment.delete_all()
    return seen | {"left": experiment.list()}
