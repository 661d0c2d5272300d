"""URLs: what they point at, how they are shown, and which proxy they go through."""

from __future__ import annotations

import pytest

from tare.errors import NetworkError
from tare.net.urls import Origin, locate, proxy_for, redacted, redirected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@index.example/simple/", "https://index.example/simple/"),
        ("https://token@index.example/a?sig=secret#frag", "https://index.example/a"),
        ("https://a:b@c@index.example/x", "https://index.example/x"),
        ("http://index.example/a@b", "http://index.example/a@b"),
        ("http://index.example/\x1b[31mred\n", "http://index.example/�[31mred�"),
    ],
)
def test_a_shown_url_has_no_secrets_and_no_control_characters(url: str, shown: str) -> None:
    assert redacted(url) == shown


def test_user_info_is_taken_out_and_unquoted() -> None:
    found = locate("https://me:p%40ss@Index.Example:8443/a%20b?x=1#frag")

    assert found.url == "https://index.example:8443/a%20b?x=1"
    assert (found.user, found.password) == ("me", "p@ss")
    assert found.origin == Origin(scheme="https", host="index.example", port=8443)


def test_an_ipv6_address_keeps_its_brackets() -> None:
    assert locate("http://[::1]:80/x").url == "http://[::1]:80/x"


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "a.example/x", "http:///x", "http://a.example:port/", "http://a.example/ x", ""]
)
def test_what_cannot_be_asked_is_refused(url: str) -> None:
    with pytest.raises(NetworkError):
        locate(url)


def test_a_redirect_is_relative_to_where_it_stands_and_drops_its_own_user() -> None:
    here = locate("https://me:secret@a.example/pool/x.deb")

    assert redirected(here, "../y").url == "https://a.example/y"
    assert redirected(here, "https://evil:x@b.example/").user is None
    assert redirected(here, "https://evil:x@b.example/").url == "https://b.example/"


@pytest.mark.parametrize("target", ["http://a.example/x", "file:///etc/passwd", "ftp://a.example/x"])
def test_a_redirect_does_not_leave_https(target: str) -> None:
    with pytest.raises(NetworkError):
        redirected(locate("https://a.example/"), target)


PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "proxies", "expected"),
    [
        ("http://a.example/", {"http": PROXY}, PROXY),
        ("https://a.example/", {"http": PROXY}, None),
        ("https://a.example/", {"all": "proxy.example:3128"}, PROXY),
        ("http://a.example/", {"http": PROXY, "no": "a.example"}, None),
        ("http://a.example/", {"http": PROXY, "no": "b.example, .example"}, None),
        ("http://ba.example/", {"http": PROXY, "no": "a.example"}, PROXY),
        ("http://a.example/", {"http": PROXY, "no": "*"}, None),
        ("http://a.example:8080/", {"http": PROXY, "no": "a.example:8080"}, None),
        ("http://a.example/", {"http": PROXY, "no": "a.example:8080"}, PROXY),
        ("http://10.1.2.3/", {"http": PROXY, "no": "10.0.0.0/8"}, None),
        ("http://11.1.2.3/", {"http": PROXY, "no": "10.0.0.0/8"}, PROXY),
        ("http://[::1]/", {"http": PROXY, "no": "::1"}, None),
        ("http://a.example/", {"http": PROXY, "no": ""}, PROXY),
    ],
)
def test_the_proxy_is_the_one_that_the_variables_mean(url: str, proxies: dict[str, str], expected: str | None) -> None:
    assert proxy_for(locate(url), proxies) == expected
