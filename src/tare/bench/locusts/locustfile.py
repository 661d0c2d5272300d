"""Our load as Locust's users, so that several machines can make it.

A master is given a `Spec` as `--spec` and writes a `Loaded` to `--result`. What Locust's own statistics have is not used:
each worker keeps HdrHistograms, which the master adds exactly. Of an *open* load each user has a timetable, and latency
counts from the time that was set, which Locust by itself does not do: `constant_throughput` waits for the answer first.
https://docs.locust.io/en/stable/running-distributed.html
"""

from __future__ import annotations

import itertools
import random
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import gevent
import msgspec
from locust import FastHttpUser, constant, events, runners, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from tare.bench.load import HIGHEST, Loaded, Spec, histogram

# Locust's own 3 s are longer than some loads, and when all ends a master waits half a second for the last report.
runners.WORKER_REPORT_INTERVAL = 0.5
_PATIENCE: Final = 15.0
"""Seconds that a master waits for what its workers have still to tell."""
_KEY: Final = "tare"
"""Where our part is in what a worker sends to its master."""


class Counted:
    """What one worker has counted since it last told its master, or a master of all workers."""

    def __init__(self) -> None:
        self.latencies, self.lags = histogram(), histogram()
        self.requests = self.errors = self.dropped = self.ended = 0
        self.seconds = 0.0
        self.busy = 0.0
        self.sent: dict[str, int] = {}

    def told(self) -> dict[str, Any]:
        return {
            "latencies": self.latencies.encode().decode(), "lags": self.lags.encode().decode(),
            "requests": self.requests, "errors": self.errors, "dropped": self.dropped, "ended": self.ended, "seconds": self.seconds,
            "busy": self.busy, "sent": self.sent,
        }  # fmt: skip

    def add(self, told: dict[str, Any]) -> None:
        self.latencies.decode_and_add(told["latencies"].encode())
        self.lags.decode_and_add(told["lags"].encode())
        self.requests += told["requests"]
        self.errors += told["errors"]
        self.dropped += told["dropped"]
        self.ended += told["ended"]
        # The longest, and the busiest: one worker that cannot keep up is enough to spoil what is measured.
        self.seconds = max(self.seconds, told["seconds"])
        self.busy = max(self.busy, told["busy"])
        for path, count in told["sent"].items():
            self.sent[path] = self.sent.get(path, 0) + count


class Here:
    """This process's part of the load."""

    counted = Counted()
    begun = cpu = 0.0
    users = 0
    """That were made in this process."""
    spec: Spec
    result = ""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--spec", default="", help="a Spec, as JSON")
    parser.add_argument("--result", default="", help="where the master writes a Loaded, as JSON")


def begin(environment: Environment, **_: object) -> None:
    Here.result = getattr(environment.parsed_options, "result", "")


def start(environment: Environment, **_: object) -> None:
    Here.spec = msgspec.json.decode(environment.parsed_options.spec.encode(), type=Spec)  # type: ignore[union-attr]  # ours
    Here.counted, Here.users = Counted(), 0
    Here.begun, Here.cpu = time.perf_counter(), time.process_time()


def report(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001  # the names are Locust's
    data[_KEY] = Here.counted.told()
    Here.counted = Counted()


def gather(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001  # the names are Locust's
    if _KEY in data:
        Here.counted.add(data[_KEY])


def wait(environment: Environment, **_: object) -> None:
    """Let a master hear of every user before its workers are gone: on a busy machine reports are late."""
    give_up = time.perf_counter() + _PATIENCE
    if isinstance(environment.runner, MasterRunner):
        while Here.counted.ended < Here.spec.connections and time.perf_counter() < give_up:
            gevent.sleep(0.05)


def write(exit_code: int) -> None:  # noqa: ARG001  # the name is Locust's
    if not Here.result:
        return
    total, spec = Here.counted, Here.spec
    due = max(1, round(spec.rate * spec.seconds)) if spec.mode == "open" else 0
    loaded = Loaded(
        requests=total.requests,
        errors=total.errors,
        seconds=total.seconds or spec.seconds,
        histogram=total.latencies.encode().decode(),
        lag_p99=float(total.lags.get_value_at_percentile(99)) / 1e6,
        busy=total.busy,
        sent={path: total.sent.get(path, 0) for path in spec.parts},
        # What a worker that is lost did not tell of counts as not sent.
        lost=max(0, spec.connections - total.ended),
        dropped=max(total.dropped, due - total.requests - total.errors),
    )
    Path(Here.result).write_bytes(msgspec.json.encode(loaded))


class Client(FastHttpUser):
    """One connection: it asks when it has an answer, or when its timetable says so."""

    wait_time = constant(0)

    def on_start(self) -> None:
        spec = self.spec = Here.spec
        runner = self.environment.runner
        workers = len(runner.clients) if isinstance(runner, MasterRunner) else _workers(runner)
        first = (runner.worker_index if isinstance(runner, WorkerRunner) else 0) + workers * Here.users
        Here.users += 1
        self.dice = random.Random(f"{spec.seed}:{first}")
        self.paths = tuple(spec.parts)
        self.weights = tuple(itertools.accumulate(spec.parts.values()))
        self.begun, self.cpu = time.perf_counter(), time.process_time()
        self.number = 0
        if spec.mode == "open":
            # All users together are evenly spaced, however many workers they are spread over.
            self.pace = spec.connections / spec.rate
            self.first = self.begun + first / spec.rate
            self.total = len(range(first, max(1, round(spec.rate * spec.seconds)), spec.connections))

    @task
    def ask(self) -> None:
        since = time.perf_counter()
        if self.spec.mode == "closed":
            if since - self.begun >= self.spec.seconds:
                self._finish()
        else:
            since = self._due(since)
        path = self.paths[0] if len(self.paths) == 1 else self.dice.choices(self.paths, cum_weights=self.weights)[0]
        answer = self.client.get(path.replace("{key}", str(self.dice.randrange(self.spec.keys))), name=path)
        self._count(path, answer.status_code, time.perf_counter() - since)

    def _due(self, now: float) -> float:
        """Wait until the next request is due, and return that time; one that is late is sent at once."""
        if self.number >= self.total:
            self._finish()
        due = self.first + self.number * self.pace
        self.number += 1
        if now < due:
            gevent.sleep(due - now)
            Here.counted.lags.record_value(_micros(time.perf_counter() - due))
        return due

    def on_stop(self) -> None:
        Here.counted.ended += 1
        if self.spec.mode == "open":
            Here.counted.dropped += self.total - self.number
            self.number = self.total

    def _finish(self) -> None:
        raise StopUser

    def _count(self, path: str, status: int, took: float) -> None:
        counted = Here.counted
        counted.latencies.record_value(_micros(took))
        counted.requests += status == 200
        counted.errors += status != 200
        counted.sent[path] = counted.sent.get(path, 0) + 1
        counted.seconds = time.perf_counter() - Here.begun
        counted.busy = (time.process_time() - Here.cpu) / counted.seconds


def _micros(seconds: float) -> int:
    return max(1, min(HIGHEST, round(seconds * 1e6)))


def _workers(runner: object) -> int:
    options = getattr(getattr(runner, "environment", None), "parsed_options", None)
    return getattr(options, "expect_workers", None) or 1


def _listen(hook: Any, function: Callable[..., None]) -> None:  # noqa: ANN401  # Locust's hooks have no types
    hook.add_listener(function)


_listen(events.init_command_line_parser, arguments)
_listen(events.init, begin)
_listen(events.test_start, start)
_listen(events.report_to_master, report)
_listen(events.worker_report, gather)
_listen(events.test_stop, wait)
_listen(events.quit, write)
