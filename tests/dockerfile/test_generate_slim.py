"""`tare dockerfile --slim` removes what `tare build --slim` leaves out; and where the tool comes from."""

from __future__ import annotations

import json

import pytest
from command import Place, locked
from make.wheelhouse import pylock
from schemas import faults, published
from slim_wheels import P, Q

BASE = "python:3.13-slim-trixie"
OPTIONS = ("--offline", "--base", f"{BASE}@sha256:{'0' * 64}")


@pytest.fixture
def project(place: Place) -> Place:
    p, q = place.wheels.add("p", files=P), place.wheels.add("q", files=Q)
    place.write({"main.py": "import p\n", "requirements.txt": locked([p, q])})
    return place


def lines(place: Place) -> list[str]:
    return [line.strip(" \\&") for line in (place.app / "Dockerfile").read_text().splitlines()]


def test_what_something_imports_stays_and_the_rest_is_removed_before_bytecode_is_made(project: Place) -> None:
    assert project("dockerfile", *OPTIONS, "--slim")[::2] == (0, "")

    text = lines(project)
    at = text.index("(cd /opt/venv/lib/python3.13/site-packages && rm -rf -- p/*.pyx p/tests/test_*.py q/tests)")
    assert text[at + 1].startswith("(/opt/venv/bin/python -m compileall")
    assert (
        "# Tests, sources and headers that nothing imports go before: 3 files of 0.5 kB (`--slim`)." in text
    )  # 469 bytes
    assert project("lint", "--no-hadolint").out == "no findings in 1 file\n"


def test_what_is_left_out_and_where_uv_comes_from_is_told(project: Place) -> None:
    image = f"registry.example/uv:1@sha256:{'a' * 64}"
    options = (*OPTIONS, "--slim", "--tool", "uv", "--tool-from", image)

    assert project("dockerfile", *options, "--dry-run").out.splitlines()[-5:] == [
        "base           python:3.13-slim-trixie, pinned to sha256:DIGEST…",
        "installs with  uv, from requirements.txt",
        "uv of          registry.example/uv:1, pinned to sha256:DIGEST…",
        "leaves out     3 files of 469 B",
        "runs           python main.py, as 65532:65532",
    ]
    document = project.document("dockerfile", *options)
    assert faults(published("tare.dockerfile.1"), document) == []
    assert document["tool_image"] == {"reference": "registry.example/uv:1", "digest": f"sha256:{'a' * 64}"}
    patterns = ["p/*.pyx", "p/tests/test_*.py", "q/tests"]
    assert document["left_out"] == {"files": 3, "size": 469, "patterns": patterns}


def test_it_no_longer_fits_when_another_release_has_other_files(project: Place) -> None:
    project("dockerfile", *OPTIONS, "--slim")
    assert project("dockerfile", "--check", "--offline") == (0, "", "")
    newer = project.wheels.add("q", version="2", files={**Q, "q/_d.pyx": b"4"})
    older = project.wheels.add("p", files=P)
    project.write({"requirements.txt": locked([older, newer])})

    ran = project("dockerfile", "--check", "--offline")

    assert ran.code == 1
    assert "+    && (cd /opt/venv/lib/python3.13/site-packages && rm -rf -- */*.pyx p/tests/test_*.py q/tests) \\" in (
        ran.out.splitlines()
    )


SDIST = f"""
[[packages]]
name = "unknown"
version = "1"
sdist = {{ name = "unknown-1.tar.gz", url = "https://files.example/unknown-1.tar.gz", hashes = {{ sha256 = "{"0" * 64}" }} }}
"""


def test_what_is_built_from_source_stays_whole(place: Place) -> None:
    wheels = [
        place.wheels.add(name, files={f"{name}/__init__.py": b"", f"{name}/tests/test_a.py": b""}) for name in "pq"
    ]
    place.write({"main.py": "", "pylock.toml": pylock(*(each.locked() for each in wheels))})
    place("dockerfile", *OPTIONS, "--slim")
    assert "(cd /opt/venv/lib/python3.13/site-packages && rm -rf -- */tests)" in lines(place)
    place.write({"pylock.toml": pylock(*(each.locked() for each in wheels), SDIST)})

    assert place("dockerfile", *OPTIONS, "--slim").code == 0

    assert "(cd /opt/venv/lib/python3.13/site-packages && rm -rf -- p/tests q/tests)" in lines(place)


def test_nothing_is_removed_where_nothing_can_go(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    assert place("dockerfile", *OPTIONS, "--slim").code == 0

    assert not any("rm -rf" in line for line in lines(place))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), "RUN --mount=type=bind,from=ghcr.io/astral-sh/uv:0.13.9,target=/opt/tool"),
        (
            ("--tool-from", f"registry.example/uv:1@sha256:{'a' * 64}"),
            f"RUN --mount=type=bind,from=registry.example/uv:1@sha256:{'a' * 64},target=/opt/tool",
        ),
        (("--tool-from", "index"), "RUN --mount=type=bind,from=tool,source=/opt/tool,target=/opt/tool"),
        (
            ("--platform", "linux/amd64,linux/arm64"),
            "RUN --mount=type=bind,from=ghcr.io/astral-sh/uv:0.13.9,target=/opt/tool",
        ),
        (("--platform", "linux/arm/v7"), "RUN --mount=type=bind,from=tool,source=/opt/tool,target=/opt/tool"),
    ],
)
def test_uv_comes_from_an_image_or_from_an_index(project: Place, given: tuple[str, ...], expected: str) -> None:
    assert project("dockerfile", *OPTIONS, "--tool", "uv", *given).code == 0

    assert [line for line in lines(project) if line.startswith("RUN --mount=type=bind")] == [expected]
    assert project("dockerfile", "--check", "--offline") == (0, "", "")


def test_the_digest_of_the_tool_s_image_stays(project: Place) -> None:
    image = "registry.example/uv:1"
    project("dockerfile", *OPTIONS, "--tool", "uv", "--tool-from", f"{image}@sha256:{'a' * 64}")

    assert project("dockerfile", "--offline", "--tool", "uv", "--tool-from", image).code == 0

    assert f"RUN --mount=type=bind,from={image}@sha256:{'a' * 64},target=/opt/tool" in lines(project)


PIPENV = f"""\
# tare: begin build
# {BASE}
FROM {BASE}@sha256:{"0" * 64} AS tool
# registry.example/uv:1
RUN --mount=type=bind,from=registry.example/uv:1@sha256:{"a" * 64},target=/mnt \\
    --mount=type=cache,target=/var/cache/uv \\
    export PATH="/mnt:$PATH" UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy \\
    && python -m venv --without-pip /opt/tool \\
    && uv pip install --python /opt/tool/bin/python pipenv==2026.10.3
# tare: end build
"""


def test_another_tool_is_installed_by_uv_in_a_stage_of_its_own(place: Place) -> None:
    sample = place.wheels.add("sample")
    default = {"sample": {"hashes": [f"sha256:{sample.digest}"], "version": "==1.0"}}
    place.write({"main.py": "", "Pipfile": '[packages]\nsample = "*"\n'})
    place.write({"Pipfile.lock": json.dumps({"_meta": {"sources": []}, "default": default, "develop": {}})})

    assert place("dockerfile", *OPTIONS, "--tool-from", f"registry.example/uv:1@sha256:{'a' * 64}").code == 0

    text = (place.app / "Dockerfile").read_text()
    assert text[text.index("# tare: begin build") : text.index("\n# tare: begin run")] == PIPENV
    step = text[text.index("RUN --mount=type=bind,from=tool") : text.index("# A user")]
    assert step == (
        "RUN --mount=type=bind,from=tool,source=/opt/tool,target=/opt/tool \\\n"
        "    --mount=type=cache,target=/var/cache/pipenv \\\n"
        "    --mount=type=bind,source=Pipfile.lock,target=/app/Pipfile.lock \\\n"
        "    --mount=type=bind,source=Pipfile,target=/app/Pipfile \\\n"
        '    export PATH="/opt/tool/bin:$PATH" PIPENV_CACHE_DIR=/var/cache/pipenv PIPENV_NOSPIN=1 PIP_COMPILE=0 \\\n'
        "      VIRTUAL_ENV=/opt/venv \\\n"
        "    && python -m venv --without-pip /opt/venv \\\n"
        "    && pipenv install --deploy \\\n"
        "    && (/opt/venv/bin/python -m compileall -qq -j 0 -x /tests/ /opt/venv/lib || true)\n"
    )
    assert place("lint", "--no-hadolint").out == "no findings in 1 file\n"
