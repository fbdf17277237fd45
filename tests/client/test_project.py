"""Projects as the SDK reference documents them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.client import Client
from picsellia_ingest.errors import InvalidQueryError, ResourceNotFoundError
from picsellia_ingest.server import start
from tests.paths import FIXTURES

IMAGE = FIXTURES / "COCO" / "demo" / "images" / "dock#02.jpg"


@pytest.fixture
def projects(host: str) -> Client.Project:
    return Client.Project(host=host)


@pytest.fixture
def dataset(host: str) -> None:
    lake = Client.Datalake(host=host)
    assert lake.picture.upload(str(IMAGE)) == {}
    lake.dataset.create("Tutorial #1/a", pictures=lake.picture.fetch(1))


def test_a_made_project_says_so_and_shows_itself_as_its_json(
    projects: Client.Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project = projects.create("new_project", type="detection")
    assert capsys.readouterr().out == f"Project new_project created successfully.\n{project}\n"
    assert project is projects
    shown = json.loads(str(project))
    assert shown == project.fetched_project
    assert (shown["project_name"], shown["type"], shown["datasets"]) == ("new_project", "detection", [])


def test_a_project_is_fetched_by_its_name(
    projects: Client.Project, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["a b#1?c=d/e", "проект", "..", "%20"]
    made = {name: projects.create(name, "null", description="d").project_id for name in names}
    fresh = Client.Project(None, host)
    capsys.readouterr()
    for name, id_ in made.items():
        assert fresh.get(name, organization="null").project_id == id_
        assert fresh.get(name, organization=fresh.organization_name).project_name == name
        assert capsys.readouterr().out == f"Successfully fetched project {name}\n{fresh}\n" * 2
    for name, organization in (("unknown", "null"), ("%20", "elsewhere")):
        with pytest.raises(ResourceNotFoundError):
            fresh.get(name, organization)


def test_two_projects_of_one_name_are_an_error(projects: Client.Project) -> None:
    projects.create("new_project")
    with pytest.raises(InvalidQueryError, match="exists already"):
        projects.create("new_project")


def test_the_list_is_printed_kept_and_returned(
    projects: Client.Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("scans-file", "test-logging"):
        projects.create(name, description="No description")
    capsys.readouterr()
    found = projects.list()
    assert found is projects.project_list
    assert [one["project_name"] for one in found] == ["scans-file", "test-logging"]
    expected = "".join(
        f"Project Name: {one['project_name']}\nDescription: No description\n"
        f"Contributors: {one['contributors']}\nDatasets: []\n-------------\n"
        for one in found
    )
    assert capsys.readouterr().out == expected


def test_a_project_is_renamed_and_described(
    projects: Client.Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project = projects.create("new_project", type="detection")
    capsys.readouterr()
    assert project.update(project_name="new#name", description="a descriptive text", type="") is project
    assert capsys.readouterr().out == f"Project new#name updated.\n{project}\n"
    found = project.update(description="").fetched_project
    assert (found["project_name"], found["description"], found["type"]) == ("new#name", "", "detection")
    assert projects.get("new#name").fetched_project == found


def test_a_deleted_project_is_gone_and_no_longer_fetched(
    projects: Client.Project, capsys: pytest.CaptureFixture[str]
) -> None:
    projects.create("new_project")
    capsys.readouterr()
    projects.delete()
    assert capsys.readouterr().out == "Project new_project deleted.\n"
    assert (projects.list(), projects.fetched_project) == ([], {})
    with pytest.raises(InvalidQueryError, match="no project was fetched"):
        projects.delete()


@pytest.mark.usefixtures("dataset")
def test_a_dataset_is_attached(projects: Client.Project, capsys: pytest.CaptureFixture[str]) -> None:
    projects.create("new_project")
    capsys.readouterr()
    projects.attach_dataset("Tutorial #1/a/first")
    said = "Dataset Tutorial #1/a/first successfully attached to project new_project\n"
    assert capsys.readouterr().out == said
    (attached,) = projects.get("new_project").fetched_project["datasets"]
    assert attached == {"dataset_name": "Tutorial #1/a", "description": "", "private": True}
    with pytest.raises(ResourceNotFoundError):
        projects.attach_dataset("Tutorial #1/a/second")


@pytest.mark.usefixtures("dataset")
def test_a_project_may_be_named_by_its_token(projects: Client.Project, host: str) -> None:
    token = projects.create("new_project").project_id
    named = Client.Project(api_token=None, host=host, project_token=token)
    named.attach_dataset("Tutorial #1/a/first")
    assert named.update(description="d").project_name == "new_project"
    Client.Project(host=host, project_token=token).delete()
    with pytest.raises(ResourceNotFoundError):
        Client.Project(host=host, project_token=token).delete()


def test_arguments_are_taken_in_the_order_of_the_reference_and_by_name(tmp_path: Path) -> None:
    with start(tmp_path / "platform") as running:
        project = Client.Project(running.token, running.address, "some id", None)
        assert project.project_id == "some id"
        name = project.organization_name
        again = Client.Project(api_token=running.token, organization=name, host=running.address)
        assert (again.organization_name, again.project_id) == (name, "")


def test_the_workers_of_a_project_are_listed(projects: Client.Project, host: str) -> None:
    project = projects.create("new_project")
    workers = Client.Project.Worker(host=host, project_token=project.project_id)
    assert workers.list() == {"workers": project.fetched_project["contributors"]}
    with pytest.raises(InvalidQueryError, match="project_token"):
        Client.Project.Worker(host=host)


@pytest.mark.parametrize(
    "use",
    [
        lambda project: project.get(),
        lambda project: project.create(),
        lambda project: project.create("name", descripton="typo"),
        lambda project: project.create("name", type=7),
        lambda project: project.update(),
        lambda project: project.update(project_name="", type=""),
        lambda project: project.update(project_id="x"),
        lambda project: project.update(project_name=None),
        lambda project: project.attach_dataset(),
        lambda project: project.attach_dataset("Tutorial"),
        lambda project: project.attach_dataset("/first"),
        lambda project: project.attach_dataset("Tutorial/"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused_before_a_request(
    projects: Client.Project, use: Callable[[Any], None]
) -> None:
    projects.create("new_project")
    before = projects._connection.traffic.requests
    with pytest.raises(InvalidQueryError):
        use(projects)
    assert projects._connection.traffic.requests == before


@pytest.mark.parametrize(
    "use",
    [
        lambda projects: projects.update(description="d"),
        lambda projects: projects.attach_dataset("Tutorial/first"),
        lambda projects: projects.delete(),
    ],
)
def test_without_a_fetched_project_one_is_asked_for(
    projects: Client.Project, use: Callable[[Any], None]
) -> None:
    before = projects._connection.traffic.requests
    with pytest.raises(InvalidQueryError, match="no project was fetched"):
        use(projects)
    assert projects._connection.traffic.requests == before
