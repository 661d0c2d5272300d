"""What people type wrong: options, names and keys, each with what was probably meant."""

from __future__ import annotations

import pytest
from command import Place

MISTAKES = {
    "a command": (
        ("bild", "."),
        "error: `bild` is not a command of tare\n\nhint: Did you mean `tare build`?\n",
    ),
    "an option": (
        ("build", "--bsae", "deb:trixie"),
        "error: `tare build` has no option `--bsae`\n\nhint: Did you mean `--base`?\n",
    ),
    "an option with a value": (
        ("plan", "--platfrom=linux/amd64"),
        "error: `tare plan` has no option `--platfrom`\n\nhint: Did you mean `--platform`?\n",
    ),
    "an option that nothing is like": (
        ("build", "--xyzzy"),
        "error: `tare build` has no option `--xyzzy`\n\nhint: `tare build --help` lists its options\n",
    ),
    "an abbreviation": (
        ("build", "--plat", "linux/amd64"),
        "error: `tare build` has no option `--plat`\n\nhint: Did you mean `--platform`?\n",
    ),
    "an argument too many": (
        ("build", ".", "other"),
        "error: `tare build` has no argument `other`\n\nhint: `tare build --help` lists its options\n",
    ),
    "a missing value": (
        ("build", "--platform"),
        "error: `tare build` cannot read its arguments\n"
        "  caused by: argument --platform: expected one argument\n\n"
        "hint: `tare build --help` lists them\n",
    ),
    "a missing argument": (
        ("cache",),
        "error: `tare cache` cannot read its arguments\n"
        "  caused by: the following arguments are required: action\n\n"
        "hint: `tare cache --help` lists them\n",
    ),
    "a choice": (
        ("cache", "prine"),
        "error: `tare cache` cannot take `prine` for its action\n"
        "  caused by: expected `info` or `prune`\n\n"
        "hint: Did you mean `prune`?\n",
    ),
    "a directory of wheels that is not there": (
        ("build", "--find-links", "/wheels/none"),
        "error: there is no `/wheels/none` to find wheels in\n"
        "  caused by: `--find-links` or `UV_FIND_LINKS` names it, and it would be `/wheels/none`\n",
    ),
    "a number": (
        ("build", "--threads", "0"),
        "error: `tare build` cannot read its arguments\n"
        "  caused by: argument --threads: `0` is not a number from 1 on\n\n"
        "hint: `tare build --help` lists them\n",
    ),
    "a platform": (
        ("build", "--platform", "linux amd64"),
        "error: `linux amd64` is not a platform\n\nhint: Write it as `linux/amd64` or `linux/arm/v7`\n",
    ),
    "an architecture": (
        ("build", "--base", "deb:trixie", "--platform", "linux/amd46"),
        "error: Debian has no packages for `linux/amd46`\n"
        "  caused by: it has them for `linux/amd64`, `linux/arm64`, `linux/arm/v7`, `linux/386`, `linux/ppc64le`, "
        "`linux/riscv64`, `linux/s390x`\n",
    ),
    "a transport": (
        ("build", "--base", "docker-achive:x.tar"),
        "error: `docker-achive:x.tar` is not the name of an image\n"
        "  caused by: `docker-achive:` is not a transport\n\n"
        "hint: Did you mean `docker-archive:x.tar`?\n",
    ),
    "an interpreter": (
        ("build", "--python", "python3.13"),
        "error: `tare build` cannot read its arguments\n"
        "  caused by: argument --python: `python3.13` is neither a series such as 3.13, nor an absolute path\n\n"
        "hint: `tare build --help` lists them\n",
    ),
    "a directory without its transport": (
        ("build", "--output", "dist"),
        "error: `dist` does not say where the image goes\n"
        "  caused by: without a transport it is `docker.io/library/dist`, where only Docker's own images are\n\n"
        "hint: Write `oci:dist` for a directory, or `docker-archive:dist` for a file\n",
    ),
    "a suite": (
        ("build", "--base", "deb:trixy"),
        "error: `deb:trixy` is not a base\n  caused by: bases can be assembled from `deb:bookworm`, `deb:trixie`\n",
    ),
    "a tag": (
        ("build", "--tag", "Demo:1"),
        "error: `Demo:1` is not an image reference\n"
        "  caused by: a repository name is lower case\n\n"
        "hint: Did you mean `demo:1`?\n",
    ),
    "a quotation": (
        ("build", "--entrypoint", "python 'main.py"),
        "error: `--entrypoint python 'main.py` has a quotation that does not end\n",
    ),
    "an extra": (
        ("build", "--extra", "pg"),
        "error: `demo` has no extra `pg`\n  caused by: it has `png`\n\nhint: Did you mean `png`?\n",
    ),
    "a group": (
        ("build", "--group", "docs"),
        "error: `demo` has no group `docs`\n  caused by: it has `doc`\n\nhint: Did you mean `doc`?\n",
    ),
    "a project": (
        ("build", "nowhere"),
        "error: there is no `TMP/app/nowhere`\n\n"
        "hint: Name a directory, `pyproject.toml`, `pylock.toml`, `uv.lock`, `poetry.lock`, `pdm.lock`, "
        "`Pipfile.lock`, a requirements file or a script\n",
    ),
    "a lockfile": (
        ("build", "--lock", "main.py"),
        "error: `main.py` is no lockfile that tare knows\n\n"
        "hint: Name a directory, `pyproject.toml`, `pylock.toml`, `uv.lock`, `poetry.lock`, `pdm.lock`, "
        "`Pipfile.lock`, a requirements file or a script\n",
    ),
}


@pytest.mark.parametrize(("argv", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_what_was_probably_meant(place: Place, argv: tuple[str, ...], said: str) -> None:
    place.write(
        {
            "main.py": "",
            "pyproject.toml": """\
                [project]
                name = "demo"
                version = "1"
                [project.optional-dependencies]
                png = []
                [dependency-groups]
                doc = []
                """,
        }
    )
    base = (
        ()
        if "--base" in argv or argv[0] not in {"build", "plan"}
        else place.target[: 4 if "--platform" not in argv else 2]
    )

    assert place(*argv, *base) == (2, "", said)
    assert not (place.app / "dist").exists()


KEYS = {
    "an unknown key": (
        'entrypont = "python main.py"',
        "  caused by: `entrypont`: unknown key\n\nhint: Did you mean `entrypoint`?\n",
    ),
    "a key with an underscore": (
        'stop_signal = "SIGINT"',
        "  caused by: `stop_signal`: unknown key\n\nhint: Did you mean `stop-signal`?\n",
    ),
    "a key of a health check": (
        'healthcheck = { test = "true", intervall = "3s" }',
        "  caused by: `healthcheck.intervall`: unknown key\n\nhint: Did you mean `interval`?\n",
    ),
    "everything at once": (
        'ports = [0, "80/http"]\nworkdir = "app"\nuser = -1\nenv = { "A=B" = "c" }\nstop-signal = "term"\n'
        'entrypoint = "python \'x"\nlabels = { a = 1 }\nvolumes = ["../x"]\n'
        'healthcheck = { test = "", interval = "fast", retries = -1 }',
        '  caused by: `entrypoint`: expected an array of strings, or a command line, got `"python \'x"`\n'
        "  caused by: `user`: expected a user such as `10001` or `10001:10001`, got `-1`\n"
        "  caused by: `env`: `A=B` is not the name of a variable\n"
        '  caused by: `workdir`: expected an absolute path such as `/app`, got `"app"`\n'
        "  caused by: `ports[0]`: expected a port such as `8080` or `53/udp`, got `0`\n"
        '  caused by: `ports[1]`: expected a port such as `8080` or `53/udp`, got `"80/http"`\n'
        "  caused by: `healthcheck.test`: a health check needs a command\n"
        '  caused by: `stop-signal`: expected a signal such as `SIGTERM`, got `"term"`\n'
        '  caused by: `volumes[0]`: expected an absolute path such as `/app`, got `"../x"`\n'
        "  caused by: `labels.a`: expected a string, got `1`\n",
    ),
}


@pytest.mark.parametrize(("lines", "said"), KEYS.values(), ids=KEYS)
def test_a_key_that_nothing_reads_is_an_error(place: Place, lines: str, said: str) -> None:
    place.write({"main.py": ""})
    (place.app / "pyproject.toml").write_text(f"[tool.tare]\n{lines}\n", encoding="utf-8")

    assert place.build() == (2, "", f"error: [tool.tare] of `pyproject.toml` is not understood\n{said}")


def test_an_error_has_a_traceback_only_when_asked_for(place: Place) -> None:
    quiet, verbose = (place("build", "--base", "oci:nowhere", *more) for more in ((), ("--verbose",)))

    assert (quiet.code, verbose.code) == (2, 2)
    assert verbose.err.startswith(f"{quiet.err}Traceback (most recent call last):\n")
    assert "Traceback" not in quiet.err
