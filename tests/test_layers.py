"""The import contracts of setup.cfg hold, and they can fail."""

from __future__ import annotations

import subprocess
import sys

from tests.paths import ROOT


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
