"""`tare run` as it is typed: what it hands on, and what it says of what it cannot do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command import Place

from tare.cli import run
from tare.cli.arguments import Parser
from tare.engines.chroot import Chroot
from tare.engines.interface import RunOptions


@pytest.mark.parametrize(
    ("typed", "image", "handed_on"),
    [
        ("oci:x", "oci:x", []),
        ("oci:x -c pass -v --help --entrypoint y", "oci:x", ["-c", "pass", "-v", "--help", "--entrypoint", "y"]),
        ("-e A=b oci:x -1 -e", "oci:x", ["-1", "-e"]),
        ("oci:x python -- -x", "oci:x", ["python", "--", "-x"]),
    ],
)
def test_what_stands_after_the_image_is_the_containers(typed: str, image: str, handed_on: list[str]) -> None:
    parser = Parser(prog="tare run", description="")
    run.configure(parser)
    found = parser.parse(typed.split())

    assert (found.image, found.args) == (image, handed_on)


def test_a_volume_that_is_not_there_is_an_error(place: Place) -> None:
    assert place("run", "-v", "nowhere:/x", place.base()) == (
        2,
        "",
        "error: `--volume nowhere:/x` cannot be shown to the container\n"
        "  caused by: there is no `TMP/app/nowhere`\n\n"
        "hint: Create it, or name another one\n",
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the chroot engine needs Linux")
@pytest.mark.parametrize(
    ("publish", "network", "said"),
    [
        ("8000:8000", True, []),
        ("8000", True, []),
        ("127.0.0.1:80:80/tcp", True, []),
        (
            "8000:80",
            True,
            [
                "`--publish 8000:80` does not move the port: without an engine the container has the machine's network, "
                "and its port 80 is the machine's"
            ],
        ),
        ("80:80", False, ["`--publish 80:80` publishes nothing: the container has no network"]),
    ],
)
def test_what_becomes_of_ports_without_an_engine_is_said(
    tmp_path: Path, publish: str, said: list[str], *, network: bool
) -> None:
    notes: list[str] = []
    Chroot(cache=tmp_path, note=notes.append)._say_ports(RunOptions(publish=(publish,), network=network))

    assert notes == said
