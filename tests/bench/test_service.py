"""A service that does not start, ends, hangs or speaks nonsense: each cell says so, and what was measured is kept."""

from __future__ import annotations

import socket
import sys

import pytest

from tare.bench.load import Loaded, Spec, histogram
from tare.bench.places import HostPlace, Job, Outcome, Running
from tare.bench.postgres import Database
from tare.bench.profiles import profiles
from tare.bench.service import ServiceWorkload
from tare.bench.workload import Measured

SERVICE = """
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # an answer in one piece: otherwise each waits for an acknowledgement

    def do_GET(self):
        if self.path.startswith("/agg"):
            BREAK
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
CASES = (
    "service: first answer", "/json: 16 connections", "/db: 4 connections", "/db: 16 connections",
    "/queries: 16 connections", "/range: 16 connections", "/agg: 16 connections", "/update: 16 connections",
    "mix: 4 connections", "mix: 16 connections",
)  # fmt: skip
BEFORE = CASES[: CASES.index("/agg: 16 connections")]


class Quiet(Database):
    """A database that nobody asks."""

    def ask(self, sql: str) -> str:
        return "0"


class Idle:
    """A generator that makes no load."""

    def run(self, spec: Spec) -> Loaded:
        return Loaded(requests=10, errors=0, seconds=1.0, histogram=histogram().encode().decode())


class Given:
    """A place whose service is the program that was given."""

    def __init__(self, program: str) -> None:
        self._program = program

    def run(self, job: Job) -> Outcome:
        raise AssertionError(job)

    def serve(self, job: Job) -> Running:
        return HostPlace(sys.executable).serve(Job(command=("-c", self._program, job.command[1]), timeout=60))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measured(program: str, *, is_open: bool = False, peaks: float = 100.0) -> list[Measured]:
    workload = ServiceWorkload(
        name="service", profile=profiles()["smoke"], database=Quiet("postgresql://nowhere.example/x", "psql"),
        driver="asyncpg", generator=Idle(), peaks=lambda: {"/json": peaks} if peaks else {}, open=is_open,
        free_port=free_port,
    )  # fmt: skip
    return workload.measure("slim", Given(program), round_seed="0")


@pytest.mark.parametrize(("program", "status", "note"), [
    ("raise SystemExit('the database refuses')", "failed", "the database refuses"),
    ("import no_such_thing", "unsupported", "ModuleNotFoundError: No module named 'no_such_thing'"),
    ("raise MemoryError", "oom", "its memory was used up"),
    ("pass", "failed", "the service ended"),
])  # fmt: skip
def test_a_service_that_does_not_start_is_a_cell_for_all_that_it_would_have_answered(
    program: str, status: str, note: str
) -> None:
    found = measured(program)

    assert [each.case for each in found] == list(CASES)
    assert {(each.status, each.note) for each in found} == {(status, note)}


@pytest.mark.parametrize(("breaks", "status", "note"), [
    ("sys.stderr.write('out of luck'); sys.stderr.flush(); os._exit(3)", "failed", "out of luck"),
    ("os.kill(os.getpid(), 9)", "oom", "its memory was used up"),
    ("self.wfile.write(b'nonsense' + bytes([13, 10, 13, 10])); return", "failed", "the answer is not HTTP/1.1 with a length"),
])  # fmt: skip
def test_what_was_measured_before_a_service_broke_is_kept(breaks: str, status: str, note: str) -> None:
    found = measured(SERVICE.replace("BREAK", breaks))

    assert [each.case for each in found] == list(CASES)
    assert {(each.status, each.note) for each in found if each.case in BEFORE} == {("ok", None)}
    assert {(each.status, each.note) for each in found if each.case not in BEFORE} == {(status, note)}


def test_without_a_peak_to_offer_a_share_of_no_cell_is_valid() -> None:
    found = measured(SERVICE.replace("BREAK", "pass"), is_open=True, peaks=0.0)

    assert len(found) == 9
    assert {(each.status, each.note) for each in found} == {("invalid", "no candidate had a peak in the closed load")}
