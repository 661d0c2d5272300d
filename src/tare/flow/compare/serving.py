"""How long a service takes: from the creation of its container to the first byte of an answer."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from typing import Final

import msgspec

from tare.bench.places import Running, serve
from tare.engines.interface import Engine, RunOptions
from tare.oci.image import Image

_PATIENCE: Final = 60.0
"""Seconds that a service may take."""
_POLL: Final = 0.002
_PORT: Final = re.compile(r"(\d+)(?:/tcp)?")


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    seconds: tuple[float, ...] = ()
    why: str = ""
    """Why there is none, of an image that says it has a port."""


def measure_serving(engine: Engine, image: Image, rounds: int) -> Served:
    """Start *image* in fresh containers as safe as can be: nothing to write to but `/tmp`, and no capability.

    An image without a port is no service. Containers have the machine's network, and the port is one that is free:
    what the image says is told otherwise by `PORT`, and where its command has it as a word.
    """
    exposed = next(_ports(image), None)
    if exposed is None:
        return Served()
    found: list[float] = []
    for _ in range(rounds):
        answer = _once(engine, image, exposed)
        if isinstance(answer, str):
            return Served(why=answer)
        found.append(answer)
    return Served(seconds=tuple(found))


def _ports(image: Image) -> Iterator[str]:
    for each in image.config.config.exposed_ports or {}:
        match = _PORT.fullmatch(each)
        if match:
            yield match[1]


def _once(engine: Engine, image: Image, exposed: str) -> float | str:
    """Return the seconds of one start, or why there was no answer."""
    config = image.config.config
    argv = (*(config.entrypoint or ()), *(config.cmd or ()))
    port = _free_port()
    options = RunOptions(
        entrypoint=tuple(_moved(word, exposed, port) for word in argv),
        env={"PORT": str(port)},
        read_only=True,
        tmpfs=("/tmp",),  # noqa: S108  # of the container
        drop_capabilities=True,
        host_network=True,
        timeout=_PATIENCE * 2,
    )
    begun = time.monotonic()
    running = serve(engine, image, options)
    try:
        answered = _first_byte(running, port, begun + _PATIENCE)
    finally:
        outcome = running.stop()
    if answered is not None:
        return answered - begun
    said = outcome.stderr.strip().splitlines()[-1:] or [f"it ended with exit code {outcome.code}"]
    return f"it did not answer at its port {exposed}: {said[0][:300]}"


def _moved(word: str, exposed: str, port: int) -> str:
    """Return *word* with another port, if it is the port that the image exposes, alone or after an address.

    >>> [_moved(word, "8000", 5000) for word in ("8000", "0.0.0.0:8000", "--port=8000", "18000", "app:main")]
    ['5000', '0.0.0.0:5000', '--port=5000', '18000', 'app:main']
    """
    return re.sub(rf"(^|[:=]){exposed}$", rf"\g<1>{port}", word)


def _first_byte(running: Running, port: int, give_up: float) -> float | None:
    """Ask until something answers; return when its first byte came."""
    while time.monotonic() < give_up and running.alive():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                if connection.recv(1):
                    return time.monotonic()
        except OSError:
            pass
        time.sleep(_POLL)
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
