"""Which image of an index is taken."""

from __future__ import annotations

import pytest
from make.errors import told

from tare.errors import TareError, TargetError
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.platform import Platform, parse
from tare.stores import platforms


def entry(platform: str | None, digit: str = "0", **annotations: str) -> Descriptor:
    value = Platform(os="unknown", architecture="unknown") if platform == "unknown" else platform and parse(platform)
    return Descriptor(
        media_type=media_types.MANIFEST,
        digest="sha256:" + digit * 64,
        size=1,
        platform=value or None,
        annotations={key.replace("_", "."): text for key, text in annotations.items()},
    )


ATTESTATION = entry("unknown", "f", vnd_docker_reference_type="attestation-manifest")


@pytest.mark.parametrize(
    ("offered", "wanted", "taken"),
    [
        ("linux/amd64 linux/arm64", "linux/arm64", "linux/arm64"),
        ("linux/amd64 linux/arm64/v8", "linux/arm64", "linux/arm64"),
        ("linux/arm/v5 linux/arm/v6 linux/arm/v7", "linux/arm", "linux/arm/v7"),
        ("linux/arm/v5 linux/arm/v6", "linux/arm/v7", "linux/arm/v6"),
        ("linux/amd64/v2 linux/amd64", "linux/amd64", "linux/amd64"),
        ("linux/amd64 linux/amd64/v2", "linux/amd64/v3", "linux/amd64/v2"),
        ("linux/arm64", None, "linux/arm64"),
    ],
)
def test_the_best_that_a_processor_runs_is_taken(offered: str, wanted: str | None, taken: str) -> None:
    entries = [ATTESTATION, *map(entry, offered.split())]
    found = platforms.choose(entries, parse(wanted) if wanted else None, what="it")

    assert str(found.platform) == taken


@pytest.mark.parametrize("wanted", ["linux/riscv64", "linux/arm/v5", "linux/arm", "windows/amd64"])
def test_what_is_not_offered_is_said_with_what_is(wanted: str) -> None:
    with pytest.raises(TareError) as caught:
        platforms.choose([ATTESTATION, entry("linux/arm64"), entry("linux/amd64")], parse(wanted), what="`it`")
    assert told(caught.value) == (
        TargetError,
        f"`it` has no image for {parse(wanted)}",
        ("it offers linux/amd64, linux/arm64",),
        ("Choose one of these with `--platform`",),
    )


def test_an_entry_that_does_not_say_what_it_is_for_is_taken_when_it_is_the_only_one() -> None:
    assert platforms.choose([entry(None)], parse("linux/arm64"), what="it").platform is None


def test_this_machine_is_what_is_wanted_by_default() -> None:
    machine = str(platforms.host())
    others = [name for name in ("linux/s390x", "linux/riscv64") if name != machine]

    assert str(platforms.choose([*map(entry, others), entry(machine)], None, what="it").platform) == machine
