"""Run by the interpreter of an environment that holds a published ``picsellia`` client: networks, projects and experiments.

Arguments: host, token, a folder to work in, the name and version of a dataset. What the client held is printed as JSON.
"""

import json
import os
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

from picsellia.client import Client  # noqa: E402


def networks(host: str, token: str) -> None:
    network = Client.Network(api_token=token, host=host)
    network.create("net", "detection")
    network.update(description="d", tag=["a"])
    network.labels({"1": "person"})
    network.store("config", "small.cfg")
    network.store("model-latest", "exact.bin")
    network.store("checkpoint", "large.bin")
    network.update_thumb("thumb.png")
    network.deploy()
    for identifier in ("net", network.network_id):
        Client.Network(api_token=token, host=host).get(identifier)
    network.create("gone", "segmentation")
    network.delete()


def projects(host: str, token: str, dataset: str) -> None:
    project = Client.Project(api_token=token, host=host)
    for name in ("kept", "gone"):
        project.create(name, type="detection")
    project.get("gone")
    project.delete()
    project.get("kept")
    project.update(description="x", project_name="renamed")
    project.attach_dataset(dataset)
    experiments(host, token, project.list()[0]["project_id"], dataset)
    (listed,) = project.list()
    workers = Client.Project.Worker(api_token=token, host=host, project_token=listed["project_id"]).list()
    sys.stdout.write("\n" + json.dumps({"project": listed, "workers": workers}) + "\n")


def experiments(host: str, token: str, project: str, dataset: str) -> None:
    experiment = Client.Experiment(api_token=token, host=host, project_token=project)
    experiment.create("exp 1", description="d", dataset=dataset)
    experiment.store("config", "small.cfg")
    experiment.store("config", "small.cfg")
    experiment.store("model-latest", "exact.bin")
    experiment.log("accuracy", 0.5, "value")
    experiment.log("accuracy", 0.8, "value", replace=True)
    experiment.update(description="other")
    again = Client.Experiment(api_token=token, host=host, project_token=project)
    again.checkout("exp 1", tree=True, with_file=True)
    experiment.create("gone")
    experiment.delete()


if __name__ == "__main__":
    address, known, folder, attached = sys.argv[1:]
    os.chdir(Path(folder))
    networks(address, known)
    projects(address, known, attached)
