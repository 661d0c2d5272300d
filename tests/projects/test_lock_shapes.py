"""Lockfiles whose values have another form than their tools write: one error, and no hash that is lost."""

from __future__ import annotations

import json

import pytest
from command import Place

SHA512 = "sha512:" + "0" * 128
POETRY = '[[package]]\nname = "six"\nversion = "1.16.0"\nfiles = {files}\n[metadata]\nlock-version = "2.1"\n'
PDM = '[metadata]\nlock_version = "4.5.0"\n[[package]]\nname = "six"\nversion = "1.16.0"\nfiles = {files}\n'


PROJECT = '[project]\nname = "app"\nversion = "1"\ndependencies = ["six"]\n'


def pipfile(entry: object) -> str:
    return json.dumps({"_meta": {}, "default": {"six": entry}, "develop": {}})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Pipfile.lock", pipfile({"version": "==1.16.0", "hashes": [SHA512]})),
        ("poetry.lock", POETRY.format(files=f'[{{file = "six.whl", hash = "{SHA512}"}}]')),
        ("pdm.lock", PDM.format(files=f'[{{file = "six.whl", hash = "{SHA512}"}}]')),
    ],
)
def test_hashes_that_cannot_be_held_are_an_error(place: Place, name: str, text: str) -> None:
    place.write({name: text, "main.py": "", "pyproject.toml": PROJECT})

    code, out, err = place("plan", *place.target)

    assert (code, out) == (2, "")
    assert err.splitlines()[:2] == [
        f"error: `{name}` is not a valid lockfile",
        f"  caused by: six: expected a SHA-256 among its hashes, found `{SHA512[:80]}`",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Pipfile.lock", "{}"),
        ("Pipfile.lock", '{"_meta": {}, "default": []}'),
        ("Pipfile.lock", '{"_meta": 1, "default": {}}'),
        ("Pipfile.lock", pipfile("x")),
        ("Pipfile.lock", pipfile({"version": "==1", "hashes": "x"})),
        ("Pipfile.lock", pipfile({"version": "==1", "markers": "x"})),
        ("poetry.lock", POETRY.format(files='"x"')),
        ("poetry.lock", POETRY.format(files="1")),
        ("poetry.lock", POETRY.format(files='[{file = "a", hash = "sha256:12"}]')),
        ("pdm.lock", PDM.format(files="[1]")),
        ("uv.lock", 'version = 1\n[[package]]\nname = []\nversion = "1"\nsource = "x"\n'),
    ],
)
def test_a_value_of_another_form_is_one_error(place: Place, name: str, text: str) -> None:
    place.write({name: text, "main.py": "", "pyproject.toml": PROJECT})

    code, out, err = place("plan", *place.target)

    assert (code, out) == (2, ""), err
    assert err.startswith("error: "), err
    assert "Traceback" not in err


@pytest.mark.parametrize("table", ["optional-dependencies = 1", "dependencies = 1"])
def test_a_manifest_of_another_form_is_one_error(place: Place, table: str) -> None:
    place.write({"pyproject.toml": f'[project]\nname = "app"\nversion = "1"\n{table}\n', "main.py": ""})

    code, out, err = place("plan", *place.target)

    assert (code, out, err[:7]) == (2, "", "error: ")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("poetry.lock", POETRY.format(files="[]").replace("2.1", "9.0"), "1.x or 2.x"),
        ("pdm.lock", PDM.format(files="[]").replace("4.5.0", "9.0"), "2.x or 3.x or 4.x"),
    ],
)
def test_a_format_that_nobody_here_knows_is_refused(place: Place, name: str, text: str, expected: str) -> None:
    place.write({name: text, "main.py": "", "pyproject.toml": PROJECT})

    code, _, err = place("plan", *place.target)

    assert (code, err.splitlines()[:2]) == (
        2,
        [
            f"error: `{name}` is not a valid lockfile",
            f"  caused by: expected version {expected} of its format, found `9.0`",
        ],
    )
