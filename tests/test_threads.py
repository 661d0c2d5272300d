"""Threads are waited for when work fails, and left when a person says stop."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from tare import threads


@pytest.mark.parametrize(("failure", "waits"), [(ValueError, True), (KeyboardInterrupt, False)])
def test_only_an_interrupt_leaves_what_is_running(failure: type[BaseException], *, waits: bool) -> None:
    begun, on = threading.Event(), threading.Event()
    done: list[int] = []

    def work() -> None:
        begun.set()
        on.wait(0.5 if waits else 60)
        done.append(1)

    with suppress(failure), threads.pool(1) as pool:
        pool.submit(work)
        later = pool.submit(done.append, 2)
        begun.wait(10)
        started = time.monotonic()
        raise failure
    took, found = time.monotonic() - started, list(done)
    on.set()

    assert (found, later.cancelled()) == ([1] if waits else [], True)
    assert waits or took < 30


def test_a_pool_is_waited_for_at_the_end_of_its_block() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        time.sleep(0.01)
        done.append(number)

    with threads.pool(2) as pool:
        for number in range(5):
            pool.submit(work, number)

    assert sorted(done) == [0, 1, 2, 3, 4]
