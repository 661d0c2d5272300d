"""Platforms, as people and machines spell them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make.errors import told

from tare.errors import UsageError
from tare.oci.platform import Platform, parse


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/arm64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/386", "linux/386"),
        ("linux/ppc64le", "linux/ppc64le"),
        ("linux/s390x", "linux/s390x"),
        ("linux/riscv64", "linux/riscv64"),
        ("windows/amd64", "windows/amd64"),
        ("LINUX/AMD64", "linux/amd64"),
        ("amd64", "linux/amd64"),
        ("x86_64", "linux/amd64"),
        ("x86-64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("arm64", "linux/arm64"),
        ("armv7l", "linux/arm/v7"),
        ("armhf", "linux/arm/v7"),
        ("armel", "linux/arm/v6"),
        ("arm", "linux/arm/v7"),
        ("i386", "linux/386"),
        ("i686", "linux/386"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/aarch64/v8", "linux/arm64"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel/v5", "linux/arm/v5"),
    ],
)
def test_a_platform_is_read_and_normalized(text: str, spelled: str) -> None:
    assert str(parse(text)) == spelled
    assert parse(spelled) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "linux/",
        "/amd64",
        "linux//v7",
        "linux/arm/",
        "linux/arm/v7/x",
        "linux/amd 64",
        "linux:amd64",
        "linux/amd64\n",
        "linux/größe",
        "../amd64",
        "linux/.",
        "foo_bar",
    ],
)
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert told(caught.value) == (
        UsageError,
        f"`{text}` is not a platform",
        (),
        ("Write it as `linux/amd64` or `linux/arm/v7`",),
    )


@given(st.text(max_size=20))
def test_no_text_gives_another_error(text: str) -> None:
    try:
        platform = parse(text)
    except UsageError:
        return
    assert parse(str(platform)) == platform


def test_a_platform_is_what_an_index_has() -> None:
    document = b'{"architecture":"amd64","os":"windows","os.version":"10.0.20348.1"}'
    platform = msgspec.json.decode(document, type=Platform)
    assert platform == Platform(os="windows", architecture="amd64", os_version="10.0.20348.1")
    assert msgspec.json.encode(platform) == document
