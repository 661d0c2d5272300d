"""Threads that nobody waits for once a person has said stop."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


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
