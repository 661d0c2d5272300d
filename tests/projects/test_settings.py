"""`[tool.tare]`: every key, and every way to get one wrong."""

from __future__ import annotations

import tomllib
from textwrap import dedent

import pytest
from make.errors import told

from tare.errors import ProjectError
from tare.oci.config import Healthcheck
from tare.projects import settings
from tare.projects.config import ToolConfig


def parse(text: str) -> ToolConfig:
    return settings.parse(tomllib.loads(dedent(text)), "pyproject.toml")


def refused(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    with pytest.raises(ProjectError) as caught:
        parse(text)
    kind, message, causes, hints = told(caught.value)
    assert (kind, message) == (ProjectError, "[tool.tare] of `pyproject.toml` is not understood")
    return causes, hints


def test_every_key_is_read() -> None:
    assert parse("""
        base = "deb:trixie"
        entrypoint = ["gunicorn", "app:app"]
        cmd = "--bind '0.0.0.0:8000'"
        user = 10001
        env = { B = "2", A = "" }
        workdir = "/srv/app/"
        ports = [8080, "53/udp"]
        healthcheck = { test = "curl -f localhost", interval = "1m30s", timeout = "1.5s", start-period = "5s", retries = 3 }
        stop-signal = "SIGQUIT"
        volumes = ["/data"]
        labels = { "org.example.team" = "api" }
        platforms = ["linux/amd64", "linux/arm64"]
        include = ["data/"]
        exclude = ["notes/**"]
        system-packages = ["ffmpeg"]
        bytecode = "budget:20MB"
        """) == ToolConfig(
        base="deb:trixie",
        entrypoint=("gunicorn", "app:app"),
        cmd=("--bind", "0.0.0.0:8000"),
        user="10001",
        env={"A": "", "B": "2"},
        workdir="/srv/app",
        ports=("8080/tcp", "53/udp"),
        healthcheck=Healthcheck(
            test=("CMD", "curl", "-f", "localhost"),
            interval=90_000_000_000,
            timeout=1_500_000_000,
            start_period=5_000_000_000,
            retries=3,
        ),
        stop_signal="SIGQUIT",
        volumes=("/data",),
        labels={"org.example.team": "api"},
        platforms=("linux/amd64", "linux/arm64"),
        include=("data/",),
        exclude=("notes/**",),
        system_packages=("ffmpeg",),
        bytecode=20_000_000,
    )


def test_an_empty_table_says_nothing() -> None:
    assert parse("") == ToolConfig()


@pytest.mark.parametrize("key", settings.KEYS)
def test_every_key_refuses_what_it_cannot_be(key: str) -> None:
    """A date is none of them."""
    causes, _ = refused(f"{key} = 2026-11-24")

    assert len(causes) == 1
    assert causes[0].startswith(f"`{key}`: expected ")


def test_everything_that_is_wrong_is_said_at_once_with_its_place() -> None:
    assert refused("""
        entrypont = "app"
        ports = [8080, 0, true, "80/xyz"]
        env = { A = 1 }
        workdir = "app"
        volumes = ["/a/../b"]
        user = "a b"
        cmd = "echo 'unfinished"
        healthcheck = { test = ["x"], interval = 30, retries = -1, tries = 2 }
        """) == (
        (
            "`entrypont`: unknown key",
            '`cmd`: expected an array of strings, or a command line, got `"echo \'unfinished"`',
            '`user`: expected a user such as `10001` or `10001:10001`, got `"a b"`',
            "`env.A`: expected a string, got `1`",
            '`workdir`: expected an absolute path such as `/app`, got `"app"`',
            "`ports[1]`: expected a port such as `8080` or `53/udp`, got `0`",
            "`ports[2]`: expected a port such as `8080` or `53/udp`, got `true`",
            '`ports[3]`: expected a port such as `8080` or `53/udp`, got `"80/xyz"`',
            "`healthcheck.tries`: unknown key",
            "`healthcheck.interval`: expected a duration such as `30s` or `1m30s`, got `30`",
            "`healthcheck.retries`: expected a number that is not negative, got `-1`",
            '`volumes[0]`: expected an absolute path such as `/app`, got `"/a/../b"`',
        ),
        ("Did you mean `entrypoint`?", "Did you mean `retries`?"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30_000_000_000),
        ("1h2m3s4ms5us6ns", 3_723_004_005_006),
        ("0.5m", 30_000_000_000),
        ("30", None),
        ("", None),
        ("s", None),
        ("-1s", None),
        ("1s ", None),
        ("1d", None),
        (30, None),
    ],
)
def test_durations_are_those_of_go(text: object, expected: int | None) -> None:
    assert settings.duration(text) == expected


@pytest.mark.parametrize("kind", ["CMD", "CMD-SHELL", "NONE"])
def test_a_health_check_in_the_form_of_docker_stays_as_it_is(kind: str) -> None:
    config = parse(f'healthcheck = {{ test = ["{kind}", "true"] }}')

    assert config.healthcheck == Healthcheck(test=(kind, "true"))


@pytest.mark.parametrize("table", ["{}", "{ interval = '30s' }", "{ test = [] }", "{ test = '' }"])
def test_a_health_check_without_a_command_is_refused(table: str) -> None:
    causes, _ = refused(f"healthcheck = {table}")

    assert causes == ("`healthcheck.test`: a health check needs a command",)


def test_an_empty_entrypoint_is_a_wish_too() -> None:
    assert parse("entrypoint = []").entrypoint == ()


def test_a_variable_that_cannot_be_set_is_refused() -> None:
    causes, _ = refused('env = { "A=B" = "1" }')

    assert causes == ("`env`: `A=B` is not the name of a variable",)
