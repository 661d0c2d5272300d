"""Names and passwords from the files and helpers of Docker and of containers."""

from __future__ import annotations

import base64
import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tare.errors import MachineError, TareError, UsageError
from tare.stores.registry.credentials import Credentials, credential_files, find
from tare.stores.registry.settings import CredentialSources


def encoded(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def written(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def look(
    tmp_path: Path, document: Any, registry: str = "registry.example", repository: str = "team/app", **options: Any
) -> tuple[str, str, str, str] | None:
    """Return user, password, identity token and registry token that *document* has for a repository."""
    sources = CredentialSources(files=(written(tmp_path / "config.json", document),), **options)
    found = find(sources, registry, repository)
    return None if found is None else (found.user, found.password, found.identity_token, found.registry_token)


def test_the_places_in_which_files_are_looked_for() -> None:
    home = Path("/home/me")
    assert credential_files({}, home) == (
        Path("/home/me/.config/containers/auth.json"),
        Path("/home/me/.docker/config.json"),
    )
    everything = {
        "REGISTRY_AUTH_FILE": "/a/auth.json",
        "DOCKER_CONFIG": "/b",
        "XDG_RUNTIME_DIR": "/run/user/7",
        "XDG_CONFIG_HOME": "/c",
    }
    assert credential_files(everything, home) == (
        Path("/a/auth.json"),
        Path("/b/config.json"),
        Path("/run/user/7/containers/auth.json"),
        Path("/c/containers/auth.json"),
    )


@pytest.mark.parametrize(
    "key",
    [
        "registry.example",
        "https://registry.example",
        "https://registry.example/",
        "https://registry.example/v1/",
        "https://registry.example/v2/",
        "http://registry.example/v2",
    ],
)
def test_a_registry_is_found_under_each_of_its_spellings(tmp_path: Path, key: str) -> None:
    assert look(tmp_path, {"auths": {key: {"auth": encoded("me", "a:b")}}}) == ("me", "a:b", "", "")


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_four_names(tmp_path: Path, key: str) -> None:
    document = {"auths": {key: {"auth": encoded("me", "x")}}}
    assert look(tmp_path, document, "docker.io", "library/python") == ("me", "x", "", "")
    assert look(tmp_path, document, "docker.example") is None


def test_the_most_specific_entry_counts(tmp_path: Path) -> None:
    names = ["registry.example", "registry.example/team", "registry.example/team/app", "registry.example/te"]
    document = {"auths": {name: {"auth": encoded(name, "x")} for name in names}}
    found = {repository: look(tmp_path, document, repository=repository) for repository in ("team/app", "team/b", "c")}
    assert {repository: values and values[0] for repository, values in found.items()} == {
        "team/app": "registry.example/team/app",
        "team/b": "registry.example/team",
        "c": "registry.example",
    }


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        ({"auth": encoded("me", "secret")}, ("me", "secret", "", "")),
        ({"auth": base64.b64encode(b"me:secret\0\0").decode()}, ("me", "secret", "", "")),
        ({"username": "me", "password": "secret"}, ("me", "secret", "", "")),
        ({"auth": encoded("me", ""), "identitytoken": "tok"}, ("me", "", "tok", "")),
        ({"identitytoken": "tok"}, ("", "", "tok", "")),
        ({"registrytoken": "bear"}, ("", "", "", "bear")),
        ({"auth": encoded("<token>", "tok")}, ("", "", "tok", "")),
        ({"auth": encoded("mé", "pässwörd")}, ("mé", "pässwörd", "", "")),
        ({}, None),
        ({"auth": ""}, None),
        ({"auth": encoded("me", "")}, None),
    ],
)
def test_entries(tmp_path: Path, entry: dict[str, str], values: tuple[str, str, str, str] | None) -> None:
    assert look(tmp_path, {"auths": {"registry.example": entry}}) == values


def test_the_port_belongs_to_the_name(tmp_path: Path) -> None:
    document = {"auths": {"registry.example:5000": {"auth": encoded("me", "x")}}}
    assert look(tmp_path, document) is None
    assert look(tmp_path, document, "registry.example:5000") == ("me", "x", "", "")


def test_the_first_file_that_knows_something_counts(tmp_path: Path) -> None:
    files = (
        tmp_path / "missing.json",
        written(tmp_path / "empty.json", ""),
        written(tmp_path / "other.json", {"auths": {"other.example": {"auth": encoded("no", "no")}}}),
        written(tmp_path / "first.json", {"auths": {"registry.example": {"auth": encoded("first", "x")}}}),
        written(tmp_path / "second.json", {"auths": {"registry.example": {"auth": encoded("second", "x")}}}),
    )
    found = find(CredentialSources(files=files), "registry.example", "app")
    assert found is not None
    assert (found.user, found.source) == ("first", f"`{tmp_path / 'first.json'}`")


def test_a_document_in_the_environment_comes_first(tmp_path: Path) -> None:
    inline = json.dumps({"auths": {"registry.example": {"auth": encoded("inline", "x")}}})
    document = {"auths": {"registry.example": {"auth": encoded("file", "x")}}}
    assert look(tmp_path, document, inline=inline) == ("inline", "x", "", "")


def test_nobody_is_known(tmp_path: Path) -> None:
    assert find(CredentialSources(), "registry.example", "app") is None
    assert look(tmp_path, {"auths": {}, "HttpHeaders": {"X": "1"}, "plugins": {}}) is None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "is not a file of credentials"),
        ("[]", "is not a file of credentials"),
        ('{"auths": []}', "is not a file of credentials"),
        ('{"auths": {"registry.example": {"auth": 7}}}', "is not a file of credentials"),
        ('{"auths": {"registry.example": {"auth": "%%%"}}}', "has an entry for `registry.example`"),
        ('{"auths": {"registry.example": {"auth": "bWU="}}}', "without a colon between user and password"),
        ("{" + " " * 1_100_000, "is too large"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, document: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        look(tmp_path, document)
    assert "config.json" in caught.value.message


def test_credentials_do_not_show_their_secrets() -> None:
    assert "hush" not in repr(Credentials(user="me", password="hush", identity_token="hush", registry_token="hush"))


# Helpers


@pytest.fixture
def helpers(tmp_path: Path) -> Path:
    """Return a directory of helpers: one that knows, one that does not, and some that fail."""
    directory = tmp_path / "bin"
    directory.mkdir()
    programs = {
        "knows": 'import json; print(json.dumps({"ServerURL": server, "Username": "from-" + server, "Secret": "hush"}))',
        "token": 'import json; print(json.dumps({"Username": "<token>", "Secret": "refresh"}))',
        "empty": 'print("credentials not found in native keychain"); sys.exit(1)',
        "fails": 'sys.stderr.write("locked \\x1b[31m: token=AAAABBBBCCCCDDDDEEEE at https://me:hush@vault.example/x\\nmore"); sys.exit(3)',
        "rubbish": 'print("hush")',
        "sleeps": "import time; time.sleep(60)",
        "environment": 'import os, json; print(json.dumps({"Username": "x", "Secret": os.environ["VAULT"]}))',
    }
    for name, body in programs.items():
        path = directory / f"docker-credential-{name}"
        start = f"#!{sys.executable}\nimport sys\nassert sys.argv[1:] == ['get']\nserver = sys.stdin.read()\n"
        path.write_text(start + body + "\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return directory


def ask(tmp_path: Path, helpers: Path, document: Any, registry: str = "registry.example", **options: Any) -> Any:
    environment = {"PATH": str(helpers), "VAULT": "from the vault"}
    return look(tmp_path, document, registry, environment=environment, **options)


def test_a_helper_of_the_registry_comes_before_the_store_and_both_before_entries(tmp_path: Path, helpers: Path) -> None:
    entries = {"auths": {"registry.example": {"auth": encoded("file", "x")}}}
    both = {**entries, "credsStore": "token", "credHelpers": {"registry.example": "knows"}}
    store = {**entries, "credsStore": "token", "credHelpers": {"other.example": "knows"}}
    neither = {**entries, "credsStore": "empty"}
    assert ask(tmp_path, helpers, both) == ("from-registry.example", "hush", "", "")
    assert ask(tmp_path, helpers, store) == ("", "", "refresh", "")
    assert ask(tmp_path, helpers, neither) == ("file", "x", "", "")


def test_a_helper_is_asked_for_docker_hub_by_its_old_name(tmp_path: Path, helpers: Path) -> None:
    document = {"credHelpers": {"https://index.docker.io/v1/": "knows"}}
    assert ask(tmp_path, helpers, document, "docker.io") == ("from-https://index.docker.io/v1/", "hush", "", "")


def test_a_helper_runs_with_the_environment_that_was_given(tmp_path: Path, helpers: Path) -> None:
    assert ask(tmp_path, helpers, {"credsStore": "environment"}) == ("x", "from the vault", "", "")


def failure(tmp_path: Path, helpers: Path, helper: str, **options: Any) -> TareError:
    with pytest.raises(MachineError) as caught:
        ask(tmp_path, helpers, {"credsStore": helper}, **options)
    return caught.value


def test_a_helper_that_fails_is_quoted_without_its_secrets(tmp_path: Path, helpers: Path) -> None:
    error = failure(tmp_path, helpers, "fails")
    assert error.message == "`docker-credential-fails get` failed"
    assert error.causes == ("exit code 3: locked �[31m: … at https://…vault.example/x",)


def test_a_helper_whose_answer_cannot_be_read_is_not_quoted(tmp_path: Path, helpers: Path) -> None:
    error = failure(tmp_path, helpers, "rubbish")
    assert error.message == "`docker-credential-rubbish get` gave an answer that cannot be read"
    assert "hush" not in str((error.message, error.causes, error.hints, error.__cause__))


def test_a_helper_that_hangs_is_ended(tmp_path: Path, helpers: Path) -> None:
    error = failure(tmp_path, helpers, "sleeps", helper_timeout=0.3)
    assert error.message == "`docker-credential-sleeps get` did not end within 0.3 seconds"


def test_a_helper_that_is_not_installed_is_named(tmp_path: Path, helpers: Path) -> None:
    error = failure(tmp_path, helpers, "missing")
    assert error.message == "the credential helper `docker-credential-missing` is not installed"
    assert error.hints


@pytest.mark.parametrize("name", ["../evil", "a/b", "a b", "-x", "a\nb", "x" * 80])
def test_a_helper_is_a_name_and_never_a_path(tmp_path: Path, helpers: Path, name: str) -> None:
    assert failure(tmp_path, helpers, name).causes == ("that is not a name",)
