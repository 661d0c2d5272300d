"""Names and passwords: the files of Docker and of containers, and the helpers that they name.

https://docs.docker.com/reference/cli/docker/login/ and
https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tare.errors import MachineError, UsageError
from tare.oci.reference import DEFAULT_REGISTRY
from tare.stores.registry.settings import CredentialSources

_HUB: Final = "https://index.docker.io/v1/"
"""What Docker calls Docker Hub in its files, since before there was a version 2."""

_HUB_HOSTS: Final = frozenset({DEFAULT_REGISTRY, "index.docker.io", "registry-1.docker.io"})
_MAX: Final = 1024 * 1024
_IDENTITY: Final = "<token>"
"""The user name that says: the secret is an identity token."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a user, or of a machine."""

    user: str = ""
    password: str = ""

    identity_token: str = ""
    """A refresh token of OAuth 2, which stands for user and password at a token service."""

    registry_token: str = ""
    """A bearer token for the registry itself."""

    source: str = ""
    """Where it was found, for errors."""

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r}, source={self.source!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be printed."""
        return tuple(text for text in (self.password, self.identity_token, self.registry_token) if text)


class _Entry(msgspec.Struct):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""


class _File(msgspec.Struct):
    auths: dict[str, _Entry] = {}
    creds_store: str = msgspec.field(default="", name="credsStore")
    cred_helpers: dict[str, str] = msgspec.field(default_factory=dict, name="credHelpers")


def credential_files(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Return where Docker's and containers' tools keep credentials: what was set by hand first, then containers'.

    This is the order of podman and skopeo, with `DOCKER_CONFIG` moved up, since whoever sets it means it.
    """
    files = []
    if named := environment.get("REGISTRY_AUTH_FILE"):
        files.append(Path(named))
    if directory := environment.get("DOCKER_CONFIG"):
        files.append(Path(directory, "config.json"))
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        files.append(Path(runtime, "containers", "auth.json"))
    configuration = environment.get("XDG_CONFIG_HOME")
    files.append(
        Path(configuration) / "containers" / "auth.json" if configuration else home / ".config/containers/auth.json"
    )
    if not environment.get("DOCKER_CONFIG"):
        files.append(home / ".docker" / "config.json")
    return tuple(files)


def find(sources: CredentialSources, registry: str, repository: str) -> Credentials | None:
    """Return the credentials for *repository* of *registry*: from the first source that has some."""
    for name, document in _documents(sources):
        found = _from_helper(document, registry, sources, name) or _from_entries(document, registry, repository, name)
        if found is not None:
            return found
    return None


def _documents(sources: CredentialSources) -> Iterator[tuple[str, _File]]:
    if sources.inline is not None:
        yield "`DOCKER_AUTH_CONFIG`", _read("`DOCKER_AUTH_CONFIG`", sources.inline.encode())
    for path in sources.files:
        try:
            with path.open("rb") as file:
                raw = file.read(_MAX + 1)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise MachineError(f"cannot read `{path}`", causes=((error.strerror or str(error)).lower(),)) from None
        if raw.strip():
            yield f"`{path}`", _read(f"`{path}`", raw)


def _read(name: str, raw: bytes) -> _File:
    if len(raw) > _MAX:
        raise UsageError(f"{name} is too large", causes=(f"it has more than {_MAX} bytes",))
    try:
        return msgspec.json.decode(raw, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{name} is not a file of credentials", causes=(str(error),)) from None


def _from_entries(document: _File, registry: str, repository: str, name: str) -> Credentials | None:
    entries = {_plain(key): entry for key, entry in reversed(document.auths.items())}
    for key in _keys(registry, repository):
        if (entry := entries.get(key)) and (found := _from_entry(entry, key, name)):
            return found
    return None


def _keys(registry: str, repository: str) -> Iterator[str]:
    """Yield what an entry may be called, the most specific first: containers' files know repositories."""
    parts = repository.split("/")
    for number in range(len(parts), 0, -1):
        yield "/".join((registry, *parts[:number]))
    yield registry
    if registry in _HUB_HOSTS:
        yield from sorted(_HUB_HOSTS - {registry})


def _plain(key: str) -> str:
    """Return *key* without scheme and version, which Docker's older files have.

    >>> [_plain(key) for key in ("https://index.docker.io/v1/", "ghcr.io", "http://a.example:5000/v2/")]
    ['index.docker.io', 'ghcr.io', 'a.example:5000']
    """
    for scheme in ("https://", "http://"):
        key = key.removeprefix(scheme)
    key = key.rstrip("/")
    host, slash, path = key.partition("/")
    return host if slash and path in {"v1", "v2"} else key


def _from_entry(entry: _Entry, key: str, name: str) -> Credentials | None:
    user, password = entry.username, entry.password
    if entry.auth:
        try:
            text = binascii.a2b_base64(entry.auth.encode("ascii")).decode().rstrip("\0")
        except (ValueError, UnicodeError):
            raise UsageError(f"{name} has an entry for `{key}` that is not base 64") from None
        user, colon, password = text.partition(":")
        if not colon:
            raise UsageError(f"{name} has an entry for `{key}` without a colon between user and password")
    return _make(user, password, entry.identitytoken, entry.registrytoken, name)


def _make(user: str, password: str, identity: str, token: str, source: str) -> Credentials | None:
    if user == _IDENTITY and not identity:
        user, password, identity = "", "", password
    if not (password or identity or token):
        return None
    return Credentials(user=user, password=password, identity_token=identity, registry_token=token, source=source)


def _from_helper(document: _File, registry: str, sources: CredentialSources, name: str) -> Credentials | None:
    helpers = {_plain(key): helper for key, helper in document.cred_helpers.items()}
    hosts = [registry, *sorted(_HUB_HOSTS - {registry})] if registry in _HUB_HOSTS else [registry]
    helper = next((helpers[host] for host in hosts if helpers.get(host)), "") or document.creds_store
    if not helper:
        return None
    from tare.stores.registry import helpers as programs

    server = _HUB if registry in _HUB_HOSTS else registry
    found = programs.ask(helper, server, environment=sources.environment, timeout=sources.helper_timeout, named_in=name)
    if found is None:
        return None
    return _make(found.username, found.secret, "", "", f"docker-credential-{helper}")
