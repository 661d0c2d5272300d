"""The nearest version that has a wheel for a target."""

from __future__ import annotations

import pytest
from packaging.version import Version

from tare.flow.choose.remedy import nearest
from tare.oci.platform import Platform
from tare.wheels.target import Libc, Target

TARGET = Target(
    platform=Platform(os="linux", architecture="amd64"), libc=Libc(family="musl", major=1, minor=2), version="3.13.5"
)
PAGE = "\n".join(
    f'<a href="../../files/x-{name}.whl#sha256=00">x</a>'
    for name in (
        "1.0-cp313-cp313-musllinux_1_2_x86_64",
        "1.5-cp313-cp313-musllinux_1_1_x86_64",
        "2.0-cp313-cp313-manylinux_2_28_x86_64",
        "3.0-cp313-cp313-musllinux_1_2_x86_64",
        "4.0rc1-py3-none-any",
        "4.0%2Blocal-cp312-cp312-musllinux_1_2_x86_64",
        "odd",
    )
)


@pytest.mark.parametrize(("wanted", "found"), [("2.0", "3.0"), ("1.2", "1.5"), ("3.5", "3.0"), ("3.5rc1", "4.0rc1")])
def test_the_next_newer_one_or_else_the_last_older(wanted: str, found: str) -> None:
    assert nearest(PAGE, Version(wanted), TARGET) == Version(found)


def test_what_was_yanked_is_no_remedy() -> None:
    page = PAGE.replace(
        '3.0-cp313-cp313-musllinux_1_2_x86_64.whl#sha256=00"',
        '3.0-cp313-cp313-musllinux_1_2_x86_64.whl" data-yanked="bad"',
    )

    assert nearest(page, Version("2.0"), TARGET) == Version("1.5")


def test_none_where_no_version_has_one() -> None:
    assert nearest("<a href='x-1.0-cp313-cp313-win_amd64.whl'>", Version("1.0"), TARGET) is None
