"""The first engine that works, or the one that was asked for, and a sentence about it."""

from __future__ import annotations

import pytest
from make.errors import told

from tare.engines.choose import choose
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
