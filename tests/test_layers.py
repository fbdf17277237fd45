"""The import contracts of setup.cfg hold, and they can fail."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.paths import FIXTURES, ROOT


def test_imports_point_down_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "5 kept, 0 broken" in done.stdout


def test_importing_the_package_and_the_client_loads_nothing_heavy() -> None:
    code = "import sys, picsellia_ingest, picsellia_ingest.cli; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {
        "numpy",
        "scipy",
        "shapely",
        "PIL",
        "lxml",
        "requests",
        "joblib",
        "flask",
        "sqlalchemy",
        "rich",
        "msgspec",
    }


@pytest.mark.parametrize("command", [["inspect"], ["validate"], ["inspect", "--quick"]])
def test_looking_at_a_source_loads_nothing_of_a_connection(command: list[str]) -> None:
    code = """
import sys
from picsellia_ingest.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(end.code, *sorted(m for m in sys.modules if "." not in m))
"""
    source = FIXTURES / "COCO" / "demo" / "instances.json"
    done = subprocess.run(
        [sys.executable, "-c", code, *command, str(source)], capture_output=True, text=True, check=True
    )
    ended, *loaded = done.stdout.splitlines()[-1].split()
    assert ended == "0"
    assert "numpy" in loaded
    assert not {*loaded} & {"requests", "urllib3", "sqlite3", "joblib", "scipy", "shapely", "flask"}
