"""The SDK reference, name by name and example by example."""

from __future__ import annotations

import ast
import functools
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.api import transport
from picsellia_ingest.client import Client, session
from picsellia_ingest.server import RunningPlatform, start
from tests.client.reference import DOCUMENTED, ONLY_EXAMPLES, PUBLISHED, documented_in
from tests.paths import FIXTURES, ROOT

TEXT = ROOT.parent / "shared" / "sdk-reference.txt"
DEMO = FIXTURES / "COCO" / "demo"


def signature(name: str) -> inspect.Signature:
    owner, _, method = name.rpartition(".")
    path = [] if owner == "Client" else owner.split(".")
    return inspect.signature(getattr(functools.reduce(getattr, path, Client), method))


def parameters(name: str) -> list[inspect.Parameter]:
    """The parameters without ``self``."""
    return [*signature(name).parameters.values()][1:]


def reference() -> str:
    if not TEXT.exists():
        pytest.skip("the text of the SDK reference is not here")
    return TEXT.read_text()


def test_the_table_says_what_the_reference_says() -> None:
    def plain(signature: str) -> str:
        return ast.unparse(ast.parse(f"f({signature})"))

    found = {name: plain(arguments) for name, arguments in documented_in(reference()).items()}
    assert found == {name: plain(arguments) for name, arguments in DOCUMENTED.items()}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_name_takes_its_arguments_in_order_with_their_defaults(name: str) -> None:
    call = ast.parse(f"f({DOCUMENTED[name]})", mode="eval").body
    assert isinstance(call, ast.Call)
    wanted = [(word.arg, word.value) for word in call.keywords if word.arg]
    taken = parameters(name)
    assert [one.name for one in taken[: len(wanted)]] == [argument for argument, _ in wanted]
    for parameter, (argument, value) in zip(taken, wanted, strict=False):
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        if argument == "host":
            assert session._address(ast.literal_eval(value)).endswith(".picsellia.com/sdk/v2/")
        elif (name, argument) not in ONLY_EXAMPLES:
            assert parameter.default == ast.literal_eval(value), argument
        assert parameter.default is not inspect.Parameter.empty
    if any(word.arg is None for word in call.keywords):
        assert any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_name_of_the_published_clients_takes_their_arguments_by_name(name: str) -> None:
    arguments = dict.fromkeys(PUBLISHED[name].split())
    bound = signature(name).bind_partial(None, **arguments)
    assert set(arguments) <= {*bound.arguments} | {*bound.arguments.get("changes", ())}


def names_in(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


class Shell:
    """Runs code blocks of the reference one after the other, and keeps what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.names: dict[str, Any] = {}
        self._capsys = capsys

    def __call__(self, code: str) -> str:
        text = "".join(code.split())
        if TEXT.exists():
            assert text in "".join(reference().split()), code
        self._capsys.readouterr()
        exec(inspect.cleandoc(code), self.names)
        return self._capsys.readouterr().out

    def say(self, expression: str) -> Any:
        return eval(expression, self.names)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningPlatform]:
    with start(tmp_path / "platform") as found:
        yield found
        transport.close_idle_connections()


@pytest.fixture
def shell(
    running: RunningPlatform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    """A shell in an empty folder, for whom the platform's address is that of the embedded one."""
    monkeypatch.setenv("PICSELLIA_TOKEN", running.token)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(session, "_address", lambda _: running.address)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    shell = Shell(capsys)
    shell.names |= {"Client": Client, "api_token": running.token}
    return shell


@pytest.fixture
def lake(shell: Shell) -> Shell:
    """With two pictures in the lake, one of them called as in the examples."""
    for name, source in (("awsm_pic.jpg", "dock 01.jpg"), ("other.jpg", "dock#02.jpg")):
        Path(name).write_bytes((DEMO / "images" / source).read_bytes())
    Client.Datalake.Picture().upload(["awsm_pic.jpg", "other.jpg"], ["drone", "coco"])
    shell("picture = Client.Datalake.Picture(api_token=None, organization=None)")
    shell("dataset = Client.Datalake.Dataset(api_token=None, organization=None)")
    shell.names["pictures"] = shell.names["picture"]
    return shell


@pytest.fixture
def fetched(lake: Shell) -> Shell:
    """With a dataset of the two pictures fetched."""
    lake.names["dataset"].create("myDataset", pictures=lake.names["picture"].fetch(1, ["drone"]))
    lake('dataset = dataset.fetch(name="myDataset",version="latest")')
    lake.names["ds"] = lake.names["dataset"]
    return lake


def test_the_client_greets(shell: Shell, running: RunningPlatform) -> None:
    said = shell("clt = Client(api_token)")
    assert re.fullmatch(r"Hi .+, welcome back\.\n", said)
    shell("datalake = Client.Datalake(api_token=None, organization=None)")
    assert shell.say("datalake.organization_id == clt.organization_id")


def test_a_dataset_is_uploaded_with_the_arguments_of_the_reference(shell: Shell) -> None:
    report = Client.Datalake().upload(
        name="d", version=None, imgdir=str(DEMO / "images"), ann_path=str(DEMO / "instances.json"),
        ann_format="COCO", tags=[], nb_jobs=5, rectangle=False,
    )  # fmt: skip
    assert report.exit_code == 0


def test_pictures_are_listed_and_fetched_as_shown(lake: Shell) -> None:
    listed = lake.say("picture.list()")
    assert [*listed] == ["pictures"]
    assert {*listed["pictures"][0]} == {
        "picture_id", "internal_key", "external_url", "creation_date", "height", "width", "tag",
    }  # fmt: skip
    lake('pictures.fetch(quantity=1, tags=["drone", "coco"],)')
    fetched = lake.say("pictures.fetched_pictures")
    assert [one["tag"] for one in fetched] == [["drone", "coco"]] * 2
    assert lake("pictures.status()") == "Number of Assets selected : 2\n"


def test_tags_are_added_and_removed_and_pictures_deleted_as_shown(lake: Shell) -> None:
    lake('pictures.fetch(quantity=1, tags=["drone", "coco"],)')
    assert lake('pictures.add_tags(pictures=[], tags=["tag_to_add"])') == ""
    assert len(lake.say("picture.fetch(1, ['tag_to_add'])")) == 2
    lake('pictures.remove_tags(pictures=[], tags=["tag_to_add"])')
    assert lake.say("picture.fetch(1, ['tag_to_add'])") == []
    lake.say("picture.fetch(1, ['drone'])")
    lake.say("picture.delete([])")
    assert len(lake.say("picture.list()['pictures']")) == 2
    lake("pictures.delete(pictures=None)")
    assert lake.say("picture.list()") == {"pictures": []}


def test_a_dataset_is_created_listed_and_printed_as_shown(fetched: Shell) -> None:
    assert fetched("dataset.list()") == (
        "-------------\nDataset Name: myDataset\nDataset Version: first\nNb Assets: 2\n-------------\n"
    )
    shown = json.loads(fetched("print(dataset)"))
    assert [*shown] == ["dataset_id", "dataset_name", "version", "size", "description", "private"]
    assert (shown["dataset_name"], shown["size"], shown["private"]) == ("myDataset", 2, True)


def test_create_gives_the_id_and_what_the_published_clients_give(lake: Shell) -> None:
    made = lake.say("dataset.create('d', pictures=picture.list())")
    assert made == lake.say("dataset.dataset_id")
    assert str in type(made).__mro__
    assert json.loads(json.dumps(made)) == made.fetched_dataset["dataset_id"]
    pictures = lake.say("dataset").list_pictures(made)
    assert pictures == pictures["pictures"] == made.list_pictures()
    assert sorted(one["external_url"] for one in pictures) == ["awsm_pic.jpg", "other.jpg"]


@pytest.mark.parametrize("in_place", [True, False])
def test_versions_are_made_extended_downloaded_and_deleted_as_shown(fetched: Shell, in_place: bool) -> None:
    ids = fetched.say("[one['picture_id'] for one in picture.fetch(1, ['drone'])]")
    dataset = fetched.names["dataset"]
    arguments = ("latest", ids[:1]) if in_place else (ids[:1], "latest")
    dataset.new_version("myDataset", "newVersion", *arguments)
    assert (dataset.fetched_dataset["version"], dataset.fetched_dataset["size"]) == ("newVersion", 2)
    dataset.add_data(name="myDataset", version="first", pictures=ids)
    dataset.download(dataset="myDataset/newVersion", folder_name=None)
    assert names_in("myDataset/newVersion") == ["awsm_pic.jpg", "other.jpg"]
    dataset.delete(name="myDataset", version="newVersion")
    assert len(dataset.list()) == 1


def test_what_is_fetched_need_not_be_named_again(fetched: Shell) -> None:
    dataset = fetched.names["dataset"]
    dataset.create_labels("car", "rectangle")
    dataset.download()
    assert names_in("myDataset/first") == ["awsm_pic.jpg", "other.jpg"]
    dataset.new_version(version="two")
    dataset.delete()
    assert [one["version"] for one in dataset.list()] == ["first"]


BOX = """data = [
    {
        "type": "rectangle",
        "label": "car",
        "rectangle": {
            "top": 16,
            "left": 10,
            "width": 50,
            "height": 60
        }
    }
]
dataset.add_annotation("awsm_pic.jpg", True, data=data)
"""
CLASS = """data = [
    {
        "type": "classification",
        "label": "car"
    }
]
dataset.add_annotation("awsm_pic.jpg", True, data=data)
"""
ROSE = """data = [{
    "type": "polygon",
    "label" : "rose",
    "polygon": {
        "geometry": [
            {
                "x": 12,
                "y": 15
            },
            {
                "x": 178,
                "y": 151
            },
            {
                "x": 122,
                "y": 196
            },
            {
                "x": 112,
                "y": 10
            },

        ]
    }
}
]
dataset.add_annotation("awsm_pic.jpg", True, data=data)
"""
ANSWERS = """    "qa": [{
            "type": "text",
            "question": "What color ?",
            "answer": "red"

        },
        {
            "type": "mc",
            "question": "What color ?",
            "answer": ["red"],
            "choices": ["red", "yellow", "blue"]
        },
        {
            "type": "select",
            "question": "Is it raining ?",
            "answer": "yes",
            "choices": ["yes", "no"]
        },
        {
            "type": "range",
            "question": "size ?",
            "answer": 68,
            "max": 100,
            "min": 0
        }]
"""
IMAGE_QA = """image_qa = [
    {
        "type": "text",
        "question": "How much is the image rotated ?",
        "answer": "approx. 32 deg."
    },
    {
        "type": "mc",
        "question": "image attribute",
        "answer": ["high contrast"],
        "choices": ["high contrast", "saturated"]
    },
    {
        "type": "select",
        "question": "image color",
        "answer": "blue",
        "choices": ["red", "blue", "green"]
    },
    {
        "type": "range",
        "question": "brigthness",
        "answer": 36,
        "max": 100,
        "min": 0
    },
]
ds.add_annotation("awsm_pic.jpg", True, data=data, image_qa=image_qa)
"""


@pytest.mark.parametrize("code", [CLASS, BOX, ROSE])
def test_each_example_of_an_annotation_arrives_as_written(fetched: Shell, code: str) -> None:
    fetched(code)
    (record,) = fetched.say("dataset.get_annotations('awsm_pic.jpg')")
    assert record["annotations"] == fetched.names["data"]


def test_the_example_of_questions_and_answers_arrives_as_written(fetched: Shell) -> None:
    fetched(ROSE)
    fetched.say("dataset.delete_annotations(all_annotations=True)")
    if TEXT.exists():
        assert "".join(ANSWERS.split()) in "".join(reference().split())
    answers = ast.literal_eval("{" + ANSWERS + "}")
    fetched.names["data"][0] |= answers
    fetched(IMAGE_QA)
    (record,) = fetched.say("ds.get_annotations('awsm_pic.jpg')")
    assert record["annotations"] == fetched.names["data"]
    assert record["annotations"][0]["qa"] == answers["qa"]
    assert record["image_qa"] == fetched.names["image_qa"]


def test_networks_are_used_as_shown(shell: Shell) -> None:
    shell("network = Client.Network(api_token=None, organization=None,)")
    network = shell.names["network"]
    network.create(name="efficientdet-d2", type="detection")
    shell('network.update(description="A brand new description for your Network")')
    Path("pipeline.config").write_text("x")
    network.store(name="config", path="pipeline.config", zip=False)
    network.update_thumb(path=DEMO / "images" / "dock 01.jpg")
    network.labels(labels={"1": "person", "2": "bicycle"})
    (listed,) = shell.say("network.list()")
    assert listed == network.get(identifier="efficientdet-d2").fetched_network
    assert {*listed} >= {
        "organization", "model_id", "serving_id", "tag", "private", "network_name", "description",
        "model_object_name", "checkpoint_object_name", "origin_checkpoint_objects", "type", "files",
        "thumb_object_name", "framework", "owner", "labels", "base_parameters", "readme_text",
    }  # fmt: skip
    assert listed["description"] == "A brand new description for your Network"
    assert listed["files"] == {"config": f"{listed['model_id']}/pipeline.config"}


def test_projects_are_made_fetched_changed_and_deleted_as_shown(shell: Shell) -> None:
    shell('clt = Client.Project(api_token=None, host="https://app.picsellia.com/sdk/", project_token=None, )')
    said = shell("project = clt.create('new_project', type='detection')")
    assert said == f"Project new_project created successfully.\n{shell.say('project')}\n"
    shown = json.loads(said.partition("\n")[2])
    assert [*shown] == [
        "organization", "project_name", "description", "project_id", "project_manager", "contributors",
        "datasets", "type", "creation_date",
    ]  # fmt: skip
    assert (shown["description"], shown["type"]) == ("This is a real game changer", "detection")
    shell("project_list = clt.list()")
    assert shell.say("clt.project_list == project_list and len(project_list) == 1")
    said = shell(
        "project = clt.get('new_project')\nproject = project.update("
        "project_name='new_project_name', description='a descriptive text')"
    )
    assert said.startswith("Successfully fetched project new_project\n{")
    assert "\nProject new_project_name updated.\n{" in said
    assert shell.say("project.fetched_project['description']") == "a descriptive text"
    shell.say("project.update(project_name='new_project')")
    said = shell("project = clt.get('new_project')\nproject.delete()")
    assert said.endswith("}\nProject new_project deleted.\n")


def test_a_dataset_is_attached_as_shown(lake: Shell) -> None:
    lake.say("dataset.create('Tutorial', pictures=picture.list())")
    lake.names["clt"] = Client.Project()
    lake.say("clt.create('new_project')")
    said = lake("project = clt.get('new_project')\nproject.attach_dataset('Tutorial/first')")
    assert said.endswith("Dataset Tutorial/first successfully attached to project new_project\n")


def test_experiments_are_made_shown_and_checked_out_as_shown(shell: Shell) -> None:
    project = Client.Project().create("project 21").project_id
    shell(
        'experiment = Client.Experiment(api_token=None, host="https://beta.picsellia.com/sdk/", '
        "project_token=None, id=None, name=None, interactive=True)"
    )
    made = Client.Experiment(project_token=project).create("exp2")
    made.log("acc", 0.8, "value")
    found = shell.names["experiment"].checkout(
        id=made.id, name=None, project_token=None, tree=False, with_file=False, with_data=False
    )
    shown = json.loads(str(found))
    assert [*shown] == [
        "id", "date_created", "last_update", "owner", "project", "name", "description", "status", "dataset",
        "logging", "files", "data",
    ]  # fmt: skip
    assert shown["project"] == {"project_id": project, "project_name": "project 21"}
    assert (shown["name"], shown["status"], shown["logging"]) == ("exp2", "started", None)
    assert {*shown["data"][0]} == {"id", "date_created", "last_update", "type", "name", "data"}
