"""Compare what `tare choose` predicts with what `tare build` then makes, over real locks and several bases.

    eval "$(make -s lab)" && python benchmarks/choose.py [--work DIR] [--only NAME]... [--base IMAGE]... [--large]

Locks are made now, by uv and poetry, from the definitions below; nothing that was fetched is kept in the repository. The
prediction has a cache that never sees a wheel, the build another one. The bases are `deb:trixie`, `deb:bookworm`, and the
lab's replicas of the official slim and Alpine images; without a lab, an image that is nothing but what tare reads of
Alpine's (no container is started).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "support")]

UV = str(Path(sys.executable).with_name("uv"))
LAB = ("python:3.13-slim-trixie", "python:3.13-alpine3.23")
"""What the lab's registry has replicas of, in `library/`."""


class Case(NamedTuple):
    """A project, and how its lock is made."""

    dependencies: tuple[str, ...]
    lock: str = "uv"
    large: bool = False
    """Whether building it fetches gigabytes, which is only done with `--large`."""

    member: str = ""
    """The name of a second member of its workspace."""

    built: bool = False
    """Whether something has to be built from source, so that it is predicted again once that was done here."""

    options: tuple[str, ...] = ()
    """What else both commands are given."""


DRIVERS = ("libibverbs.so.1", "libmlx5.so.1", "librdmacm.so.1")
"""What PyTorch's wheels need only where there is InfiniBand."""

CASES = {
    "fastapi": Case(("fastapi", "uvicorn[standard]", "pydantic-settings", "sqlalchemy", "asyncpg", "redis")),
    "django": Case(("django", "psycopg[binary]", "gunicorn", "whitenoise", "pillow", "celery")),
    "data": Case(("pandas", "matplotlib", "pyarrow", "openpyxl")),
    "learning": Case(("scikit-learn", "pandas")),
    "cli": Case(("click", "rich", "httpx", "platformdirs")),
    "sdist": Case(("docopt", "requests"), built=True),
    "abi3": Case(("cryptography", "bcrypt", "pynacl")),
    "torch": Case(("torch", "numpy"), large=True, options=tuple(f"--allow-missing={name}" for name in DRIVERS)),
    "workspace": Case(("requests",), member="helper"),
    "poetry": Case(("requests", "pyyaml", "lxml"), lock="poetry"),
    "binaries": Case(("ruff", "uv", "orjson", "pydantic")),
    "pylock": Case(("flask", "jinja2", "gevent"), lock="pylock"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare predictions with builds.")
    parser.add_argument("--work", type=Path, help="where projects, caches and images are kept (default: a fresh one)")
    parser.add_argument("--only", action="append", choices=CASES, help="this case alone; may be repeated")
    parser.add_argument("--base", action="append", help="this base alone; may be repeated")
    parser.add_argument("--large", action="store_true", help="build what fetches gigabytes, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        print(
            "| project | distributions | base | packages: predicted | built | error | image: error | fetched of wheels |"
        )
        print("|---|--:|---|--:|--:|--:|--:|--:|")
        bases = arguments.base or _bases(work)
        for name in arguments.only or CASES:
            for row in _case(work, name, bases, large=arguments.large):
                print("| " + " | ".join(row) + " |", flush=True)
    return 0


def _bases(work: Path) -> tuple[str, ...]:
    """Return the bases to compare on: real ones as far as there is a registry that has them."""
    registry = os.environ.get("TARE_LAB_REGISTRY")
    if registry:
        return ("deb:trixie", "deb:bookworm", *(f"{registry}/library/{name}" for name in LAB))
    return ("deb:trixie", "deb:bookworm", f"oci:{_musl(work)}")


def _case(work: Path, name: str, bases: Sequence[str], *, large: bool) -> Iterator[tuple[str, ...]]:
    case, project = CASES[name], work / name
    try:
        _make(project, name, case)
    except subprocess.CalledProcessError as error:
        yield (name, "", "", "", "", "", "", f"not measured: {_last(error.stderr)}")
        return
    for base in bases:
        print(f"{name} on {base}", file=sys.stderr)
        yield _compare(work, name, base, build=large or not case.large)
        if case.built:
            yield _compare(work, name, base, build=True, again=True)


def _compare(work: Path, name: str, base: str, *, build: bool, again: bool = False) -> tuple[str, ...]:
    """Return a row: what was predicted, and what was built. The second time, with the cache of the build."""
    case, project = CASES[name], work / name
    target = (str(project), "--base", base, "--platform", "linux/amd64", *case.options)
    started = time.monotonic()
    choice, errors = _tare(work / ("building" if again else "predicting"), "choose", *target, "--json")
    seconds = time.monotonic() - started
    if choice is None:
        return name, "", _short(base), "", "", f"choose says: {_last(errors)}", "", ""
    found = choice["candidates"][0]
    share = (
        f"{choice['fetched'] / choice['wheels']:.1%} of {choice['wheels'] / 1e6:.1f} MB, {seconds:.1f} s"
        if choice["wheels"]
        else ""
    )
    head = (name + (", built here before" if again else ""), str(len(found["distributions"])), _short(base))
    if not build:
        return *head, f"{found['site_packages']['pull']:,}", "", "not built: see `--large`", "", share
    if not found["suitable"]:
        return *head, "", "", f"not built: {found['reasons'][0]}", "", share
    output = work / "images"
    built, errors = _tare(work / "building", "build", *target, "-o", f"oci:{output}:{name}", "--json")
    shutil.rmtree(output, ignore_errors=True)
    if built is None:
        return *head, "", "", f"build says: {_last(errors)}", "", share
    real = [layer["size"] for layer in built["layers"] if layer["kind"] in {"wheel", "wheels"}]
    predicted = [layer["pull"] for layer in found["layers"]]
    error = sum(abs(a - b) for a, b in zip(predicted, real, strict=False)) if len(predicted) == len(real) else None
    image = _error(found["pull"], built["sizes"]["pull"])
    return (
        *head,
        f"{sum(predicted):,}",
        f"{sum(real):,}",
        f"{error:,} B" if error is not None else "other layers",
        image + ("" if found["exact"] else ", with sources to build"),
        share,
    )


def _short(base: str) -> str:
    return "musl" if base.startswith("oci:") else base.rpartition("/")[2]


def _error(predicted: int | None, real: int) -> str:
    if predicted is None:
        return "unknown"
    return "0" if predicted == real else f"{abs(predicted - real) / real:.3%}"


def _tare(cache: Path, *argv: str) -> tuple[Any, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "tare", *argv, "--cache-dir", str(cache)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return (json.loads(done.stdout) if done.stdout.startswith("{") else None), done.stderr


def _last(text: str | None) -> str:
    lines = [line for line in (text or "").splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error")), lines[-1] if lines else "")[:160]


def _make(project: Path, name: str, case: Case) -> None:
    if (project / "made").exists():
        return
    project.mkdir(parents=True, exist_ok=True)
    dependencies = [*case.dependencies, *((case.member,) if case.member else ())]
    text = f'[project]\nname = "{name}-app"\nversion = "1.0"\nrequires-python = ">=3.11,<3.15"\n'
    text += f"dependencies = {json.dumps(dependencies)}\n"
    if case.member:
        text += f'[tool.uv.workspace]\nmembers = ["{case.member}"]\n[tool.uv.sources]\n{case.member} = {{ workspace = true }}\n'
        _member(project / case.member, case.member)
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    (project / "main.py").write_text("print('hello')\n", encoding="utf-8")
    _run(project, UV, "lock")
    if case.lock == "pylock":
        _run(project, UV, "export", "--format", "pylock.toml", "-o", "pylock.toml", "-q")
        (project / "uv.lock").unlink()
    elif case.lock == "poetry":
        _poetry(project, text)
    (project / "made").touch()


def _member(directory: Path, name: str) -> None:
    (directory / "src" / name).mkdir(parents=True)
    (directory / "src" / name / "__init__.py").write_text("X = 1\n", encoding="utf-8")
    (directory / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1.0"\ndependencies = ["rich"]\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
        encoding="utf-8",
    )


def _poetry(project: Path, text: str) -> None:
    """Lock with poetry, from the index that uv has just used: its own default may not be served on this machine."""
    found = re.search(r'registry = "([^"]+)"', (project / "uv.lock").read_text(encoding="utf-8"))
    index = found[1].rstrip("/") + "/" if found else ""
    source = f'[[tool.poetry.source]]\nname = "machine"\nurl = "{index}"\npriority = "primary"\n'
    (project / "pyproject.toml").write_text(text + "[tool.poetry]\npackage-mode = false\n" + source, encoding="utf-8")
    (project / "uv.lock").unlink()
    _run(project, UV, "tool", "run", "poetry", "lock")


def _run(project: Path, *command: str) -> None:
    subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)


def _musl(work: Path) -> Path:
    """Return a layout that says of itself what an Alpine image with CPython 3.13 does."""
    from make.base_images import write_base
    from make.bases import MUSL, library, stdlib, sysconfig_data, write_layer
    from make.elves import make_elf
    from make.images import image, raw_layer

    directory = work / "musl"
    if directory.exists():
        return directory
    loader, libc = "ld-musl-x86_64.so.1", "libc.musl-x86_64.so.1"
    layer = {
        f"lib/{loader}": library(libc, content=MUSL),
        f"lib/{libc}": loader,
        "usr/lib/libz.so.1": library("libz.so.1"),
        "etc/os-release": b'ID=alpine\nVERSION_ID="3.23"\n',
        "usr/local/bin/python3": "python3.13",
        "usr/local/bin/python3.13": make_elf(needed=[libc], interpreter=f"/lib/{loader}", content=b"\0003.13.5\0"),
        **stdlib("usr/local/lib/python3.13"),
        "usr/local/lib/python3.13/_sysconfigdata__linux_x86_64-linux-musl.py": sysconfig_data(
            "cpython-313-x86_64-linux-musl", "'x'", shared=0
        ),
    }
    base = image(raw_layer(write_layer(layer)), env=("PATH=/usr/local/bin:/usr/bin",))
    return write_base(directory, base)


if __name__ == "__main__":
    raise SystemExit(main())
