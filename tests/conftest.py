"""What holds for every test."""

from __future__ import annotations

import signal

from command import place, shared_uv
from hypothesis import settings
from lab import busybox, dockerd, podman

__all__ = ["busybox", "dockerd", "place", "podman", "shared_uv"]
"""Fixtures: real engines, started when the first test asks for them, and a place to run commands in."""

# Who is started in the background ignores SIGINT, and so would the commands that tests interrupt: POSIX, 2.11 of the shell.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no defect; what must be fast is measured by `make bench`.
settings.register_profile("default", deadline=None)
settings.load_profile("default")
