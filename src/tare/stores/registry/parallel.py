"""A few things at once, for work that waits. `concurrent.futures` would cost 6 ms to import."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


class Stop:
    """Says to all that work on the same thing that it has failed."""

    def __init__(self) -> None:
        self.set = False


class StoppedError(Exception):
    """The work was given up because other work has failed."""


def run(work: Callable[[T], None], items: Iterable[T], *, threads: int, stop: Stop) -> None:
    """Do *work* with each of *items*, up to *threads* at once. The first failure ends it all, and is raised."""
    waiting = list(items)[::-1]
    failures: list[Exception] = []

    def drain() -> None:
        while waiting and not stop.set:
            with contextlib.suppress(IndexError):  # another one was faster
                item = waiting.pop()
                try:
                    work(item)
                except Exception as failure:  # noqa: BLE001  # it is raised again, where the work was ordered
                    failures.append(failure)
                    stop.set = True

    workers = [threading.Thread(target=drain, daemon=True) for _ in range(min(threads, len(waiting)) - 1)]
    for worker in workers:
        worker.start()
    try:
        drain()
        for worker in workers:
            worker.join()
    except BaseException:
        stop.set = True
        raise
    if failures:
        raise next((failure for failure in failures if not isinstance(failure, StoppedError)), failures[0])
