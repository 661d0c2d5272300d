"""`WWW-Authenticate` in all the forms that servers give it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tare.stores.registry.authorizer import merged
from tare.stores.registry.challenge import parse

Found = list[tuple[str, dict[str, str]]]


def found(*values: str) -> Found:
    return [(challenge.scheme, challenge.parameters) for challenge in parse(values)]


REALM = {"realm": "https://auth.example/token", "service": "registry.example"}


@pytest.mark.parametrize(
    ("value", "challenges"),
    [
        ('Basic realm="a"', [("basic", {"realm": "a"})]),
        ("BASIC REALM=a", [("basic", {"realm": "a"})]),
        ('Bearer realm="https://auth.example/token",service="registry.example"', [("bearer", REALM)]),
        ('Bearer  realm = "https://auth.example/token" ,\tservice="registry.example"', [("bearer", REALM)]),
        ('Bearer realm="https://auth.example/token",service=registry.example,', [("bearer", REALM)]),
        (',, Basic realm="a" ,,', [("basic", {"realm": "a"})]),
        (r'Basic realm="a \"b\", c\\d"', [("basic", {"realm": 'a "b", c\\d'})]),
        ('Basic realm="a=b, c=\\"d\\""', [("basic", {"realm": 'a=b, c="d"'})]),
        ('Basic realm=""', [("basic", {"realm": ""})]),
        ("Negotiate", [("negotiate", {})]),
        ("Negotiate, Basic realm=a", [("negotiate", {}), ("basic", {"realm": "a"})]),
        ("Negotiate YII==, Basic realm=a", [("negotiate", {}), ("basic", {"realm": "a"})]),
        ('Basic realm="a", Bearer realm="b",scope="c d"', [("basic", {"realm": "a"}), ("bearer", {"realm": "b", "scope": "c d"})]),
        ('Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"', [("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}), ("basic", {"realm": "simple"})]),
        ('Bearer realm="a",error="insufficient_scope"', [("bearer", {"realm": "a", "error": "insufficient_scope"})]),
    ],
)  # fmt: skip
def test_sound_challenges(value: str, challenges: Found) -> None:
    assert found(value) == challenges


@pytest.mark.parametrize(
    ("value", "challenges"),
    [
        ("", []),
        (" , ,", []),
        ("=", []),
        ('Bearer realm="never ends', []),
        ('Bearer realm="a" service="b"', []),
        ('Bearer realm="a",realm="b"', []),
        ('Basic realm="a", Bearer realm="b", Bearer realm="c', [("basic", {"realm": "a"}), ("bearer", {"realm": "b"})]),
        ('"quoted" realm=a', []),
    ],
)
def test_what_is_not_sound_ends_the_list(value: str, challenges: Found) -> None:
    kept = [each for each in found(value) if each[1]]
    assert kept == challenges


def test_fields_are_read_one_after_the_other() -> None:
    assert found("Basic realm=a", "Bearer realm=b") == [("basic", {"realm": "a"}), ("bearer", {"realm": "b"})]


def test_a_field_is_bounded() -> None:
    assert found('Bearer realm="' + "a" * 100_000 + '"') in ([], [("bearer", {})])


@given(st.text(alphabet='abBER ,="\\\t;1', max_size=60))
def test_rubbish_raises_nothing(text: str) -> None:
    parse([text])


TOKEN = st.text(alphabet="abcdefXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=8)
QUOTABLE = st.text(alphabet=' abc,="\\1', max_size=12)


@given(
    st.lists(
        st.tuples(TOKEN, st.dictionaries(TOKEN.map(str.lower), QUOTABLE, min_size=1, max_size=3)),
        min_size=1,
        max_size=3,
    )
)
def test_what_was_written_is_read(challenges: Found) -> None:
    """RFC 9110 §11.6.1: a list of challenges, each with a list of parameters, at the same commas."""
    text = ", ".join(
        f"{scheme} " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in parameters.items())
        for scheme, parameters in challenges
    )
    assert found(text) == [(scheme.lower(), parameters) for scheme, parameters in challenges]


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def test_scopes_of_one_repository_become_one() -> None:
    scopes = frozenset({"repository:a/b:pull,push", "repository:a/b:delete", "repository:c:pull"})
    assert merged(scopes) == {"repository:a/b:delete,pull,push", "repository:c:pull"}
