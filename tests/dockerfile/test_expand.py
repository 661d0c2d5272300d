"""Variables are replaced as BuildKit replaces them.

https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

from __future__ import annotations

import pytest

from tare.dockerfile.parse.expand import BadSubstitution, expand

VALUES = {"A": "a", "E": "", "P": "a/b.tar.gz", "U": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A", "a"),
        ("${A}b", "ab"),
        ("$Ab", ""),
        ("$N", ""),
        ("'$A'", "$A"),
        ('"$A b"', "a b"),
        (r"\$A", "$A"),
        (r'"\$A"', "$A"),
        (r"a\ b", "a b"),
        ("${N:-n}", "n"),
        ("${E:-n}", "n"),
        ("${E-n}", ""),
        ("${A:+n}", "n"),
        ("${E:+n}", ""),
        ("${E+n}", "n"),
        ("${N:-${A}}", "a"),
        ("${N:-'a}b'}", "a}b"),
        ("${P#*/}", "b.tar.gz"),
        ("${P##*.}", "gz"),
        ("${P%.*}", "a/b.tar"),
        ("${P%%.*}", "a/b"),
        ("${P%z}", "a/b.tar.g"),
        ("${P#x}", "a/b.tar.gz"),
        ("${P/b/c}", "a/c.tar.gz"),
        ("${P//./-}", "a/b-tar-gz"),
        (r"${P/\//-}", "a-b.tar.gz"),
        ("${P/?/x}", "x/b.tar.gz"),
        ("$", "$"),
        ("a$", "a$"),
        ("$$A", "A"),
    ],
)
def test_a_word_is_expanded(text: str, value: str) -> None:
    assert expand(text, VALUES).value == value


@pytest.mark.parametrize("text", ["$U", "a${U}b", "${U:-n}", "${U/a/b}", "${U%a}", "${N:-$U}"])
def test_what_only_a_build_knows_is_not_known(text: str) -> None:
    assert expand(text, VALUES).value is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${A", "a `}` is missing"),
        ("${", "a `}` is missing"),
        ("${}", "`${}` names no variable"),
        ("${A@b}", "`${A@` is no way to substitute"),
        ("${A:@b}", "`${A:@` is no way to substitute"),
        ("'a", "a single quote does not end"),
        ('"a', "a double quote does not end"),
        (r"${A#\a}", r"`\a` means nothing in a pattern"),
    ],
)
def test_what_is_not_well_formed_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadSubstitution) as caught:
        expand(text, VALUES)

    assert str(caught.value) == message


def test_what_nothing_sets_is_named() -> None:
    assert expand("$N${M}$N", VALUES).unset == ("N", "M")


def test_the_other_escape() -> None:
    assert expand("`$A\\$A", VALUES, "`").value == "$A\\a"
