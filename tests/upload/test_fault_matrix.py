"""Every fault of the HTTP matrix at every step of an upload: what the run then does, and that the next one completes it.

Steps: asking for a signed address, sending the object, registering the picture, annotating it, listing the dataset.
``done`` is complete in the same run; ``item`` fails one item alone; ``stop`` ends the run, ``denied`` with exit code 5.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from picsellia_ingest.api import pace, transport
from tests.paths import FIXTURES
from tests.upload.conftest import Destination
from tests.upload.faults import Faults

pytestmark = pytest.mark.slow
DEMO = FIXTURES / "COCO" / "demo"
STEPS = {
    "presign": ("POST", "generate_presigned_url"),
    "object": ("POST", "/storage/"),
    "register": ("PUT", "/picture/upload/"),
    "annotate": ("PUT", "/annotation/new/"),
    "list": ("GET", "/picture/"),
}
AGAIN = dict.fromkeys(STEPS, "done")
MATRIX = {
    "before": AGAIN,
    "after": AGAIN,
    "lost": AGAIN,
    "cut": AGAIN | {"object": ""},
    "closed": AGAIN,
    "closed after": AGAIN,
    "status 408": AGAIN,
    "status 425": AGAIN,
    "status 429": AGAIN,
    "status 500": AGAIN,
    "status 502": AGAIN,
    "status 504": AGAIN,
    "status 400": dict.fromkeys(STEPS, "item") | {"list": "stop"},
    "status 422": dict.fromkeys(STEPS, "done") | {"list": "stop"},
    "status 401": dict.fromkeys(STEPS, "denied") | {"object": "done"},
    "status 402": dict.fromkeys(STEPS, "denied"),
    "status 403": dict.fromkeys(STEPS, "item") | {"object": "done", "list": "stop"},
    "status 404": dict.fromkeys(STEPS, "item") | {"object": "done", "list": "stop"},
    "status 409": dict.fromkeys(STEPS, "done") | {"list": "stop"},
    "status 413": dict.fromkeys(STEPS, "done") | {"list": "stop"},
    "status 507": dict.fromkeys(STEPS, "denied"),
    "status 301": dict.fromkeys(STEPS, "stop"),
    "status 302": dict.fromkeys(STEPS, "stop"),
    "status 307": dict.fromkeys(STEPS, "stop"),
}
CASES = [(how, step, outcome) for how, row in MATRIX.items() for step, outcome in row.items() if outcome]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    monkeypatch.setattr(pace, "CALM_SECONDS", 0.0)


@pytest.mark.parametrize(("how", "step", "outcome"), CASES)
def test_a_fault_leads_to_what_the_matrix_says_and_the_next_run_completes_it(
    platforms: Callable[..., Destination], how: str, step: str, outcome: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail(*STEPS[step], 1, how)
    report = destination.upload(DEMO / "instances.json", DEMO / "images")
    assert sum(rule[2] for rule in faults.rules) == 0, "the fault happened"
    failed = report.images.failed.total(), report.instances.failed.total()
    seen = (report.exit_code, bool(report.stopped))
    if outcome == "done":
        assert (seen, failed) == ((0, False), (0, 0)), report
    elif outcome == "item":
        assert seen == (4, False), report
        assert failed[0] == 1 or 0 < failed[1] <= 3, report
    else:
        assert seen == ({"stop": 4, "denied": 5}[outcome], True), report
        assert "again" in report.verdict
    assert destination.upload(DEMO / "instances.json", DEMO / "images").exit_code == 0
    assert sorted(map(len, destination.objects().values())) == [2, 2, 3]
    assert len(destination.pictures()) == 4
