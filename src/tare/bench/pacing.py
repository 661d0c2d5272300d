"""On time: what a generator of load needs so that it does not keep its own timetable late.

Event loops sleep in whole milliseconds, rounded up (`epoll_wait`), and a process that sleeps waits for its turn behind those
that compute. Both would be taken for latencies of a service that shares the cores with it.

https://man7.org/linux/man-pages/man2/timerfd_create.2.html
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import sys
import time
from functools import cache
from typing import Any, Final

_MONOTONIC: Final = 1
_ABSOLUTE: Final = 1
_NANO: Final = 1_000_000_000
_PRIORITY: Final = 10
"""Among the real-time ones any is before all others."""
_NICE: Final = -15


class Alarm:
    """Wakes one task at a time of `time.perf_counter`, to some microseconds where the kernel has timers that are files."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None
        self._file = _timer()
        if self._file is not None:
            self._loop.add_reader(self._file, self._rung)

    async def until(self, due: float) -> None:
        """Return at *due*, or as soon as other tasks have had a turn if that is over."""
        wait = due - time.perf_counter()
        if wait <= 0 or self._file is None:
            await asyncio.sleep(max(0.0, wait))
            return
        self._waiting = self._loop.create_future()
        _set(self._file, due)
        await self._waiting

    def close(self) -> None:
        """Give the timer back."""
        if self._file is not None:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = None

    def _rung(self) -> None:
        if self._file is not None:
            with contextlib.suppress(BlockingIOError):
                os.read(self._file, 8)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


def step_forward() -> None:
    """Let this process, which makes load and nothing else, be run before all others, as far as it may; and collect no garbage.

    It takes what it needs in any case, and how much that is is measured; in front, it takes it in time.
    """
    gc.freeze()
    gc.disable()
    if sys.platform != "linux":
        return
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except OSError:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)


class _Spec(ctypes.Structure):
    """`struct itimerspec`."""

    _fields_ = (
        ("interval_seconds", ctypes.c_long), ("interval_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long),
    )  # fmt: skip


@cache
def _libc() -> Any:  # noqa: ANN401  # ctypes has no better word
    return ctypes.CDLL(None, use_errno=True)


def _timer() -> int | None:
    """Return a timer of the clock that `time.perf_counter` reads; None where there is none."""
    if sys.platform != "linux" or "CLOCK_MONOTONIC" not in time.get_clock_info("perf_counter").implementation:
        return None
    try:
        made = int(_libc().timerfd_create(_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
    except AttributeError:
        return None
    return made if made >= 0 else None


def _set(file: int, due: float) -> None:
    nanoseconds = max(1, int(due * _NANO))  # Nothing at all would stop the timer.
    spec = _Spec(0, 0, *divmod(nanoseconds, _NANO))
    _libc().timerfd_settime(file, _ABSOLUTE, ctypes.byref(spec), None)
