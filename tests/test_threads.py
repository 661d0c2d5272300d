"""Threads are waited for when work fails, and left when a person says stop."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from functools import partial

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


def test_a_lane_works_in_order_and_a_mark_waits_for_what_was_given_before() -> None:
    done: list[int] = []
    with threads.pool(1) as pool:
        lane = threads.Lane(pool)
        for number in range(200):
            lane.do(partial(done.append, number))
        lane.mark()()
        seen = list(done)

    assert seen == list(range(200))


def test_a_lane_that_failed_does_nothing_more_and_says_so_to_everyone() -> None:
    done: list[int] = []
    with threads.pool(1) as pool:
        lane = threads.Lane(pool)
        lane.do(partial(int, "no number"))
        with pytest.raises(ValueError, match="no number"):
            lane.mark()()
        with pytest.raises(ValueError, match="no number"):
            lane.do(partial(done.append, 1))

    assert done == []


def test_a_lane_is_busy_when_much_waits_and_holds_no_more_than_it_may() -> None:
    go = threading.Event()
    with threads.pool(1) as pool:
        lane = threads.Lane(pool)
        lane.do(go.wait)
        states = []
        for _ in range(60):
            states.append(lane.busy)
            lane.do(int)
        go.set()
        lane.mark()()
        states.append(lane.busy)

    assert (states[0], states[-2], states[-1]) == (False, True, False)
