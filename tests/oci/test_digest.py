"""Digests: nothing else becomes a path or a URL."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make.errors import told

from tare.errors import IntegrityError
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest, algorithm, encoded, is_digest, parse, sha256

HEX = "0123456789abcdef" * 4

GOOD = (f"sha256:{HEX}", f"sha512:{HEX}{HEX}", "sha256:" + "0" * 64)

BAD = (
    "",
    "sha256",
    "sha256:",
    f"sha256:{HEX[1:]}",
    f"sha256:{HEX}0",
    f"sha256:{HEX.upper()}",
    f"SHA256:{HEX}",
    f"sha256:{HEX}\n",
    f" sha256:{HEX}",
    f"sha256:{HEX} ",
    f"sha256:{HEX[1:]}g",
    f"sha256:{HEX[1:]}٣",
    f"sha256:{HEX[:-2]}/.",
    "sha256:../../../../../../../../../../../../../../../../../../../etc/passwd"[:71],
    f"sha256-{HEX}",
    f"sha256+b64u:{HEX}",
    f"sha512:{HEX}",
    f"sha256:{HEX}{HEX}",
    f"sha384:{HEX}{HEX[:32]}",
    f"md5:{HEX[:32]}",
    f"blake3:{HEX}",
    f"sha256:{HEX}\0",
    HEX,
)


@pytest.mark.parametrize("text", GOOD)
def test_a_digest_is_accepted(text: str) -> None:
    assert parse(text) == text
    assert f"{algorithm(text)}:{encoded(text)}" == text


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        parse(text)
    assert told(caught.value) == (
        IntegrityError,
        f"`{text[:80]}` is not a digest",
        ("expected `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits",),
        (),
    )


@given(st.text() | st.from_regex(r"sha(256|512):[0-9a-f]*\s?", fullmatch=True))
def test_documents_and_arguments_are_judged_alike(text: str) -> None:
    try:
        msgspec.json.decode(msgspec.json.encode(text), type=Digest)
    except msgspec.ValidationError:
        assert not is_digest(text)
    else:
        assert is_digest(text)


@pytest.mark.parametrize("size", [-1, 2**63, 1.5, "1", None])
def test_a_descriptor_has_a_size_that_can_be(size: object) -> None:
    document = {"mediaType": "x", "digest": GOOD[0], "size": size}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(document), type=Descriptor)


def test_the_digest_of_nothing_is_the_one_that_everybody_knows() -> None:
    assert sha256(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256(memoryview(b"tare")) == sha256(b"tare")
