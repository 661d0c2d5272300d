"""Who tare is to an index."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from command import Place
from counted import CountedWorld, ask, made
from loopback import running_server
from make.index import Index
from trees import write

from tare.errors import NetworkError
from tare.flow.credentials import credentials
from tare.projects.locks.indexes import Index as Named
from tare.projects.process import Finished

URL = "https://index.example/files/a.whl"


@pytest.mark.parametrize(
    "environment",
    [
        {"UV_DEFAULT_INDEX": "https://ada:s%40crt@index.example/simple"},
        {"UV_INDEX_URL": "https://ada:s%40crt@index.example/simple"},
        {"UV_EXTRA_INDEX_URL": "https://other.example/x https://ada:s%40crt@INDEX.example/simple"},
        {"UV_INDEX": "mine=https://ada:s%40crt@index.example/simple"},
        {"UV_INDEX": "my-index.two=https://index.example/x", "UV_INDEX_MY_INDEX_TWO_USERNAME": "ada",
         "UV_INDEX_MY_INDEX_TWO_PASSWORD": "s@crt"},
    ],
)  # fmt: skip
def test_the_environment_names_them_as_it_does_for_uv(environment: dict[str, str]) -> None:
    find = credentials(environment)

    assert find(URL) == ("ada", "s@crt")
    assert find("https://index.example:8443/files/a.whl") is None
    assert find("https://files.example/a.whl") is None


def test_netrc_has_them(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine index.example login ada password s@crt\n")
    (tmp_path / "other").write_text("machine index.example login bob password other\n")

    assert credentials({"HOME": str(tmp_path)})(URL) == ("ada", "s@crt")
    assert credentials({"HOME": str(tmp_path), "NETRC": str(tmp_path / "other")})(URL) == ("bob", "other")
    assert credentials({"HOME": str(tmp_path)})("https://elsewhere.example/a.whl") is None
    assert credentials({})(URL) is None


def test_a_netrc_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine\n")

    assert credentials({"HOME": str(tmp_path)})(URL) is None


@pytest.fixture
def private(place: Place) -> Iterator[Index]:
    """An index with a wheel, for one person, and a project that needs it."""
    with running_server() as server:
        index = Index(server, user="ada", password="s@crt")
        index.add("sample", "1.0", sdist=False)
        digest = index.hashes["sample-1.0-py3-none-any.whl"]
        place.write({"main.py": "", "requirements.txt": f"sample==1.0 --hash=sha256:{digest}\n"})
        yield index


def built(place: Place, **environment: str) -> CountedWorld:
    kept = {name: value for name, value in place.environment.items() if name not in {"UV_OFFLINE", "UV_FIND_LINKS"}}
    world = CountedWorld(place.cache, {**kept, "UV_HTTP_RETRIES": "0", **environment}, offline=False)
    made(world, place.app, ask(place.base()))
    return world


def test_a_private_index_is_used_by_uv_and_by_tare_and_the_password_stays_out(place: Place, private: Index) -> None:
    with_user = private.url.replace("://", "://ada:s%40crt@")
    world = built(place, UV_DEFAULT_INDEX=with_user)

    assert (world.uses["uv"], world.uses["fetch"]) == (1, 1)
    kept = b"".join(path.read_bytes() for path in place.cache.rglob("*") if path.is_file())
    assert b"s@crt" not in kept
    assert b"s%40crt" not in kept


NAMED = """
[project]
name = "app"
version = "1"
requires-python = ">=3.11"
[[tool.uv.index]]
name = "my-index.two"
url = "{}"
default = true
"""


@pytest.mark.parametrize(
    "where", ["index in the manifest", "variables", "requirements", "uv.toml", "user's uv.toml", "keyring"]
)
def test_wherever_uv_finds_them_tare_finds_them_too(place: Place, private: Index, where: str) -> None:
    with_user = private.url.replace("://", "://ada:s%40crt@")
    requirements = (place.app / "requirements.txt").read_text()
    environment = {}
    match where:
        case "index in the manifest":
            place.write({"pyproject.toml": NAMED.format(with_user)})
        case "variables":
            place.write({"pyproject.toml": NAMED.format(private.url)})
            environment = {"UV_INDEX_MY_INDEX_TWO_USERNAME": "ada", "UV_INDEX_MY_INDEX_TWO_PASSWORD": "s@crt"}
        case "requirements":
            environment = {"SECRET": "s%40crt"}
            address = with_user.replace("s%40crt", "${SECRET}")
            place.write({"requirements.txt": f"--index-url {address}\n{requirements}"})
        case "uv.toml":
            place.write({"uv.toml": f'[[index]]\nurl = "{with_user}"\ndefault = true\n'})
        case "user's uv.toml":
            write(place.root / "home/.config", {"uv/uv.toml": f'index-url = "{with_user}"\n'})
        case _:
            program = write(place.root / "bin", {"keyring": KEYRING}) / "keyring"
            program.chmod(0o755)
            environment = {
                "UV_KEYRING_PROVIDER": "subprocess", "PATH": f"{program.parent}{os.pathsep}{place.environment['PATH']}",
                "UV_DEFAULT_INDEX": private.url.replace("://", "://ada@"),
            }  # fmt: skip
    world = built(place, **environment)

    assert world.uses["fetch"] == 1
    kept = b"".join(path.read_bytes() for path in place.cache.rglob("*") if path.is_file())
    assert b"s@crt" not in kept
    assert b"s%40crt" not in kept


KEYRING = """#!/bin/sh
test "$1 $3" = "get ada" && echo s@crt
"""


def test_an_index_of_one_host_says_nothing_to_another() -> None:
    named = [
        Named(url="https://ada:one@index.example/team/simple/"),
        Named(url="https://bob:two@index.example/other/simple/"),
        Named(url="https://eve:three@index.example:8443/simple/"),
        Named(name="n", url="https://named.example/simple/"),
    ]
    find = credentials({"UV_INDEX_N_USERNAME": "n", "UV_INDEX_N_PASSWORD": "p"}, lambda: named)

    assert find("https://index.example/team/files/a.whl") == ("ada", "one")
    assert find("https://INDEX.example:443/other/files/a.whl") == ("bob", "two")
    assert find("https://index.example:8443/a.whl") == ("eve", "three")
    assert find("https://named.example/a.whl") == ("n", "p")
    assert find("http://index.example/team/files/a.whl") is None
    assert find("https://files.index.example/team/files/a.whl") is None
    assert find("https://named.example.org/a.whl") is None


def test_keyring_is_asked_once_and_only_when_it_is_let() -> None:
    asked = []

    def runner(argv: Sequence[str], *, env: Mapping[str, str], cwd: str, stdin: bytes = b"") -> Finished:
        asked.append((tuple(argv), dict(env)))
        return Finished(status=0 if argv[2] == "index.example" else 1, stdout=b"s@crt\n", stderr="")

    environment = {"UV_DEFAULT_INDEX": "https://ada@index.example/simple"}
    assert credentials(environment, runner=runner)(URL) == ("ada", "")
    assert asked == []
    find = credentials(environment, keyring=True, runner=runner)
    assert (find(URL), find(URL)) == (("ada", "s@crt"), ("ada", "s@crt"))
    assert asked == [
        (("keyring", "get", "https://index.example/simple", "ada"), environment),
        (("keyring", "get", "index.example", "ada"), environment),
    ]


def test_without_credentials_a_private_index_is_an_error(place: Place, private: Index) -> None:
    with pytest.raises(NetworkError) as caught:
        built(place, UV_DEFAULT_INDEX=private.url)
    assert caught.value.hints == (
        "Credentials are read from netrc, `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`, and keyring, as uv does",
    )
