"""A service that is asked: whether it answers, and what."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Final

from tare.bench.http_client import connect, request
from tare.bench.places import Running
from tare.bench.routes import Route

START: Final = 60.0
"""Seconds that a service may take until its first answer."""
_ANSWER: Final = 60.0
"""Seconds that one answer may take whose content is looked at."""


def answers(address: str, port: int, route: Route) -> str:
    """Return what identifies the answers to some fixed requests."""
    return asyncio.run(_answers(address, port, route))


async def _answers(address: str, port: int, route: Route) -> str:
    connection = await connect(address, port)
    total = hashlib.sha256()
    for path in route.parts:
        for key in range(0, 5000, 97):
            head = request(f"{address}:{port}", path.replace("{key}", str(key)))
            try:
                status, body = await asyncio.wait_for(connection.get(head), _ANSWER)
            except TimeoutError:
                raise TimeoutError(f"`{path}` had no answer within {_ANSWER:.0f} s") from None
            total.update(f"{status}\n".encode() + body)
    connection.close()
    return f"sha256:{total.hexdigest()}"


def first_answer(running: Running, address: str, port: int) -> float | None:
    """Return the seconds until the service answers, or None if it ends before, or takes too long."""
    begun = time.monotonic()
    while time.monotonic() < begun + START and running.alive():
        try:
            if asyncio.run(_healthy(address, port)):
                return time.monotonic() - begun
        except OSError:
            time.sleep(0.005)
    return None


async def _healthy(address: str, port: int) -> bool:
    connection = await connect(address, port)
    try:
        status, _ = await asyncio.wait_for(connection.get(request(address, "/healthz")), 5)
    except TimeoutError:
        return False
    finally:
        connection.close()
    return status == 200
