"""Who tare is to an index: what uv would say too, since uv names the files and tare fetches them.

https://docs.astral.sh/uv/concepts/authentication/http/: user information in the index's URL, then
`UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`, then netrc.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

Credentials = tuple[str, str]


def credentials(environment: Mapping[str, str]) -> Callable[[str], Credentials | None]:
    """Return a function from a URL to user name and password, or None."""
    known = dict(_from_indexes(environment))

    def find(url: str) -> Credentials | None:
        host = urlsplit(url).netloc.lower()
        return known.get(host) or _from_netrc(environment, urlsplit(url).hostname or "")

    return find


def _from_indexes(environment: Mapping[str, str]) -> list[tuple[str, Credentials]]:
    """Return the credentials that the environment has for indexes it names, by host and port."""
    found = []
    for variable in ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX"):
        for word in environment.get(variable, "").split():
            name, _, url = word.rpartition("=") if "=" in word.partition("://")[0] else ("", "", word)
            parts = urlsplit(url)
            key = name.upper().replace("-", "_").replace(".", "_")
            user = parts.username or environment.get(f"UV_INDEX_{key}_USERNAME", "")
            password = parts.password or environment.get(f"UV_INDEX_{key}_PASSWORD", "")
            if user or password:
                host = parts.netloc.rpartition("@")[2].lower()
                found.append((host, (unquote(user), unquote(password))))
    return found


def _from_netrc(environment: Mapping[str, str], host: str) -> Credentials | None:
    home = environment.get("HOME") or environment.get("USERPROFILE")
    path = environment.get("NETRC") or (str(Path(home, ".netrc")) if home else "")
    if not path or not Path(path).is_file():
        return None
    import netrc

    try:
        found = netrc.netrc(path).authenticators(host)
    except (netrc.NetrcParseError, OSError):
        return None
    return (found[0], found[2]) if found else None
