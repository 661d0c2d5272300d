"""Reading `[tool.tare]`: every key, strictly, and everything that is wrong at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tare.oci.config import Healthcheck
from tare.projects import bytecode
from tare.projects.config import LintConfig, ToolConfig
from tare.projects.values import Mistakes, Table, any_string, string

KEYS = (
    "base", "entrypoint", "cmd", "user", "env", "workdir", "ports", "healthcheck", "stop-signal", "volumes", "labels",
    "platforms", "include", "exclude", "system-packages", "bytecode", "lint",
)  # fmt: skip
"""Every key of `[tool.tare]`."""

_LINT_KEYS = ("select", "ignore", "severity", "per-file-ignores")
_SEVERITIES = ("error", "warning", "info")

_HEALTHCHECK_KEYS = ("test", "interval", "timeout", "start-period", "retries")
_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
"""Nanoseconds. The units of Go's `time.ParseDuration`, which is what Docker reads a duration with."""

_code = re.compile(r"[A-Z]{1,4}[0-9]*")
_part = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s|m|h)")
_duration = re.compile(rf"(?:{_part.pattern})+")
_port = re.compile(r"([0-9]{1,5})(?:/(tcp|udp|sctp))?")
_user = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?")
_signal = re.compile(
    r"SIG(?:HUP|INT|QUIT|ILL|TRAP|ABRT|IOT|BUS|FPE|KILL|USR1|SEGV|USR2|PIPE|ALRM|TERM|STKFLT|CHLD|CLD|CONT|STOP|TSTP|TTIN|TTOU"
    r"|URG|XCPU|XFSZ|VTALRM|PROF|WINCH|IO|POLL|PWR|SYS|RTMIN(?:\+(?:[0-9]|1[0-5]))?|RTMAX(?:-(?:[0-9]|1[0-4]))?)|[0-9]{1,2}"
)
"""Linux's, whatever this machine is: signal(7)."""
_variable = re.compile(r"[^=\0]+")


def parse(values: Mapping[str, Any], source: str) -> ToolConfig:
    """Read `[tool.tare]` of *source*, or raise `ProjectError` with everything that is wrong with it."""
    mistakes = Mistakes()
    table = Table(values, mistakes)
    table.allow(KEYS)
    config = ToolConfig(
        base=table.one("base", string, "a string"),
        entrypoint=table.one("entrypoint", command, _COMMAND),
        cmd=table.one("cmd", command, _COMMAND),
        user=table.one("user", _read_user, "a user such as `10001` or `10001:10001`"),
        env=_environment(table),
        workdir=table.one("workdir", _absolute, _ABSOLUTE),
        ports=table.many("ports", _read_port, "a port such as `8080` or `53/udp`"),
        healthcheck=_read_healthcheck(table.table("healthcheck")),
        stop_signal=table.one("stop-signal", _read_signal, "a signal such as `SIGTERM`"),
        volumes=table.many("volumes", _absolute, _ABSOLUTE),
        labels=table.mapping("labels", any_string, "a string"),
        platforms=table.many("platforms", string, "a platform such as `linux/amd64`"),
        include=table.many("include", string, "a pattern"),
        exclude=table.many("exclude", string, "a pattern"),
        system_packages=table.many("system-packages", string, "the name of a package"),
        bytecode=table.one("bytecode", bytecode.read, bytecode.EXPECTED),
        lint=_read_lint(table.table("lint")),
    )
    mistakes.check(f"[tool.tare] of `{source}` is not understood")
    return config


_COMMAND = "an array of strings, or a command line"
_ABSOLUTE = "an absolute path such as `/app`"


def command(value: object) -> tuple[str, ...] | None:
    """Read an argument list, or split a string as a POSIX shell would; `None` when it is neither.

    >>> command("gunicorn --bind '0.0.0.0:8000' api:app")
    ('gunicorn', '--bind', '0.0.0.0:8000', 'api:app')
    """
    if isinstance(value, list):
        return tuple(value) if all(isinstance(item, str) and "\0" not in item for item in value) else None
    if not isinstance(value, str):
        return None
    import shlex

    try:
        return tuple(shlex.split(value))
    except ValueError:  # a quotation that does not end
        return None


def duration(value: object) -> int | None:
    """Read a duration such as `1m30s` as nanoseconds; `None` when it is not one.

    >>> duration("1m30s")
    90000000000
    """
    if not isinstance(value, str) or _duration.fullmatch(value) is None:
        return None
    return sum(round(float(number) * _UNITS[unit]) for number, unit in _part.findall(value))


def _environment(table: Table) -> dict[str, str]:
    found = table.mapping("env", lambda value: value if _is_text(value) else None, "a string")
    for name in [name for name in found if _variable.fullmatch(name) is None]:
        table.mistakes.causes.append(f"`env`: `{name}` is not the name of a variable")
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _read_user(value: object) -> str | None:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and _user.fullmatch(text) else None


def _read_port(value: object) -> str | None:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _port.fullmatch(text) if isinstance(text, str) else None
    if match is None or not 1 <= int(match[1]) <= 65535:
        return None
    return f"{int(match[1])}/{match[2] or 'tcp'}"


def _read_signal(value: object) -> str | None:
    return value if isinstance(value, str) and _signal.fullmatch(value) else None


def _absolute(value: object) -> str | None:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value or ".." in value.split("/"):
        return None
    return value.rstrip("/") or "/"


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _read_healthcheck(table: Table | None) -> Healthcheck | None:
    if table is None:
        return None
    table.allow(_HEALTHCHECK_KEYS)
    length = "a duration such as `30s` or `1m30s`"
    test = table.one("test", command, _COMMAND)
    if not test:
        if table.raw("test") is None or test == ():
            table.mistakes.causes.append(f"`{table.where('test')}`: a health check needs a command")
        return None
    return Healthcheck(
        test=test if test[0] in {"CMD", "CMD-SHELL", "NONE"} else ("CMD", *test),
        interval=table.one("interval", duration, length),
        timeout=table.one("timeout", duration, length),
        start_period=table.one("start-period", duration, length),
        retries=table.one("retries", _count, "a number that is not negative"),
    )


def _read_lint(table: Table | None) -> LintConfig:
    if table is None:
        return LintConfig()
    table.allow(_LINT_KEYS)
    code = "the code of a rule, such as `TP101`"
    severity = table.mapping(
        "severity", lambda value: value if value in _SEVERITIES else None, "`error`, `warning` or `info`"
    )
    return LintConfig(
        select=table.many("select", _read_code, code),
        ignore=table.many("ignore", _read_code, code),
        severity=severity,
        per_file_ignores=table.mapping("per-file-ignores", _read_codes, "an array of codes"),
    )


def _read_code(value: object) -> str | None:
    return value if isinstance(value, str) and _code.fullmatch(value) else None


def _read_codes(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(_read_code(item) for item in value):
        return None
    return tuple(value)
