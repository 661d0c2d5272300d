"""How long `tare choose` takes for many bases and distributions, what it fetches, and whether its sizes are those of the build."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

from fixture import Tare
from peers import ROOT, UV, NotMeasuredError
from results import Section, megabytes, seconds

ABOUT = """\
A project of many dependencies, locked by uv, is judged on eight bases of CPython 3.13 with an empty cache (*cold*) and again
(*warm*, as a whole process). Then the three examples: what is predicted with a cache that never saw a wheel, beside what
`tare build` makes. `python benchmarks/choose.py` compares twelve kinds of projects on four bases."""

DEPENDENCIES = (
    "fastapi", "uvicorn[standard]", "pydantic-settings", "sqlalchemy", "asyncpg", "redis", "django", "psycopg[binary]",
    "gunicorn", "whitenoise", "pillow", "celery", "pandas", "matplotlib", "pyarrow", "openpyxl", "httpx", "platformdirs",
    "cryptography", "bcrypt", "pynacl", "lxml", "pyyaml", "ruff", "orjson", "flask", "jinja2", "aiohttp", "boto3",
    "sentry-sdk", "structlog", "opentelemetry-sdk", "google-cloud-storage", "beautifulsoup4", "typer", "tenacity", "arrow",
    "networkx", "sympy", "ipython", "grpcio", "protobuf", "jsonschema", "passlib", "python-jose", "alembic", "marshmallow",
)  # fmt: skip
"""Enough for a hundred distributions; all have wheels for glibc and musl, or are pure."""

BASES = (
    "deb:trixie", "python:3.13-slim-trixie", "python:3.13-trixie", "python:3.13-slim-bookworm", "python:3.13-bookworm",
    "python:3.13-alpine3.24", "python:3.13-alpine3.23", "gcr.io/distroless/python3-debian13",
)  # fmt: skip

EXAMPLES = ("hello", "api", "science")
WARM, SHARE, MANY = 0.5, 0.1, 100


def measure(tare: Tare, scratch: Path, *, rounds: int) -> Section:
    section = Section(title="Choosing a base", about=ABOUT)
    own = Tare(cache=scratch / "choosing")
    try:
        _many(section, own, scratch, rounds)
    except NotMeasuredError as error:
        section.missing(f"{len(BASES)} bases × {MANY} distributions", str(error), f"≤ {seconds(WARM)}")
    for name in EXAMPLES:
        try:
            _predicted(section, own, tare, scratch, name)
        except NotMeasuredError as error:
            section.missing(f"`examples/{name}`: error of the prediction", str(error), "0 B")
    return section


def _many(section: Section, tare: Tare, scratch: Path, rounds: int) -> None:
    """Judge a large project, cold and warm."""
    options = [word for base in BASES for word in ("--base", base)]
    command = ("choose", str(_project(scratch / "many")), *options, "--platform", "linux/amd64", "--json")
    first = tare.run(*command)
    cold = json.loads(first.stdout)
    warm = [tare.run(*command) for _ in range(rounds)]
    count = max(len(each["distributions"]) for each in cold["candidates"])
    what = f"{len(cold['candidates'])} bases × {count} distributions"
    section.raw["warm"] = [each.seconds for each in warm]
    section.raw["warm cpu"] = [each.cpu for each in warm]
    took, cpu = median(section.raw["warm"]), median(section.raw["warm cpu"])
    section.add(
        f"{what}, warm", f"**{seconds(took)}** ({seconds(cpu)} of a processor)", f"≤ {seconds(WARM)}", met=took <= WARM
    )
    share = cold["fetched"] / cold["wheels"]
    figure = f"**{share:.1%}** ({megabytes(cold['fetched'])} of {megabytes(cold['wheels'])}, {seconds(first.seconds)})"
    section.add(f"{what}, cold: fetched of the wheels' bytes", figure, f"≤ {SHARE:.0%}", met=share <= SHARE)
    whole = len(cold["downloaded"])
    section.add("wheels that were downloaded whole", str(whole), "0", met=whole == 0)
    read = sum(each["facts"]["origin"] == "image" for each in cold["candidates"])
    section.notes.append(
        f"{read} of {len(cold['candidates'])} bases were read from their images; the others could not be reached or are in the "
        "catalogue."
    )


def _project(directory: Path) -> Path:
    """Write the project, and lock it."""
    directory.mkdir(parents=True)
    (directory / "pyproject.toml").write_text(
        '[project]\nname = "many"\nversion = "1"\nrequires-python = ">=3.11,<3.15"\n'
        f"dependencies = {json.dumps(DEPENDENCIES)}\n",
        encoding="utf-8",
    )
    (directory / "main.py").write_text("print('hello')\n", encoding="utf-8")
    done = subprocess.run(
        [UV, "lock", "--quiet"], cwd=directory, env=os.environ, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise NotMeasuredError(f"`uv lock` says: {done.stderr.strip().splitlines()[-1][:200]}")
    return directory


def _predicted(section: Section, own: Tare, tare: Tare, scratch: Path, name: str) -> None:
    """Compare a prediction with a build."""
    target = (str(ROOT / "examples" / name), "--base", "deb:trixie", "--platform", "linux/amd64")
    choice: dict[str, Any] = json.loads(own.run("choose", *target, "--json").stdout)["candidates"][0]
    built = json.loads(tare.run("build", *target, "-o", f"oci:{scratch / 'predicted'}:{name}", "--json").stdout)
    real = [layer["size"] for layer in built["layers"] if layer["kind"] in {"wheel", "wheels"}]
    packages = abs(sum(real) - choice["site_packages"]["pull"])
    image = abs(built["sizes"]["pull"] - choice["pull"]) / built["sizes"]["pull"]
    section.raw[name] = [choice["site_packages"]["pull"], sum(real), choice["pull"], built["sizes"]["pull"]]
    figure = f"**{packages:,} B** of {megabytes(sum(real))} of packages, **{image:.2%}** of the image"
    met = packages == 0 and image <= 0.01
    section.add(f"`examples/{name}`: error of the prediction", figure, "0 B, ≤ 1 %", met=met)
