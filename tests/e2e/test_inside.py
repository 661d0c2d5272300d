"""What the tools of the packaging world find inside an image: every RECORD is true, and every requirement is met."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest
from lab import needs_root
from real import Build, Tare

pytestmark = pytest.mark.e2e

RECORDS = """
import base64, hashlib, importlib.metadata, os

wrong, rows, claimed = [], 0, set()
for distribution in importlib.metadata.distributions(path=["{site}"]):
    for file in distribution.files:
        rows += 1
        path = os.path.realpath(file.locate())
        claimed.add(path)
        with open(path, "rb") as stream:
            data = stream.read()
        if file.hash is None:
            if file.name != "RECORD":
                wrong.append(f"{{file}} has no hash")
            continue
        value = base64.urlsafe_b64encode(hashlib.new(file.hash.mode, data).digest()).rstrip(b"=").decode()
        if (value, len(data)) != (file.hash.value, file.size):
            wrong.append(f"{{file}}: {{file.hash.value}}, {{file.size}} / {{value}}, {{len(data)}}")
found = {{os.path.join(top, name) for top, _, names in os.walk("{site}") for name in names}}
print(rows > {least}, wrong, sorted(found - claimed))
"""
"""The interpreter's own reader of metadata, which tare has no part in."""

EXAMPLES = {"hello": 0, "api": 200, "science": 4_000}
"""How many rows the RECORD files have together, at least."""


def inside(tare_command: Tare, example: Build, name: str, *argv: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run Python in an image, locked in."""
    needs_root("a container without an engine")
    locked = ("--read-only", "--cap-drop", "ALL", "--network", "none", "--quiet", "--entrypoint", "python", *options)
    layout = f"oci:{example(name, 'trixie').subject.layout}"
    ran = tare_command("run", "--engine", "chroot", *locked, layout, *argv)
    return ran.code, ran.out + ran.err


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_record_is_true_and_nothing_lies_beside_them(example: Build, tare_command: Tare, name: str) -> None:
    site = "/opt/venv/lib/python3.13/site-packages"
    script = RECORDS.format(site=site, least=EXAMPLES[name] - 1)

    assert inside(tare_command, example, name, "-c", script) == (0, "True [] []\n")


@pytest.mark.parametrize("name", ["api", "science"])
def test_pip_finds_every_requirement_met(example: Build, tare_command: Tare, open_place: Path, name: str) -> None:
    found = importlib.util.find_spec("pip")
    if found is None or found.origin is None:
        pytest.skip("there is no pip beside these tests")
    place = open_place / "with-pip"
    if not place.exists():
        shutil.copytree(Path(found.origin).parent, place / "pip", ignore=shutil.ignore_patterns("__pycache__"))
    options = ("--volume", f"{place}:/srv/pip:ro", "--env", "PYTHONPATH=/srv/pip", "--env", "PIP_NO_CACHE_DIR=1")

    ended = inside(tare_command, example, name, "-m", "pip", "check", options=options)

    assert ended == (0, "No broken requirements found.\n")
