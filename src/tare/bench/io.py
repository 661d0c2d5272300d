"""The I/O-bound work with a table: loaded by the candidate, and asked."""

from __future__ import annotations

from typing import Final

import msgspec

from tare.bench.places import Job, Place
from tare.bench.postgres import Database
from tare.bench.profiles import Profile
from tare.bench.workload import Measured, Program, ProgramWorkload, reported

QUESTIONS: Final = ("point", "twenty points", "range", "day", "top", "count", "fetch")
LOAD_CASES: Final = (
    "postgres: load",
    "postgres: primary key (server)",
    "postgres: index (server)",
    "postgres: analyze (server)",
)


def table_of(rows: int) -> str:
    """Return the name of the table with *rows* rows."""
    return f"event_{rows}"


class TableWorkload(msgspec.Struct, frozen=True, kw_only=True):
    """Loading and asking: the candidate's driver against the same server."""

    profile: Profile
    database: Database
    driver: str
    """What asks the database: the module `driver_NAME` of the programs."""
    name: str = "io"

    @property
    def identity(self) -> str:
        """What two runs have in common whose figures can be compared."""
        return f"driver {self.driver} "

    def measure(self, candidate: str, place: Place, *, round_seed: str) -> list[Measured]:
        found: list[Measured] = []
        rows, table = self.profile.rows, table_of(self.profile.rows)
        if not self.database.remembered(table):
            found += [_renamed(each, "whole table") for each in self._load(place, table, rows, round_seed)]
            if any(each.status != "ok" for each in found):
                return found
            self.database.remember(table)
        found += self._load(place, "event_ingest", min(rows, self.profile.ingest), round_seed)
        self.database.drop("event_ingest")
        ask = Program(
            command=("work_postgres.py", "ask", self.database.url, table, str(rows), self.driver),
            cases=tuple(f"postgres: {name}" for name in QUESTIONS),
            timeout=3600,
        )
        return found + ProgramWorkload(name=self.name, programs=(ask,)).measure(candidate, place, round_seed=round_seed)

    def _load(self, place: Place, table: str, rows: int, round_seed: str) -> list[Measured]:
        command = ("work_postgres.py", "load", self.database.url, table, str(rows), self.driver)
        outcome = place.run(Job(command=command, environment={"PYTHONHASHSEED": round_seed}, timeout=7200))
        return reported(outcome, LOAD_CASES)


def _renamed(measured: Measured, what: str) -> Measured:
    return msgspec.structs.replace(measured, case=measured.case.replace("postgres:", f"postgres, {what}:"))
