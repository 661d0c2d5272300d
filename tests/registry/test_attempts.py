"""When a request is tried again: after how long, how often, and when not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fixture_registry import Registry
from hostile import say
from hypothesis import given
from hypothesis import strategies as st
from loopback_server import Seen
from samples import Waits, a_registry, client, reference_to, sample_image, seed, told

from tare.errors import NetworkError
from tare.net.retry import TransientError
from tare.net.wire import Fields
from tare.stores.registry import manifests
from tare.stores.registry.attempts import Attempts, retry_after
from tare.stores.registry.settings import Clock


@pytest.fixture
def registry() -> Iterator[Registry]:
    with a_registry() as registry:
        seed(registry, sample_image())
        yield registry


def pull(registry: Registry, waits: Waits, **settings: Any) -> None:
    manifests.get(client(waits, **settings).open(reference_to(registry)), "1")


def asked(registry: Registry) -> list[Seen]:
    return [seen for seen in registry.requests if "manifests" in seen.target]


@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ({}, [0.25, 0.5]),
        ({"Retry-After": "7"}, [7.0, 7.0]),
        ({"Retry-After": "0"}, [0.25, 0.5]),
        ({"Retry-After": "61"}, [60.0, 60.0]),
        ({"Retry-After": "99999999999999999999"}, [60.0, 60.0]),
        ({"Retry-After": "-5"}, [0.25, 0.5]),
        ({"Retry-After": "1.5"}, [0.25, 0.5]),
        ({"Retry-After": "soon"}, [0.25, 0.5]),
        (
            {"Retry-After": "Wed, 21 Oct 2026 07:28:09 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            [9.0, 9.0],
        ),
        ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, [0.25, 0.5]),
    ],
)
def test_a_wait_is_as_long_as_the_registry_asks_up_to_a_minute(
    registry: Registry, headers: dict[str, str], slept: list[float]
) -> None:
    waits = Waits()
    registry.rule("GET", "manifests", say(429, headers), {1, 2})
    pull(registry, waits)
    assert waits.slept == slept


def test_a_date_counts_from_our_clock_when_the_server_has_none() -> None:
    clock = Clock(now=lambda: 1_792_567_680.0)
    fields = Fields([("retry-after", "Wed, 21 Oct 2026 07:28:09 GMT")])
    assert retry_after(fields, clock) == 9.0


def test_a_long_wait_is_told_and_why(registry: Registry) -> None:
    notes: list[str] = []
    registry.rule("GET", "manifests", say(429, {"Retry-After": "3600"}), {1})
    waits = Waits()
    manifests.get(client(waits, note=notes).open(reference_to(registry)), "1")

    assert waits.slept == [60.0]
    [note] = [note.replace(registry.name, "REGISTRY") for note in notes]
    assert note == (
        "cannot pull `REGISTRY/team/app:1`: GET http://REGISTRY/v2/team/app/manifests/1: 429 Too Many Requests; "
        "it is tried again in 60 seconds; the server asks for 3,600 seconds"
    )


def test_nobody_waits_when_nothing_is_left_of_a_limit(registry: Registry) -> None:
    state = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600", "Retry-After": "3600"}
    registry.rule("GET", "manifests", say(429, state))
    waits = Waits()

    with pytest.raises(NetworkError) as caught:
        pull(registry, waits)

    assert (waits.slept, len(asked(registry))) == ([], 1)
    assert caught.value.causes[1:] == (
        "the registry allows 100 requests in 6 hours, 0 are left",
        "it asks to wait 3,600 seconds, and tare waits 60 at most",
    )


@given(st.text(max_size=40))
def test_a_retry_after_of_rubbish_is_none_or_a_number(text: str) -> None:
    found = retry_after(Fields([("retry-after", text)]), Clock())
    assert found is None or found >= 0


def test_waits_grow_and_are_a_random_part_of_their_bound() -> None:
    parts = iter([0.0, 0.25, 0.5, 0.75, 0.999, 0.1, 0.2])
    slept: list[float] = []
    clock = Clock(sleep=slept.append, jitter=lambda: next(parts), monotonic=lambda: 0.0)
    attempts = Attempts(limit=9, deadline=1e9, clock=clock)
    for _ in range(7):
        attempts.pause(TransientError(NetworkError("x")))
    assert slept == [0.0, 0.25, 1.0, 3.0, 0.999 * 8, 0.1 * 16, 0.2 * 30]


def test_a_request_is_tried_six_times(registry: Registry) -> None:
    waits = Waits()
    registry.rule("GET", "manifests", say(503))
    with pytest.raises(NetworkError) as caught:
        pull(registry, waits)
    assert told(caught.value).replace(registry.name, "registry") == (
        "cannot pull `registry/team/app:1`\n"
        "  GET http://registry/v2/team/app/manifests/1: 503 Service Unavailable\n"
        "  it was tried 6 times"
    )
    assert len(asked(registry)) == 6
    assert len(waits.slept) == 5


def test_the_deadline_counts_the_wait_that_would_pass_it(registry: Registry) -> None:
    waits = Waits()
    registry.rule("GET", "manifests", say(503, {"Retry-After": "50"}))
    now = [0.0]
    waits.clock = Clock(sleep=lambda seconds: now.__setitem__(0, now[0] + seconds), monotonic=lambda: now[0])
    with pytest.raises(NetworkError) as caught:
        pull(registry, waits, deadline=120.0)
    assert caught.value.causes[-1] == "it could not be done within 120 seconds"
    assert now == [100.0]
    assert len(asked(registry)) == 3


def test_progress_starts_the_count_anew() -> None:
    slept: list[float] = []
    attempts = Attempts(limit=2, deadline=1e9, clock=Clock(sleep=slept.append, jitter=lambda: 1.0))
    for _ in range(50):
        attempts.pause(TransientError(NetworkError("x"), progress=1024 * 1024))
    assert set(slept) == {0.5}
    with pytest.raises(NetworkError):
        attempts.pause(TransientError(NetworkError("x"), progress=1024 * 1024 - 1))


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 418, 451, 501, 505])
def test_what_will_not_change_is_not_tried_again(registry: Registry, status: int) -> None:
    waits = Waits()
    registry.rule("GET", "manifests", say(status))
    with pytest.raises(NetworkError):
        pull(registry, waits)
    assert len(asked(registry)) == 1
    assert waits.slept == []


def test_the_state_of_a_rate_limit_is_told(registry: Registry) -> None:
    limits = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600"}
    registry.rule(
        "GET", "manifests", say(429, limits, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}')
    )
    with pytest.raises(NetworkError) as caught:
        pull(registry, Waits())
    assert told(caught.value).replace(registry.name, "registry") == (
        "cannot pull `registry/team/app:1`\n"
        "  GET http://registry/v2/team/app/manifests/1: 429 TOOMANYREQUESTS: slow down\n"
        "  the registry allows 100 requests in 6 hours, 0 are left\n"
        "  it was tried 6 times\n"
        "hint: Run `docker login registry`: registries allow more to those whom they know"
    )
