"""The first byte of a service: a container as safe as can be, a port that is free, and what is said when none answers."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from tare.engines.interface import RunOptions
from tare.flow.compare.serving import measure_serving
from tare.oci.config import RunConfig
from tare.oci.image import Image

SERVICE = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)
    def log_message(self, *_):
        pass
time.sleep(0.2)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Processes:
    """An engine whose containers are processes of this machine: `run` becomes the program, in a child of the test."""

    name = "processes"

    def available(self) -> str | None:
        return None

    @contextlib.contextmanager
    def held(self, image: Image) -> Iterator[None]:
        yield

    def run(self, image: Image, options: RunOptions) -> int:
        environment = {**os.environ, **options.env}
        os.dup2(options.stderr or 2, 2)
        os.execve(sys.executable, [sys.executable, *(options.entrypoint or ())[1:]], environment)  # noqa: S606  # it becomes the program


def image(*argv: str, ports: tuple[str, ...] = ("8000/tcp",)) -> Image:
    config = RunConfig(cmd=argv, exposed_ports={port: {} for port in ports})
    return cast("Image", SimpleNamespace(config=SimpleNamespace(config=config)))


def test_a_service_is_timed_to_its_first_byte_whatever_that_says() -> None:
    found = measure_serving(Processes(), image("python", "-c", SERVICE, "8000"), 2)

    assert found.why == ""
    assert len(found.seconds) == 2
    assert all(0.2 < each < 30 for each in found.seconds)


def test_a_service_that_ends_before_it_answers_is_told_by_its_last_words() -> None:
    found = measure_serving(Processes(), image("python", "-c", "raise SystemExit('no database')", "8000"), 3)

    assert (found.seconds, found.why) == ((), "it did not answer at its port 8000: no database")


def test_what_has_no_port_is_no_service() -> None:
    assert measure_serving(Processes(), image("python", "-c", "pass", ports=()), 3).seconds == ()
