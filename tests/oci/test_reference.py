"""References, by the grammar of the distribution project and Docker's rules for what may be left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make.errors import told

from tare.errors import UsageError
from tare.oci.reference import Reference, parse

SHA256 = "sha256:" + "0123456789abcdef" * 4
SHA512 = "sha512:" + "0123456789abcdef" * 8

GOOD = (
    # what was written; registry, repository, tag, digest; as Docker prints it
    ("python", "docker.io", "library/python", None, None, "python"),
    ("python:3.13-slim", "docker.io", "library/python", "3.13-slim", None, "python:3.13-slim"),
    ("docker/docker", "docker.io", "docker/docker", None, None, "docker/docker"),
    ("library/debian", "docker.io", "library/debian", None, None, "debian"),
    ("docker.io/debian", "docker.io", "library/debian", None, None, "debian"),
    ("docker.io/library/debian", "docker.io", "library/debian", None, None, "debian"),
    ("index.docker.io/docker/docker", "docker.io", "docker/docker", None, None, "docker/docker"),
    ("index.docker.io/debian:9", "docker.io", "library/debian", "9", None, "debian:9"),
    ("registry-1.docker.io/library/debian", "docker.io", "library/debian", None, None, "debian"),
    ("127.0.0.1:5000/docker/docker", "127.0.0.1:5000", "docker/docker", None, None, "127.0.0.1:5000/docker/docker"),
    ("127.0.0.1:5000/debian", "127.0.0.1:5000", "debian", None, None, "127.0.0.1:5000/debian"),
    ("192.168.0.1/app", "192.168.0.1", "app", None, None, "192.168.0.1/app"),
    ("localhost/app", "localhost", "app", None, None, "localhost/app"),
    ("localhost:5000/app:v1", "localhost:5000", "app", "v1", None, "localhost:5000/app:v1"),
    ("registry:5000/app", "registry:5000", "app", None, None, "registry:5000/app"),
    ("registry.example/a/b/c/d", "registry.example", "a/b/c/d", None, None, "registry.example/a/b/c/d"),
    ("REGISTRY.example/app", "REGISTRY.example", "app", None, None, "REGISTRY.example/app"),
    ("Registry/app", "Registry", "app", None, None, "Registry/app"),
    ("xn--7o8h.example:5000/app", "xn--7o8h.example:5000", "app", None, None, "xn--7o8h.example:5000/app"),
    ("xn--n3h/app", "docker.io", "xn--n3h/app", None, None, "xn--n3h/app"),
    ("[::1]/app", "[::1]", "app", None, None, "[::1]/app"),
    (
        "[2001:db8:1:2:3:4:5:6]:5000/app:v1",
        "[2001:db8:1:2:3:4:5:6]:5000",
        "app",
        "v1",
        None,
        "[2001:db8:1:2:3:4:5:6]:5000/app:v1",
    ),
    ("foo/foo_bar.com:8080", "docker.io", "foo/foo_bar.com", "8080", None, "foo/foo_bar.com:8080"),
    ("foo_bar", "docker.io", "library/foo_bar", None, None, "foo_bar"),
    ("foo__bar", "docker.io", "library/foo__bar", None, None, "foo__bar"),
    ("foo--bar---baz", "docker.io", "library/foo--bar---baz", None, None, "foo--bar---baz"),
    ("foo.bar", "docker.io", "library/foo.bar", None, None, "foo.bar"),
    ("a-a/a-a", "docker.io", "a-a/a-a", None, None, "a-a/a-a"),
    ("b/b.b__b--b/b", "docker.io", "b/b.b__b--b/b", None, None, "b/b.b__b--b/b"),
    (f"python@{SHA256}", "docker.io", "library/python", None, SHA256, f"python@{SHA256}"),
    (f"python:3@{SHA256}", "docker.io", "library/python", "3", SHA256, f"python:3@{SHA256}"),
    (
        f"registry.example:443/app@{SHA512}",
        "registry.example:443",
        "app",
        None,
        SHA512,
        f"registry.example:443/app@{SHA512}",
    ),
    ("app:" + "x" * 128, "docker.io", "library/app", "x" * 128, None, "app:" + "x" * 128),
    ("app:_private.TAG-1", "docker.io", "library/app", "_private.TAG-1", None, "app:_private.TAG-1"),
    ("registry.example/" + "a" * 255, "registry.example", "a" * 255, None, None, "registry.example/" + "a" * 255),
    (
        "0123456789abcdef" * 4 + ":tag",
        "docker.io",
        "library/" + "0123456789abcdef" * 4,
        "tag",
        None,
        "0123456789abcdef" * 4 + ":tag",
    ),
)


@pytest.mark.parametrize("row", GOOD, ids=[row[0][:40] for row in GOOD])
def test_a_reference_is_read_as_docker_reads_it(row: tuple[str, str, str, str | None, str | None, str]) -> None:
    text, registry, repository, tag, digest, familiar = row
    reference = parse(text)
    assert reference == Reference(registry=registry, repository=repository, tag=tag, digest=digest)
    assert reference.familiar == familiar
    assert parse(str(reference)) == reference
    assert reference.tag_or_latest == (tag or "latest")


def repository(name: str) -> str:
    return f"`{name}` is not the name of a repository"


def registry(name: str) -> str:
    return f"`{name}` is not the name of a registry"


LOWER = "a repository name is lower case"

BAD = (
    ("", repository(""), ()),
    (":tag", repository(""), ()),
    (f"@{SHA256}", repository(""), ()),
    (" ", repository(" "), ()),
    ("https://github.com/docker/docker", registry("https:"), ("Did you mean `github.com/docker/docker`?",)),
    ("docker://app:1", registry("docker:"), ("Did you mean `app:1`?",)),
    ("docker/Docker", LOWER, ("Did you mean `docker/docker`?",)),
    ("Python", LOWER, ("Did you mean `python`?",)),
    ("Python:3.13-Slim", LOWER, ("Did you mean `python:3.13-Slim`?",)),
    ("ghcr.example/Acme/api:V1", LOWER, ("Did you mean `ghcr.example/acme/api:V1`?",)),
    ("-docker", repository("-docker"), ()),
    ("a.b_c/app", registry("a.b_c"), ()),
    ("aa/asdf$$^/aa", repository("aa/asdf$$^/aa"), ()),
    ("-docker/docker", repository("-docker/docker"), ()),
    ("-docker.io/docker/docker", registry("-docker.io"), ()),
    ("docker///docker", repository("docker///docker"), ()),
    ("docker.io/docker/", repository("docker/"), ()),
    ("docker.io/docker///docker", repository("docker///docker"), ()),
    ("docker..io/app", registry("docker..io"), ()),
    ("docker.-io/app", registry("docker.-io"), ()),
    ("registry.example.:443/app", registry("registry.example.:443"), ()),
    ("registry.example:port/app", registry("registry.example:port"), ()),
    ("registry.example:/app", registry("registry.example:"), ()),
    ("[fe80::1%eth0]/app", registry("[fe80::1%eth0]"), ()),
    ("[fe80::1%eth0]:5000/app", registry("[fe80::1%eth0]:5000"), ()),
    ("[2001:db8::1/app", registry("[2001:db8::1"), ()),
    ("2001:db8::1:5000/app", registry("2001:db8::1:5000"), ()),
    ("app_.x", repository("app_.x"), ()),
    ("app..x", repository("app..x"), ()),
    ("app___x", repository("app___x"), ()),
    ("app-", repository("app-"), ()),
    ("app/-x", repository("app/-x"), ()),
    ("app/../x", repository("app/../x"), ()),
    ("../app", registry(".."), ()),
    ("./app", registry("."), ()),
    ("/app", repository("/app"), ()),
    ("app:", "`` is not a tag", ()),
    ("app:-x", "`-x` is not a tag", ()),
    ("app:.x", "`.x` is not a tag", ()),
    ("app:a:b", "`a:b` is not a tag", ()),
    ("app:a/b", registry("app:a"), ()),
    ("app:" + "x" * 129, f"`{'x' * 129}` is not a tag", ()),
    ("app:tag\n", "`tag\n` is not a tag", ()),
    ("app\n", repository("app\n"), ()),
    ("größe", repository("größe"), ()),
    ("a" * 256, repository("a" * 256), ()),
    ("app@", "`` is not a digest", ()),
    ("app@sha256:short", "`sha256:short` is not a digest", ()),
    (f"app@{SHA256.upper()}", f"`{SHA256.upper()}` is not a digest", ()),
    (f"app@{SHA256}@{SHA256}", f"`{SHA256}@{SHA256}` is not a digest", ()),
    (f"app@{SHA256}:tag", f"`{SHA256}:tag` is not a digest", ()),
    ("0123456789abcdef" * 4, "64 hexadecimal digits are an image's ID, which registries do not know", ()),
)


@pytest.mark.parametrize(("text", "cause", "hints"), BAD, ids=[repr(row[0][:40]) for row in BAD])
def test_what_is_no_reference_is_refused(text: str, cause: str, hints: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert told(caught.value) == (UsageError, f"`{text}` is not an image reference", (cause,), hints)


@given(st.text(max_size=40) | st.text("ab.-_/:@[]A0", max_size=30))
def test_no_text_gives_another_error(text: str) -> None:
    try:
        reference = parse(text)
    except UsageError:
        return
    assert parse(str(reference)) == reference
    assert parse(reference.familiar) == reference
