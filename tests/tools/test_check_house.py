"""`make lint` fails on what no linter knows. The bad lines are put together here, so that this file passes itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[2] / "tools" / "check_house.py"
PYPI, DEBIAN, NPM = "pypi", "debian", "npmjs"
ROOT_HOME, WORK = "/root", "/work"
ELSEWHERE = Path("/app")
HASH = "--hash=sha256:" + "0" * 64


@pytest.fixture(scope="module")
def house() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_house", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "line",
    [
        f"index-url = https://{PYPI}.org/simple",
        f"https://files.{PYPI.replace('pi', 'thonhosted')}.org/packages/x.whl",
        f"deb http://deb.{DEBIAN}.org/debian trixie main",
        f"http://security.{DEBIAN}.org",
        f"https://registry.{NPM}.org/left-pad",
    ],
)
def test_the_address_of_a_package_registry_is_found(house: ModuleType, line: str) -> None:
    assert [what for what, _ in house.findings_in(line, ELSEWHERE)] == ["the address of a package registry"]


@pytest.mark.parametrize(
    "line", [f"{WORK}/main", f'open("{ROOT_HOME}/.cache/x")', "/home/" + "jsmith/tare", "/Users/" + "jo/x"]
)
def test_the_path_of_a_machine_is_found(house: ModuleType, line: str) -> None:
    assert [what for what, _ in house.findings_in(line, ELSEWHERE)] == ["a path of a machine"]


@pytest.mark.parametrize(
    "line",
    [
        "https://index.example/simple",
        "https://packaging.python.org/en/latest/specifications/pylock-toml/",
        "https://www.debian.org/doc/debian-policy/",
        "root:x:0:0:root:/root:/usr/sbin/nologin",
        "WORKDIR /app/work/dir",
        "/home/nonroot",
        "the work/main of others",
    ],
)
def test_honest_lines_pass(house: ModuleType, line: str) -> None:
    assert list(house.findings_in(line, ELSEWHERE)) == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (f"# only words\nrich==15.0.0 \\\n    {HASH}\n    # via tare\n", None),
        (f"colorama==0.4.6 ; sys_platform == 'win32' \\\n    {HASH}\n", None),
        ("rich==15.0.0\n", "without a hash: `rich==15.0.0`"),
        (f"rich>=15 {HASH}\n", "not pinned with `==`: `rich>=15`"),
        ("--index-url https://index.example/simple\n", "an address: `--index-url https://index.example/simple`"),
        (f"rich @ https://files.example/rich.whl {HASH}\n", "an address: `rich @ https://files.example/rich.whl`"),
    ],
)
def test_requirements_are_pinned_hashed_and_without_addresses(
    house: ModuleType, tmp_path: Path, text: str, finding: str | None
) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "run.txt").write_text(text, encoding="utf-8")

    expected = [] if finding is None else [f"requirements/run.txt: {finding}"]

    assert list(house.check_requirements(tmp_path)) == expected


def test_the_path_of_this_checkout_is_found(house: ModuleType) -> None:
    findings = list(house.findings_in("see /srv/code/tare/README.md", Path("/srv/code/tare")))

    assert findings == [("the path of this checkout", "/srv/code/tare")]
