"""The rules of this house that no linter knows. Part of `make lint`; prints one line for each finding.

* No address of a package registry is in the tree: indexes and mirrors come from the machine and the environment.
* No path of somebody's machine is in the tree.
* No module of ours is longer than 450 lines.
* Requirements are pinned, have hashes and no addresses, and satisfy pyproject.toml.
* Every dependency says in docs/dependencies.md why it is there.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 450

# Written so that this file, too, passes.
REGISTRY = re.compile(
    r"\bpy(?:pi|thonhosted)\.(?:org|io)"
    r"|\b(?:deb|security|snapshot|ports|ftp(?:\.[a-z]+)?|httpredir)\.debian\.(?:org|net)"
    r"|\b(?:archive|security|ports)\.ubuntu\.com"
    r"|\bregistry\.(?:npmjs|yarnpkg)\.(?:org|com)"
    r"|\b(?:static\.)?crates\.io|\bproxy\.golang\.org|\bdl-cdn\.alpinelinux\.org|\brepo\.(?:maven\.apache|anaconda)\.\w+"
)
# Caches of root are what Dockerfiles mount. Homes of people who do not exist may appear in tests and documents.
NOBODY = ("a", "ada", "anna", "app", "dev", "me", "nobody", "nonroot", "somebody", "user", "you")
MACHINE = re.compile(
    r"(?<![\w.~$}*-])(?:/work/\w|/root/(?!\.cache/(?:pip|uv|pypoetry|pdm)\b)[.\w]|(?:/home|/Users)/(?!(?:"
    + "|".join(NOBODY)
    + r")\b)[a-z][\w-]*)"
)
OPTION_WITH_ADDRESS = re.compile(r"^\s*(?:-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b|://|\s@\s")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


def main(root: Path = ROOT) -> int:
    findings = [*check_texts(root), *check_lengths(root), *check_requirements(root), *check_dependencies(root)]
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} findings; the rules are in tools/check_house.py", file=sys.stderr)
    return 1 if findings else 0


def check_texts(root: Path) -> Iterator[str]:
    """Look for addresses and paths, line by line, in every file that git has or would take."""
    for path in tree(root):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for number, line in enumerate(lines, start=1):
            for what, found in findings_in(line, root):
                yield f"{path.relative_to(root)}:{number}: {what}: `{found}`"


def findings_in(line: str, root: Path) -> Iterator[tuple[str, str]]:
    """Return what is wrong with one line, and the words that say so."""
    if match := REGISTRY.search(line):
        yield "the address of a package registry", match[0]
    if match := MACHINE.search(line):
        yield "a path of a machine", match[0]
    if len(root.parts) > 2 and str(root) in line:
        yield "the path of this checkout", str(root)


def tree(root: Path) -> list[Path]:
    git = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(git, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return [path for path in sorted(root.rglob("*")) if path.is_file() and not hidden(path.relative_to(root))]
    return [path for name in listed.split("\0") if name and (path := root / name).is_file() and not path.is_symlink()]


def hidden(path: Path) -> bool:
    """Tell whether *path* is in a directory of tools, when there is no git to ask."""
    kept = {".ci", ".pre-commit-config.yaml", ".gitignore"}
    return any(part == "__pycache__" or (part.startswith(".") and part not in kept) for part in path.parts)


def check_lengths(root: Path) -> Iterator[str]:
    for path in sorted((root / "src").rglob("*.py")):
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > LONGEST:
            yield f"{path.relative_to(root)}: {length} lines, limit {LONGEST}: it holds more than one noun"


def check_requirements(root: Path) -> Iterator[str]:
    for path in [*sorted(root.glob("requirements/*.txt")), *sorted(root.glob("examples/*/requirements.txt"))]:
        shown = path.relative_to(root)
        for requirement in logical_lines(path):
            if OPTION_WITH_ADDRESS.search(requirement):
                yield f"{shown}: an address: `{requirement.split(' --hash')[0]}`"
            elif not PIN.match(requirement):
                yield f"{shown}: not pinned with `==`: `{requirement.split(' --hash')[0]}`"
            elif "--hash=sha256:" not in requirement:
                yield f"{shown}: without a hash: `{requirement}`"


def logical_lines(path: Path) -> Iterator[str]:
    """Return the requirements of *path*, each on one line, without comments."""
    text = re.sub(r"(?m)(?:^|\s)#.*$", "", path.read_text(encoding="utf-8"))
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip():
            yield " ".join(line.split())


def check_dependencies(root: Path) -> Iterator[str]:
    """Compare pyproject.toml with what is pinned, and with what docs/dependencies.md explains."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    reasons = (root / "docs" / "dependencies.md").read_text(encoding="utf-8")
    own = pyproject["project"]["dependencies"]
    optional = [line for lines in pyproject["project"].get("optional-dependencies", {}).values() for line in lines]
    yield from unsatisfied(own, root / "requirements" / "run.txt", root)
    yield from unsatisfied([*own, *pyproject["build-system"]["requires"]], root / "requirements" / "dev.txt", root)
    for example in sorted(root.glob("examples/*/pyproject.toml")):
        project = tomllib.loads(example.read_text(encoding="utf-8"))["project"]
        yield from unsatisfied(project["dependencies"], example.with_name("requirements.txt"), root)
    for name in (Requirement(line).name for line in [*own, *optional]):
        if f"### {name}" not in reasons:
            yield f"docs/dependencies.md: no section says why `{name}` is there"


def unsatisfied(requirements: list[str], pins: Path, root: Path) -> Iterator[str]:
    pinned = {canonicalize_name(pin["name"]): pin["version"] for pin in PIN.finditer(pins.read_text(encoding="utf-8"))}
    for requirement in map(Requirement, requirements):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None or version not in requirement.specifier:
            found = f"has {version}" if version else "does not have it"
            yield f"{pins.relative_to(root)}: pyproject.toml wants `{requirement}`, the file {found}; run `make lock`"


if __name__ == "__main__":
    sys.exit(main())
