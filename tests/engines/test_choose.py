"""The first engine that works, or the one that was asked for, and a sentence about it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import pytest
from make.errors import told
from make.images import image, layer

from tare.engines.choose import choose, run_with_first
from tare.engines.interface import RunOptions
from tare.errors import MachineError, TareError, UsageError
from tare.oci.image import Image


class Made:
    """An engine that is or is not there."""

    def __init__(self, name: str, reason: str | None = None) -> None:
        self.name = name
        self._reason = reason

    def available(self) -> str | None:
        return self._reason

    def held(self, image: Image) -> AbstractContextManager[object]:
        return nullcontext()

    def run(self, image: Image, options: RunOptions) -> int:
        raise AssertionError


DOCKER, PODMAN, CHROOT = Made("docker"), Made("podman"), Made("chroot")
DOWN = Made("docker", "it is not running")
ABSENT = Made("podman", "there is no `podman` on PATH")


def test_the_first_that_works_is_taken() -> None:
    first = choose([DOCKER, PODMAN, CHROOT])
    last = choose([DOWN, ABSENT, CHROOT])

    assert (first.engine, first.why) == (DOCKER, "running with docker")
    assert (last.engine, last.why) == (
        CHROOT,
        "running with chroot, since others cannot be used (docker: it is not running; podman: there is no `podman` on PATH)",
    )


def test_the_one_that_was_asked_for_is_taken() -> None:
    choice = choose([DOCKER, PODMAN, CHROOT], "chroot")

    assert (choice.engine, choice.why) == (CHROOT, "running with chroot, as asked for")


class Failing(Made):
    """An engine that seems to work, and starts nothing."""

    def run(self, image: Image, options: RunOptions) -> int:
        raise MachineError(f"`{self.name}` cannot start the container", causes=("it has said why",))


class Working(Made):
    def run(self, image: Image, options: RunOptions) -> int:
        return 7


def ran(engines: Sequence[Made], name: str | None = None) -> tuple[int | str, list[str]]:
    said: list[str] = []
    try:
        return run_with_first(engines, name, image(layer([])), RunOptions(), say=said.append), said
    except MachineError as error:
        return error.message, said


def test_an_engine_that_starts_nothing_is_followed_by_the_next() -> None:
    next_ = (
        "podman starts no container (`podman` cannot start the container; it has said why), so the next engine is tried"
    )

    assert ran([Failing("podman"), ABSENT, Working("chroot")]) == (
        7,
        [
            "running with podman",
            next_,
            "running with chroot, since others cannot be used (podman: there is no `podman` on PATH)",
        ],
    )
    assert ran([Failing("podman")]) == ("`podman` cannot start the container", ["running with podman", next_])
    assert ran([Failing("podman"), Working("chroot")], "podman") == (
        "`podman` cannot start the container",
        ["running with podman, as asked for"],
    )


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("dokcer", (UsageError, "there is no engine `dokcer`", (), ("Choose one of docker, podman",))),
        (
            "docker",
            (
                MachineError,
                "the engine `docker` cannot be used here",
                ("docker: it is not running",),
                ("Start Docker, or install podman",),
            ),
        ),
        (
            None,
            (
                MachineError,
                "there is nothing here that runs containers",
                ("docker: it is not running", "podman: there is no `podman` on PATH"),
                ("Start Docker, or install podman",),
            ),
        ),
    ],
)
def test_without_an_engine_all_reasons_are_given(name: str | None, error: tuple[object, ...]) -> None:
    with pytest.raises(TareError) as caught:
        choose([DOWN, ABSENT], name)
    assert told(caught.value) == error
