"""Threads that nobody waits for once a person has said stop."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future, ThreadPoolExecutor

_AHEAD: Final = 64
"""Pieces of work that may wait in a lane: what they hold is in memory."""

_BUSY: Final = 48
"""With so many, whoever gives work could do some instead of waiting soon. Measured: `docs/transmux.md`."""


@contextlib.contextmanager
def pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give a pool of *workers* threads. When the block fails, work that has not begun is dropped.

    What has begun is waited for, so that nothing goes on behind a caller's back, unless the failure is no `Exception`:
    then the process is about to end, and the rest of a download would only delay it.
    """
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(workers)
    try:
        yield executor
    except BaseException as failure:
        executor.shutdown(wait=isinstance(failure, Exception), cancel_futures=True)
        raise
    executor.shutdown()


class Lane:
    """Work that one thread does in the order in which it is given, a little behind the one who gives it.

    Once a piece of work has failed, nothing after it is done, and who gives more or waits gets its failure.
    """

    def __init__(self, executor: Executor) -> None:
        """*executor* has one thread, and nobody else uses it."""
        self._executor = executor
        self._room = threading.Semaphore(_AHEAD)
        self._given = self._taken = 0
        self._last: Future[None] | None = None
        self._failure: BaseException | None = None

    @property
    def busy(self) -> bool:
        """Whether so much work waits that the one who gives it had better do some."""
        return self._given - self._taken > _BUSY

    def do(self, work: Callable[[], object]) -> None:
        """Have *work* done. This waits only when too much of it waits already."""
        self._room.acquire()
        if self._failure is not None:
            self._room.release()
            raise self._failure
        self._given += 1
        self._last = self._executor.submit(self._run, work)
        self._last.add_done_callback(self._took)  # also what is dropped: nobody waits for room in vain

    def mark(self) -> Callable[[], None]:
        """Return what waits for all that was given so far."""
        last = self._last

        def wait() -> None:
            if last is not None:
                last.result()
            if self._failure is not None:
                raise self._failure

        return wait

    def _run(self, work: Callable[[], object]) -> None:
        try:
            if self._failure is None:
                work()
        except BaseException as failure:  # noqa: BLE001  # it is raised where the work came from
            self._failure = failure

    def _took(self, _: Future[None]) -> None:
        self._taken += 1
        self._room.release()
