"""Scans of a project: one script, run once for each combination of parameters; and the run that is worked on."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..api import resources, scans, storage
from ..errors import InvalidQueryError, ResourceNotFoundError
from . import files
from .experiment_core import Core

_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*(?:\[[\w.,-]+\])?)(?:==([\w.+!*-]+))?")


class Scans(Core):
    """Makes and launches scans; ``run`` is the run that was asked for last."""

    run: dict[str, Any] | None

    def init_scan(self, name: str, config: Mapping[str, Any], nb_worker: int = 1) -> dict[str, Any]:
        """Make a scan in the project; what the platform says of it.

        ``config["script"]`` is the path of a file and ``config["data"]`` a list of paths: they are stored with the
        project. ``config["requirements"]`` is a list of ``{"package", "version"}``, or the path of a text with
        ``package==version`` lines. ``config["parameters"]`` says what varies: ``{"batch": {"values": [2, 4]}}``.
        """
        project = self._project(None)
        wanted = dict(config)
        body: dict[str, Any] = {"name": name, "config": wanted, "nb_worker": nb_worker}
        if wanted.get("requirements") is not None:
            wanted["requirements"] = _requirements(wanted["requirements"])
        paths = wanted.get("data") or []
        if isinstance(paths, str) or not all(isinstance(path, (str, Path)) for path in paths):
            raise InvalidQueryError("the data of a scan is a list of paths")
        data = [files.existing(path) for path in paths]
        if len({file.name for file in data}) < len(data):
            raise InvalidQueryError("two files of the data have the same name", "rename one of them")
        if wanted.get("script"):
            script = files.existing(wanted["script"])
            wanted["script"] = body["filename"] = script.name
            body["object_name"] = self._kept(project, script)
        if data:
            wanted["data"] = [
                {"filename": file.name, "object_name": self._kept(project, file)} for file in data
            ]
        return scans.create_scan(self._connection, project, body)

    def launch_scan(self, name: str) -> None:
        """Have a scan run."""
        scans.launch_scan(self._connection, self._project(None), name)

    def get_next_run(self, name: str) -> dict[str, Any]:
        """The next run of a scan, which stays in ``run``; its experiment is checked out.

        Raises ResourceNotFoundError when the scan has no further run.
        """
        self.run = scans.next_run(self._connection, self._project(None), name)
        self._fetch(None, str(self.run["experiment"]["name"]), None)
        return self.run

    def get_run(self, id: str) -> dict[str, Any]:
        """Fetch a run, which stays in ``run``. Raises ResourceNotFoundError."""
        self.run = scans.fetch_run(self._connection, id)
        return self.run

    def update_run(self, **changes: Any) -> dict[str, Any]:
        """Set properties of the run, such as its ``status``."""
        if not changes:
            raise InvalidQueryError("nothing is to be updated", "pass status")
        self.run = scans.update_run(self._connection, self._held_run()["id"], changes)
        return self.run

    def end_run(self) -> bool:
        """End the run."""
        scans.end_run(self._connection, self._held_run()["id"])
        return True

    def download_script(self) -> None:
        """Download the script of the run into the current folder."""
        run = self._held_run()
        if not run.get("script_object_name"):
            raise ResourceNotFoundError("the run has no script")
        files.save(self._connection, str(run["script_object_name"]), Path(), str(run.get("script") or ""))

    def download_run_data(self) -> None:
        """Download the data of the run into the current folder."""
        for file in (self._held_run().get("config") or {}).get("data") or []:
            files.save(self._connection, str(file["object_name"]), Path(), str(file.get("filename") or ""))

    def install_run_requirements(self) -> None:
        """Install what the run needs with ``pip``. Raises InvalidQueryError when one cannot be installed."""
        needed = [_requirement(item) for item in self._held_run().get("requirements") or []]
        if not needed:
            return
        pip = shutil.which("pip")
        if pip is None:
            raise ResourceNotFoundError("there is no pip here", "install pip, or the requirements by hand")
        words = [item["package"] + (f"=={item['version']}" if item["version"] else "") for item in needed]
        done = subprocess.run([pip, "install", "--", *words], check=False)  # noqa: S603 - names that were checked
        if done.returncode:
            raise InvalidQueryError(f"pip could not install {', '.join(words)}")

    def _kept(self, project: str, file: Path) -> str:
        key = f"{project}/{file.name}"
        resources.store_file(self._connection, storage.survey(file), key)
        return key

    def _held_run(self) -> dict[str, Any]:
        if not self.run:
            raise InvalidQueryError("no run was fetched", "call get_next_run or get_run")
        return self.run


def _requirements(wanted: Any) -> list[dict[str, str]]:
    if isinstance(wanted, (str, Path)):
        path = Path(wanted)
        if not path.is_file():
            raise ResourceNotFoundError(f"there is no file {wanted}", "check requirements")
        lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
        return [_requirement(line) for line in lines if line]
    if not isinstance(wanted, list):
        raise InvalidQueryError(
            "the requirements are neither a list nor the path of a file",
            'write [{"package": ..., "version": ...}]',
        )
    return [_requirement(item) for item in wanted]


def _requirement(item: Any) -> dict[str, str]:
    """A package and its version, empty for any. What could be an option of pip, or an address, is none."""
    text = item
    if isinstance(item, dict):
        version = str(item.get("version") or "")
        text = f"{item.get('package', '')}=={version}" if version else str(item.get("package", ""))
    found = _REQUIREMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidQueryError(f"{item!r} is no requirement", "write package==version")
    return {"package": found[1], "version": found[2] or ""}
