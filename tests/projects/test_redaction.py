"""Nobody's password is printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tare.projects.redaction import redacted, split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:pw@a.example/x", "https://a.example/x"),
        ("cannot fetch `https://pw@a.example`", "cannot fetch `https://a.example`"),
        ("https://me:p@w@a.example/x", "https://a.example/x"),
        ("git+ssh://git:pw@a.example/r.git", "git+ssh://a.example/r.git"),
        ("http://a.example/x@y", "http://a.example/x@y"),
        (
            "https://a.example/?X-Amz-Signature=abc&b=1&api_key=z",
            "https://a.example/?X-Amz-Signature=***&b=1&api_key=***",
        ),
        ("mail me@a.example", "mail me@a.example"),
    ],
)
def test_user_information_and_secret_parameters_are_left_out(text: str, expected: str) -> None:
    assert redacted(text) == expected


@given(st.from_regex(r"[A-Za-z0-9:%._-]{1,12}", fullmatch=True), st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True))
def test_what_stands_before_a_host_is_never_printed(user: str, host: str) -> None:
    assert redacted(f"error at https://{user}@{host}/simple/: no") == f"error at https://{host}/simple/: no"


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://me:s%2Fcret@a.example/x", ("https://a.example/x", "me", "s/cret")),
        ("https://token@a.example", ("https://a.example", "token", None)),
        ("https://a.example/me@x", ("https://a.example/me@x", None, None)),
        ("wheels/a.whl", ("wheels/a.whl", None, None)),
    ],
)
def test_a_url_is_split_into_address_and_who_asks(url: str, parts: tuple[str, str | None, str | None]) -> None:
    assert split(url) == parts
