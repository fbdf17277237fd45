"""What the published 2021 client does wrongly on the wire (D14-D16, D18-D32); each test fails on it.

The rest (D1-D13, D17) is in ``test_better_formats_than_2021``; the last test here is that none is forgotten.
"""

from __future__ import annotations

import ast
import multiprocessing
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from picsellia_ingest.api import transport
from picsellia_ingest.client import Client
from picsellia_ingest.errors import (
    ApiLimitError,
    InvalidQueryError,
    NetworkError,
    PicselliaError,
    ProcessingError,
    RequestRejectedError,
    ResourceNotFoundError,
)
from picsellia_ingest.server import start
from tests.client.sources import BOX, Uploads, coco, picture
from tests.upload.faults import Faults, foreign

HERE = Path(__file__).parent
CAR = {"type": "classification", "label": "car"}
FIVE = 5 << 20


def test_d14_few_connections_carry_all_requests(tmp_path: Path) -> None:
    seen: set[str] = set()

    def wrap(app: Any) -> Any:
        def counted(environ: dict[str, Any], start_response: Any) -> Any:
            seen.add(environ["REMOTE_PORT"])
            return app(environ, start_response)

        return counted

    for number in range(30):
        picture(tmp_path / "images" / f"{number}.jpg", number)
    with start(tmp_path / "platform", wrap=wrap) as running:
        lake = Client.Datalake(running.token, host=running.address)
        report = lake.upload(
            "d", imgdir=tmp_path / "images", nb_jobs=4, journal=tmp_path / "j.db", quiet=True
        )
        transport.close_idle_connections()
    assert report.requests > 90
    assert len(seen) <= 8


def test_d14_a_host_that_falls_silent_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.2)
    monkeypatch.setattr(transport, "TRIES", 1)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        began = time.monotonic()
        with pytest.raises(NetworkError, match="no answer in time"):
            Client.Datalake("t", host=f"http://127.0.0.1:{silent.getsockname()[1]}/sdk/v2/")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("method", "part"),
    [
        ("PUT", "/label/"),
        ("PUT", "/annotation/new/"),
        ("POST", "update_stats"),
        ("PUT", "/dataset/"),
        ("POST", "generate_presigned_url"),
        ("POST", "/storage/"),
        ("PUT", "/picture/upload/"),
    ],
)
def test_d15_every_step_is_tried_again(uploads: Uploads, method: str, part: str) -> None:
    uploads.faults.fail(method, part, times=2)
    assert uploads(coco(uploads.folder, {"bbox": BOX})).exit_code == 0
    assert len(uploads.objects()) == 1


def test_d15_an_error_page_is_never_saved_as_a_picture(uploads: Uploads) -> None:
    assert uploads(None).exit_code == 0
    uploads.faults.fail("GET", "/storage/", how="status 404")
    failures = uploads.lake.dataset.download("d/first", uploads.folder / "down")
    assert list(failures) == ["a.jpg"]
    assert list((uploads.folder / "down").iterdir()) == []
    uploads.faults.fail("GET", "/storage/", times=2)
    assert uploads.lake.dataset.download("d/first", uploads.folder / "down") == {}
    assert (uploads.folder / "down" / "a.jpg").read_bytes() == (uploads.images / "a.jpg").read_bytes()


def test_d15_a_page_that_is_sent_as_if_all_were_well_is_no_picture(uploads: Uploads) -> None:
    assert uploads(None).exit_code == 0
    uploads.faults.fail("GET", "/storage/", how="lost")
    failures = uploads.lake.dataset.download("d/first", uploads.folder / "down", nb_jobs=2)
    assert list(failures) == ["a.jpg"]
    assert list((uploads.folder / "down").iterdir()) == []


def test_many_files_are_sent_and_fetched_with_progress(
    uploads: Uploads, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [picture(uploads.folder / f"{number}.jpg", number) for number in range(3)]
    assert uploads.lake.picture.upload([str(path) for path in files], nb_jobs=2) == {}
    assert "uploading pictures: 3" in capsys.readouterr().err
    uploads.lake.dataset.create("three", pictures=uploads.lake.picture.fetch())
    assert uploads.lake.dataset.download("three/first", uploads.folder / "down", nb_jobs=-1) == {}
    assert "downloading pictures: 3" in capsys.readouterr().err


def test_d16_failures_reach_the_caller_and_stop_nothing_else(uploads: Uploads) -> None:
    files = [picture(uploads.folder / f"{number}.jpg", number) for number in range(3)]
    files[1].write_bytes(b"no picture")
    assert list(uploads.lake.picture.upload([str(file) for file in files])) == [str(files[1])]
    assert len(uploads.lake.picture.list()["pictures"]) == 2
    uploads.faults.fail("PUT", "/annotation/new/", times=10, how="status 400")
    report = uploads(coco(uploads.folder, {"bbox": BOX}))
    assert (report.exit_code, report.instances.uploaded, report.instances.failed.total()) == (4, 0, 1)


@pytest.mark.parametrize("name", ["a#1.jpg", "a?x.jpg", "a%20b.jpg", "a b.jpg", "sub/a.jpg"])
def test_d18_any_name_is_addressed_whole(uploads: Uploads, name: str) -> None:
    picture(uploads.images / name)
    assert uploads(coco(uploads.folder, {"bbox": BOX}, names=[name])).exit_code == 0
    assert len(uploads.objects(name)) == 1
    dataset = uploads.lake.dataset
    for label in ("a/b", "..", "c#d?e%20"):
        dataset.create_labels(label, "classification", verbose=False)
        dataset.add_annotation(name, data=[{"type": "classification", "label": label}])
    assert len(uploads.objects(name)) == 4


def test_d19_nothing_of_an_upload_is_left_running(uploads: Uploads) -> None:
    for number in range(40):
        picture(uploads.images / f"{number}.jpg", number)
    before = {thread.name for thread in threading.enumerate()}
    processes = set(multiprocessing.active_children())
    assert uploads(None, nb_jobs=-1).exit_code == 0
    deadline = time.monotonic() + 5
    while {one.name for one in threading.enumerate()} - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert {one.name for one in threading.enumerate()} - before == set()
    assert set(multiprocessing.active_children()) <= processes


def test_d20_pictures_without_objects_cost_no_annotation_and_a_bad_label_no_other(uploads: Uploads) -> None:
    names = [f"{number}.jpg" for number in range(5)]
    for number, name in enumerate(names):
        picture(uploads.images / name, number)
    source = coco(uploads.folder, {"bbox": BOX}, {"bbox": BOX, "category_id": 2, "image_id": 1}, names=names)
    uploads.faults.fail("PUT", "/car/", times=10, how="status 400")
    report = uploads(source)
    assert (report.instances.uploaded, report.instances.failed.total()) == (1, 1)
    assert len(uploads.objects("0.jpg")) == 1
    # Of five pictures two have objects; the one whose label was refused is sent again as often as an item is.
    assert uploads.faults.count("PUT", "/annotation/new/") <= 3


def test_d21_statistics_say_what_the_platform_holds(uploads: Uploads) -> None:
    picture(uploads.images / "a.jpg")
    picture(uploads.images / "b.jpg", 1)
    first = coco(uploads.folder / "1", {"bbox": BOX}, {"bbox": BOX, "category_id": 99})
    second = coco(uploads.folder / "2", {"bbox": BOX, "category_id": 2}, names=["b.jpg"])
    uploads(first)
    assert uploads(second, images=False).exit_code == 0
    with closing(sqlite3.connect(uploads.folder / "strict" / "platform.db")) as database:
        (text,) = database.execute("SELECT statistics FROM dataset").fetchone()
    assert ast.literal_eval(text) == {
        "repartition": {"Car": 1, "car": 1},
        "nb_annotations": 2,
        "nb_objects": 2,
    }


def test_d22_what_is_there_is_known_before_bytes_are_sent(uploads: Uploads) -> None:
    assert uploads(None).exit_code == 0
    uploads.folder.joinpath("journal.db").unlink()
    sent = uploads.faults.count("POST", "/storage/")
    assert uploads(None).images.already_there == 1
    assert uploads.faults.count("POST", "/storage/") == sent
    assert len([path for path in (uploads.folder / "strict" / "objects").rglob("*") if path.is_file()]) == 1


def test_d23_sub_folders_are_followed_and_other_files_passed_over(uploads: Uploads) -> None:
    picture(uploads.images / "a.jpg")
    picture(uploads.images / "deep" / "a.jpg", 1)
    picture(uploads.images / ".hidden.jpg", 2)
    (uploads.images / "notes.txt").write_text("x")
    report = uploads(None)
    assert (report.exit_code, report.images.uploaded) == (0, 2)
    listed = uploads.lake.picture.list()["pictures"]
    assert sorted(one["external_url"] for one in listed) == ["a.jpg", "deep/a.jpg"]
    assert len({one["internal_key"] for one in listed}) == 2


def test_d24_a_picture_turned_by_exif_has_the_size_it_is_shown_in(uploads: Uploads) -> None:
    exif = Image.Exif()
    exif[274] = 6
    picture(uploads.images / "a.jpg", exif=exif)
    uploads(None)
    (one,) = uploads.lake.picture.list()["pictures"]
    assert (one["width"], one["height"]) == (48, 64)


def test_d25_annotations_are_read_whole_from_none_to_many_pages(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("picsellia_ingest.api.pages.PAGE", 2)
    assert uploads(None).exit_code == 0
    dataset = uploads.lake.dataset.fetch("d")
    assert dataset is not None
    assert dataset.get_annotations() == dataset.get_annotations(from_snapshot=True) == []
    names = [f"{number}.jpg" for number in range(25)]
    for number, name in enumerate(names):
        picture(uploads.images / name, number)
    uploads(coco(uploads.folder, *({"bbox": BOX, "image_id": n} for n in range(25)), names=names))
    found = [record["external_picture_url"] for record in dataset.get_annotations()]
    assert sorted(found) == sorted(names)
    monkeypatch.chdir(tmp_path / "images")
    before = sorted(Path().iterdir())
    assert dataset.get_annotations(from_snapshot=True) == dataset.get_annotations()
    assert sorted(Path().iterdir()) == before


def test_d26_the_dataset_that_is_named_is_the_one_that_is_used(uploads: Uploads) -> None:
    picture(uploads.images / "a.jpg")
    for name in ("one", "two"):
        uploads.folder.joinpath("journal.db").unlink(missing_ok=True)
        assert uploads(None, name).exit_code == 0
    dataset = uploads.lake.dataset
    dataset.fetch("one")
    one = dataset.dataset_id
    dataset.create_labels("car", "classification")
    uploads.lake.dataset.fetch("two")
    dataset.add_annotation("a.jpg", one, data=[CAR])
    assert (len(uploads.objects(name="one")), len(uploads.objects(name="two"))) == (1, 0)
    assert len(dataset.list_pictures(one)) == 1
    with pytest.raises(ResourceNotFoundError):
        dataset.list_pictures("0b9d6a1e-52f4-4c0e-8a3b-7f1d2c9e4a10")


@pytest.mark.parametrize("part", ["init_multipart_upload", "complete_part_upload"])
def test_d27_a_large_file_that_cannot_be_stored_is_an_error(uploads: Uploads, part: str) -> None:
    network = Client.Network(uploads.running.token, host=uploads.running.address).create("n", "t")
    file = uploads.folder / "model.h5"
    file.write_bytes(b"x" * 2 * FIVE)
    uploads.faults.fail("GET" if part.startswith("init") else "POST", part, times=10, how="status 400")
    with pytest.raises(InvalidQueryError, match="made to fail"):
        network.store("model", file)
    assert network.get().files == {}
    uploads.faults.rules.clear()
    before = uploads.faults.count("PUT", "/storage/parts/")
    network.store("model", file)
    # Two parts of 5 MiB, and no empty third one.
    assert uploads.faults.count("PUT", "/storage/parts/") - before == 2


@pytest.mark.parametrize("given", [{}, {"tags": None}, {"tags": []}])
def test_d28_without_tags_pictures_get_the_date_and_no_other_pictures_come_along(
    uploads: Uploads, given: dict[str, Any]
) -> None:
    uploads.lake.picture.upload(str(picture(uploads.folder / "stranger.jpg", 9)))
    uploads(None, **given)
    listed = {one["external_url"]: one for one in uploads.lake.picture.list()["pictures"]}
    assert listed["a.jpg"]["tag"] == [listed["a.jpg"]["creation_date"]]
    dataset = uploads.lake.dataset.fetch("d")
    assert dataset is not None
    assert [one["external_url"] for one in dataset.list_pictures()] == ["a.jpg"]


def test_d29_a_list_of_files_is_uploaded_whole(uploads: Uploads) -> None:
    files = [str(picture(uploads.folder / f"{number}.jpg", number)) for number in range(3)]
    assert uploads.lake.picture.upload(files, tags=["x"]) == {}
    assert len(uploads.lake.picture.fetch(1, ["x"])) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [(409, RequestRejectedError), (429, ApiLimitError), (500, ProcessingError), (400, InvalidQueryError)],
)
@pytest.mark.parametrize(
    "use",
    [lambda dataset: dataset.create_labels("car", "polygon"), lambda dataset: dataset.list_pictures()],
    ids=["label", "pictures"],
)
def test_d30_each_refusal_has_an_error_of_its_own_with_the_platforms_words(
    uploads: Uploads, status: int, error: type[PicselliaError], use: Callable[[Any], None]
) -> None:
    uploads(None)
    dataset = uploads.lake.dataset.fetch("d")
    for method in ("PUT", "GET"):
        uploads.faults.fail(
            method, "/label/" if method == "PUT" else "/picture/", times=10, how=f"status {status}"
        )
    with pytest.raises(error, match="made to fail"):
        use(dataset)


@pytest.mark.parametrize("how", ["after", "lost", "before"])
@pytest.mark.parametrize("host", ["ours", "one that knows no keys"])
def test_d31_an_annotation_whose_answer_is_lost_is_added_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, host: str
) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    faults = Faults()

    def wrap(app: Any) -> Any:
        return faults.wrap(app if host == "ours" else foreign(app))

    with start(tmp_path / "platform", wrap=wrap) as running:
        lake = Client.Datalake(running.token, host=running.address)
        lake.picture.upload(str(picture(tmp_path / "a.jpg")))
        lake.dataset.create("d", pictures=lake.picture.list())
        lake.dataset.add_annotation("a.jpg", data=[CAR])
        faults.fail("PUT", "/annotation/new/", how=how)
        lake.dataset.add_annotation("a.jpg", data=[CAR])
        (record,) = lake.dataset.get_annotations("a.jpg")
        transport.close_idle_connections()
    assert record["nb_labels"] == 2


def test_d31_an_upload_that_is_run_again_adds_nothing(uploads: Uploads) -> None:
    source = coco(uploads.folder, {"bbox": BOX})
    for _ in range(2):
        assert uploads(source).exit_code == 0
        uploads.folder.joinpath("journal.db").unlink()
    assert len(uploads.objects()) == 1


def test_d32_names_written_on_windows_find_their_pictures(uploads: Uploads) -> None:
    picture(uploads.images / "night" / "a.jpg")
    assert uploads(coco(uploads.folder, {"bbox": BOX}, names=["images\\night\\a.jpg"])).exit_code in (0, 3)
    assert len(uploads.objects("night/a.jpg")) == 1


def test_d32_a_file_without_an_extension_is_uploaded_as_what_it_is(uploads: Uploads) -> None:
    shutil.move(picture(uploads.folder / "a.jpg"), uploads.folder / "photo")
    assert uploads.lake.picture.upload(str(uploads.folder / "photo")) == {}
    (one,) = uploads.lake.picture.list()["pictures"]
    assert one["external_url"] == "photo"


def test_each_of_the_32_points_has_a_test() -> None:
    found = {
        function.name[:8]
        for path in HERE.glob("test_better_*.py")
        for function in ast.parse(path.read_text()).body
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_d")
    }
    assert found == {f"test_d{number:02}" for number in range(1, 33)}
