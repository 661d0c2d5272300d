"""Who tare is to an index: what uv would say too, since uv names the files and tare fetches them.

https://docs.astral.sh/uv/concepts/authentication/: user information in an index's URL, `UV_INDEX_<NAME>_USERNAME` and
`_PASSWORD`, netrc, and keyring where uv is told to ask it. Indexes are named by the environment, by the project in the
words of its own tool, and by uv's configuration. What is for one scheme, host and port is for no other.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from tare.errors import MachineError, NetworkError
from tare.net.urls import Location, locate
from tare.projects.process import Runner, run

if TYPE_CHECKING:
    from tare.projects.locks.indexes import Index
    from tare.projects.project import Project
    from tare.projects.uv import Uv

Credentials = tuple[str, str]
"""A user's name and password."""


class _Login(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of who may use an index."""

    index: Location
    user: str
    password: str


def credentials(
    environment: Mapping[str, str],
    indexes: Callable[[], Iterable[Index]] = tuple,
    *,
    keyring: bool = False,
    runner: Runner = run,
) -> Callable[[str], Credentials | None]:
    """Return a function from a URL to user name and password, or None.

    *indexes* is asked when the first file is fetched for what the project names. *keyring* is whether the project's
    configuration lets uv ask it.
    """
    asks = keyring or environment.get("UV_KEYRING_PROVIDER") == "subprocess"

    @functools.cache
    def known() -> tuple[_Login, ...]:
        named = (*_in_environment(environment), *((each.name, each.url) for each in indexes()))
        return tuple(_logins(named, environment))

    @functools.cache
    def asked(service: str, user: str) -> str | None:
        return _from_keyring(service, user, environment, runner)

    def find(url: str) -> Credentials | None:
        here = locate(url)
        logins = sorted(
            (login for login in known() if login.index.origin == here.origin),
            key=lambda login: -len(os.path.commonpath([urlsplit(each.url).path for each in (login.index, here)])),
        )
        for login in logins:
            if login.password:
                return login.user, login.password
        found = _from_netrc(environment, here.origin.host)
        if found is not None or not asks:
            return found or next(((login.user, "") for login in logins), None)
        for login in logins:
            for service in (login.index.url, urlsplit(login.index.url).netloc):
                password = asked(service, login.user)
                if password is not None:
                    return login.user, password
        return next(((login.user, "") for login in logins), None)

    return find


def _in_environment(environment: Mapping[str, str]) -> Iterator[tuple[str | None, str]]:
    """Yield name and URL of the indexes that the environment names."""
    for variable in ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX"):
        for word in environment.get(variable, "").split():
            name, _, url = word.rpartition("=") if "=" in word.partition("://")[0] else ("", "", word)
            yield name or None, url
    for place in environment.get("UV_FIND_LINKS", "").replace(",", " ").split():
        yield None, place


def _logins(named: Iterable[tuple[str | None, str]], environment: Mapping[str, str]) -> Iterator[_Login]:
    for name, url in named:
        try:
            index = locate(url)
        except NetworkError:
            continue  # a directory, or what uv has words for
        key = re.sub(r"[^A-Z0-9]", "_", (name or "").upper())
        user = index.user or (environment.get(f"UV_INDEX_{key}_USERNAME", "") if key else "")
        password = index.password or (environment.get(f"UV_INDEX_{key}_PASSWORD", "") if key else "")
        if user or password:
            yield _Login(index=msgspec.structs.replace(index, user=None, password=""), user=user, password=password)


def _from_netrc(environment: Mapping[str, str], host: str) -> Credentials | None:
    home = environment.get("HOME") or environment.get("USERPROFILE")
    path = environment.get("NETRC") or (os.path.join(home, ".netrc") if home else "")
    if not path or not os.path.isfile(path):
        return None
    import netrc

    try:
        found = netrc.netrc(path).authenticators(host)
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        return None
    return (found[0], found[2]) if found else None


def _from_keyring(service: str, user: str, environment: Mapping[str, str], runner: Runner) -> str | None:
    """Ask the program `keyring`, as uv does (`--keyring-provider subprocess`)."""
    if not user or user.startswith("-"):
        return None
    try:
        done = runner(("keyring", "get", service, user), env=environment, cwd=os.curdir)
    except MachineError:
        return None
    password = done.stdout.decode("utf-8", "replace").rstrip("\r\n")
    return password if done.status == 0 and password else None


def indexes_of(project: Project, uv: Uv) -> tuple[Index, ...]:
    """Return the indexes that *project* names, in whatever words, and those of uv's configuration."""
    from tare.projects.locks import indexes

    return (*indexes.of_project(project, uv.env), *indexes.of_configuration(uv.configuration(project.root)))


def asks_keyring(project: Project, uv: Uv) -> bool:
    """Return whether uv's configuration says that it may ask keyring."""
    from tare.projects import files

    for path in uv.configuration(project.root):
        if os.path.isfile(path):
            document = files.toml(path)
            settings = document.get("tool", {}).get("uv", {}) if path.endswith("pyproject.toml") else document
            if "keyring-provider" in settings:
                return bool(settings["keyring-provider"] == "subprocess")
    return False
