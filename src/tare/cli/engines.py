"""The engines of this machine, as its environment names them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tare.engines.interface import Engine


def engines(cache: Path) -> tuple[Engine, ...]:
    """Return every engine, the one to prefer first. *cache* is where the one of ours keeps unpacked images."""
    from tare.engines.chroot import Chroot
    from tare.engines.docker import Docker
    from tare.engines.podman import Podman

    return (
        Docker(host=os.environ.get("DOCKER_HOST")),
        Podman(),
        Chroot(
            cache=cache / "rootfs",
            environment=dict(os.environ),
            note=_Once(),
        ),
    )


class _Once:
    """Says each thing once, however many containers are run."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            sys.stderr.write(f"note: {text}\n")
