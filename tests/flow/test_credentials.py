"""Who tare is to an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Place
from counted import CountedWorld, ask, made
from loopback import running_server
from make.index import Index

from tare.errors import NetworkError
from tare.flow.credentials import credentials

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


def test_without_credentials_a_private_index_is_an_error(place: Place, private: Index) -> None:
    with pytest.raises(NetworkError) as caught:
        built(place, UV_DEFAULT_INDEX=private.url)
    assert caught.value.hints == (
        "Credentials are read from netrc, `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`, and keyring, as uv does",
    )
