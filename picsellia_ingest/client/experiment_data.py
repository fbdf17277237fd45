"""The data of an experiment: names for numbers, lines, tables and pictures that are shown beside it."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import msgspec

from ..api import experiments
from ..errors import InvalidQueryError, ResourceNotFoundError
from . import files
from .experiment_core import Core

_LINE = "line"


class Data(Core):
    """Keeps, lists, extends and removes data."""

    def list_data(self) -> builtins.list[dict[str, Any]]:
        """All data, each with its ``name``, ``type`` and ``data``."""
        self.data = experiments.all_data(self._connection, self._id())
        return self.data

    def create_data(self, name: str, data: Any, type: str) -> None:
        """Keep data under a new name. Raises InvalidQueryError when there is data of this name."""
        experiments.create_data(self._connection, self._id(), name, _plain(data), type)

    def get_data(self, name: str) -> Any:
        """The data kept under a name. Raises ResourceNotFoundError."""
        return experiments.experiment_data(self._connection, self._id(), name)["data"]

    def update_data(self, name: str, data: Any, type: str | None = None) -> None:
        """Keep other data under a name. Raises ResourceNotFoundError."""
        kind = type or self._type_of(name)
        experiments.replace_data(self._connection, self._id(), name, _plain(data), kind)

    def append_data(self, name: str, data: Any, type: str | None = None) -> None:
        """Add to the list, or to each list of the object, kept under a name. Raises ResourceNotFoundError."""
        held = experiments.experiment_data(self._connection, self._id(), name)
        self._extend(name, held["data"], data, type or str(held.get("type") or _LINE))

    def delete_data(self, name: str) -> None:
        """Remove the data of a name. Raises ResourceNotFoundError."""
        experiments.forget(self._connection, self._id(), "data", name)

    def delete_all_data(self) -> None:
        """Remove all data."""
        experiments.forget(self._connection, self._id(), "data")

    def log(self, name: str, data: Any, type: str | None = None, replace: bool = False) -> None:
        """Keep data under a name; a ``line`` that is there grows by it, unless ``replace`` is set.

        ``type`` says how it is shown: ``value`` (a number or text), ``line`` (a list, or ``{"steps", "values"}``),
        ``bar`` (``{"x", "y"}``), ``table``, ``labelmap``, or any other the platform knows. The data of an ``image`` is
        the path of a file, which is stored. Arrays and numbers of NumPy are taken as lists and numbers.
        """
        if not name or not type:
            raise InvalidQueryError("the data needs a name and a type", "call log(name, data, type)")
        data = (
            self._stored(name, data)
            if type == "image"
            else _plain({"value": data} if type == "value" else data)
        )
        owner = self._id()
        try:
            held = self.get_data(name)
        except ResourceNotFoundError:
            experiments.create_data(self._connection, owner, name, data, type)
            return
        if replace or type != _LINE:
            experiments.replace_data(self._connection, owner, name, data, type)
        else:
            self._extend(name, held, data, type)

    def _stored(self, name: str, path: Any) -> dict[str, str]:
        """Store a picture; its key holds the name, so that two files of one name do not share it."""
        file = files.existing(path)
        key, _ = files.store(self._connection, f"{self._id()}/{name}", name, Path(file))
        return {"object_name": key}

    def _extend(self, name: str, held: Any, more: Any, kind: str) -> None:
        experiments.extend_data(
            self._connection, self._id(), name, _plain(more), kind, lambda: self.get_data(name) != held
        )

    def _type_of(self, name: str) -> str:
        return str(experiments.experiment_data(self._connection, self._id(), name).get("type") or "value")


def _plain(data: Any) -> Any:
    """The data as JSON can hold it. Raises InvalidQueryError."""
    try:
        return msgspec.to_builtins(data, enc_hook=_listed, str_keys=True)
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise InvalidQueryError(
            f"the data is none that JSON holds: {error}", "pass numbers, texts, lists, dicts"
        ) from error


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not supported")
