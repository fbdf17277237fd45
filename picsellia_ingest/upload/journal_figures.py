"""The account of one run as its journal has it: what became of pictures and instances, and why the rest did not get through."""

from __future__ import annotations

import sqlite3

from .items import State


class Figures:
    """The figures of one run; they are read, never written."""

    def __init__(self, base: sqlite3.Connection, run: int) -> None:
        self._base = base
        self._chosen = {"run": run, "attached": int(State.ATTACHED)}

    def sums(self) -> dict[str, int]:
        """The ledger's figures: pictures and instances, by what became of them."""
        row = self._base.execute(
            "SELECT count(*) AS pictures, COALESCE(sum(instances), 0) AS instances,"
            " COALESCE(sum(picture_there AND state>=:attached), 0) AS there,"
            " COALESCE(sum(NOT picture_there AND state>=:attached), 0) AS uploaded,"
            " COALESCE(sum(instances_there), 0) AS instances_there, COALESCE(sum(instances_sent), 0) AS instances_sent"
            " FROM item WHERE run=:run",
            self._chosen,
        ).fetchone()
        return dict(row)

    def failures(self) -> list[tuple[str, int, int]]:
        """What did not get through, by reason: (code, pictures, instances)."""
        rows = self._base.execute(
            "SELECT COALESCE(code, 'not_reached'), sum(state<:attached),"
            " sum(instances-instances_there-instances_sent) FROM item WHERE run=:run"
            " AND (state<:attached OR instances>instances_there+instances_sent) GROUP BY 1",
            self._chosen,
        )
        return [tuple(row) for row in rows]

    def errors(self, most: int) -> list[tuple[str, str, str]]:
        """The first failures: (name, code, error)."""
        rows = self._base.execute(
            "SELECT name, code, error FROM item WHERE run=:run AND code IS NOT NULL ORDER BY id LIMIT :most",
            {**self._chosen, "most": most},
        )
        return [tuple(row) for row in rows]
