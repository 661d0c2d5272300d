"""Targets: the tags and the marker environment of an interpreter on a platform."""

from __future__ import annotations

import platform as machines
import re
import sys
import sysconfig

import msgspec
import pytest
from make.errors import told
from packaging import markers, tags
from packaging.tags import parse_tag

from tare.errors import TargetError
from tare.oci.platform import parse
from tare.wheels.target import Libc, Target

GLIBC = Libc(family="glibc", major=2, minor=36)
MUSL = Libc(family="musl", major=1, minor=2)


def target(
    platform: str = "amd64", libc: Libc = GLIBC, version: str = "3.13.5", *, free_threaded: bool = False
) -> Target:
    return Target(platform=parse(platform), libc=libc, version=version, free_threaded=free_threaded)


def accepts(wanted: Target, tag: str) -> bool:
    return not parse_tag(tag).isdisjoint(wanted.tags)


HERE = re.fullmatch(r"glibc (\d+)\.(\d+).*", " ".join(machines.libc_ver()))


@pytest.mark.skipif(
    sys.platform != "linux" or HERE is None or sys.implementation.name != "cpython" or sys.maxsize < 2**32,
    reason="this is not CPython on a Linux with glibc",
)
def test_the_tags_of_this_very_interpreter_are_the_ones_that_pip_would_use() -> None:
    assert HERE is not None
    here = Target(
        platform=parse(machines.machine()),
        libc=Libc(family="glibc", major=int(HERE[1]), minor=int(HERE[2])),
        version=machines.python_version(),
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    )
    found, expected_tags = list(here.tags), list(tags.sys_tags())
    assert set(found) == set(expected_tags)
    # Nobody knows which library a wheel for plain `linux` needs: it is tare's last choice, and was pip's for long.
    plain = f"linux_{here.machine}"
    assert [tag for tag in found if tag.platform != plain] == [tag for tag in expected_tags if tag.platform != plain]
    expected = {**markers.default_environment(), "platform_release": "", "platform_version": ""}
    assert here.environment == expected


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        (target(), "manylinux_2_36_x86_64", "linux_x86_64"),
        (target("386"), "manylinux_2_36_i686", "linux_i686"),
        (target("arm64"), "manylinux_2_36_aarch64", "linux_aarch64"),
        (target("arm"), "manylinux_2_36_armv7l", "linux_armv7l"),
        (target("linux/arm/v6"), "linux_armv6l", "linux_armv6l"),
        (target("linux/arm/v6", MUSL), "musllinux_1_2_armv6l", "linux_armv6l"),
        (target("linux/arm/v5"), "linux_armv5tel", "linux_armv5tel"),
        (target("ppc64le"), "manylinux_2_36_ppc64le", "linux_ppc64le"),
        (target("s390x"), "manylinux_2_36_s390x", "linux_s390x"),
        (target("riscv64"), "manylinux_2_36_riscv64", "linux_riscv64"),
        (target(libc=MUSL), "musllinux_1_2_x86_64", "linux_x86_64"),
        (target("arm64", MUSL), "musllinux_1_2_aarch64", "linux_aarch64"),
    ],
    ids=str,
)
def test_platform_tags_go_from_the_newest_library_to_none(wanted: Target, first: str, last: str) -> None:
    found = list(wanted.platforms())
    assert (found[0], found[-1]) == (first, last)


def test_platform_tags_have_their_old_names() -> None:
    assert list(target(libc=Libc(family="glibc", major=2, minor=17)).platforms()) == [
        "manylinux_2_17_x86_64",
        "manylinux2014_x86_64",
        "manylinux_2_16_x86_64",
        "manylinux_2_15_x86_64",
        "manylinux_2_14_x86_64",
        "manylinux_2_13_x86_64",
        "manylinux_2_12_x86_64",
        "manylinux2010_x86_64",
        "manylinux_2_11_x86_64",
        "manylinux_2_10_x86_64",
        "manylinux_2_9_x86_64",
        "manylinux_2_8_x86_64",
        "manylinux_2_7_x86_64",
        "manylinux_2_6_x86_64",
        "manylinux_2_5_x86_64",
        "manylinux1_x86_64",
        "linux_x86_64",
    ]
    assert list(target("arm64", Libc(family="glibc", major=2, minor=18)).platforms()) == [
        "manylinux_2_18_aarch64",
        "manylinux_2_17_aarch64",
        "manylinux2014_aarch64",
        "linux_aarch64",
    ]
    assert list(target(libc=MUSL).platforms()) == [
        "musllinux_1_2_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_0_x86_64",
        "linux_x86_64",
    ]


@pytest.mark.parametrize(
    ("wanted", "tag", "accepted"),
    [
        (target(), "py3-none-any", True),
        (target(), "py2.py3-none-any", True),
        (target(), "py2-none-any", False),
        (target(), "py313-none-any", True),
        (target(), "py314-none-any", False),
        (target(), "cp313-cp313-manylinux_2_36_x86_64", True),
        (target(), "cp313-cp313-manylinux_2_37_x86_64", False),
        (target(), "cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64", True),
        (target(), "cp313-cp313-manylinux1_x86_64", True),
        (target(), "cp313-cp313-manylinux_2_28_aarch64", False),
        (target(), "cp313-cp313-musllinux_1_2_x86_64", False),
        (target(), "cp313-cp313-macosx_14_0_x86_64", False),
        (target(), "cp313-cp313-win_amd64", False),
        (target(), "cp313-cp313t-manylinux_2_17_x86_64", False),
        (target(), "cp312-cp312-manylinux_2_17_x86_64", False),
        (target(), "cp314-cp314-manylinux_2_17_x86_64", False),
        (target(), "cp38-abi3-manylinux_2_17_x86_64", True),
        (target(), "cp313-abi3-manylinux_2_17_x86_64", True),
        (target(), "cp314-abi3-manylinux_2_17_x86_64", False),
        (target(), "cp313-none-any", True),
        (target(), "cp38-none-any", False),
        (target(), "pp310-pypy310_pp73-manylinux_2_17_x86_64", False),
        (target(), "py3-none-manylinux_2_17_x86_64", True),
        (target(), "py3-none-linux_x86_64", True),
        (target(libc=MUSL), "cp313-cp313-musllinux_1_1_x86_64", True),
        (target(libc=MUSL), "cp313-cp313-musllinux_1_2_x86_64", True),
        (target(libc=MUSL), "cp313-cp313-manylinux_2_17_x86_64", False),
        (target(libc=Libc(family="musl", major=1, minor=1)), "cp313-cp313-musllinux_1_2_x86_64", False),
        (target(free_threaded=True), "cp313-cp313t-manylinux_2_17_x86_64", True),
        (target(free_threaded=True), "cp313-cp313-manylinux_2_17_x86_64", False),
        (target(free_threaded=True), "cp38-abi3-manylinux_2_17_x86_64", False),
        (target(free_threaded=True), "py3-none-any", True),
        (target("arm"), "cp313-cp313-manylinux_2_17_armv7l", True),
        (target("arm"), "cp313-cp313-manylinux_2_17_aarch64", False),
        (target("linux/arm/v6", MUSL), "cp313-cp313-musllinux_1_2_armv7l", False),
        (target("linux/arm/v6", MUSL), "cp313-cp313-musllinux_1_2_armv6l", True),
        (target("linux/arm/v6"), "py3-none-any", True),
        (target("386"), "cp313-cp313-manylinux1_i686", True),
    ],
)
def test_a_wheel_is_accepted_by_its_tags(wanted: Target, tag: str, accepted: bool) -> None:  # noqa: FBT001  # pytest calls
    assert accepts(wanted, tag) is accepted


def test_the_own_abi_is_better_than_the_stable_one_and_that_than_none() -> None:
    order = [str(tag) for tag in target().tags]
    places = [
        order.index(tag)
        for tag in (
            "cp313-cp313-manylinux_2_36_x86_64",
            "cp313-cp313-manylinux_2_17_x86_64",
            "cp313-abi3-manylinux_2_36_x86_64",
            "cp313-none-manylinux_2_36_x86_64",
            "cp312-abi3-manylinux_2_36_x86_64",
            "py313-none-manylinux_2_36_x86_64",
            "py3-none-any",
        )
    ]
    assert places == sorted(places)
    assert len(order) == len(set(order))


def test_the_environment_of_markers_is_the_targets() -> None:
    assert target("arm64", version="3.12.1").environment == {
        "implementation_name": "cpython",
        "implementation_version": "3.12.1",
        "os_name": "posix",
        "platform_machine": "aarch64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": "3.12.1",
        "python_version": "3.12",
        "sys_platform": "linux",
    }


def test_a_target_says_what_it_is() -> None:
    assert str(target()) == "cp313, linux/amd64, glibc 2.36"
    assert str(target("arm", MUSL, free_threaded=True)) == "cp313t, linux/arm/v7, musl 1.2"
    assert target(version="3.14.0rc1").series == (3, 14)


@pytest.mark.parametrize("platform", ["windows/amd64", "linux/mips64le", "linux/wasm"])
def test_a_platform_without_wheels_is_told(platform: str) -> None:
    with pytest.raises(TargetError) as caught:
        _ = target(platform).machine
    listed = ", ".join(
        f"`linux/{name}`" for name in ("amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "loong64")
    )
    assert told(caught.value) == (
        TargetError,
        f"there are no wheels for `{platform}`",
        (f"the architectures that wheels have tags for are {listed}",),
        (),
    )


def test_a_target_can_be_remembered() -> None:
    wanted = target("arm", MUSL, free_threaded=True)
    assert msgspec.json.decode(msgspec.json.encode(wanted), type=Target) == wanted
