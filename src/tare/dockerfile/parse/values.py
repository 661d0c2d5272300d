"""The values of single instructions: what BuildKit checks of them beyond their form."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tare.dockerfile.parse.document import Instruction
from tare.dockerfile.parse.problems import Problems

_stage_name = re.compile(r"[a-z][a-z0-9-_.]*")
_RESERVED: Final = ("scratch", "context")
_duration = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_short = re.compile(r"[-+]?(?:[0-9.]+(?:ns|us|µs|μs))+")
_port = re.compile(r"(?:[0-9.]+:)?[0-9]{1,5}(?:-[0-9]{1,5})?(?:/(?:tcp|udp|sctp))?", re.IGNORECASE)


_SIGNALS: Final = frozenset(
    [
        "ABRT",
        "ALRM",
        "BUS",
        "CHLD",
        "CLD",
        "CONT",
        "FPE",
        "HUP",
        "ILL",
        "INT",
        "IO",
        "IOT",
        "KILL",
        "PIPE",
        "POLL",
        "PROF",
        "PWR",
        "QUIT",
        "SEGV",
        "STKFLT",
        "STOP",
        "SYS",
        "TERM",
        "TRAP",
        "TSTP",
        "TTIN",
        "TTOU",
        "URG",
        "USR1",
        "USR2",
        "VTALRM",
        "WINCH",
        "XCPU",
        "XFSZ",
    ]
)
"""Of Linux (https://man7.org/linux/man-pages/man7/signal.7.html), as Docker names them."""

_real_time = re.compile(r"RTM(?:IN|AX)(?:[+-][0-9]{1,2})?")


def check(instruction: Instruction, problems: Problems) -> None:
    """Note what BuildKit would refuse in *instruction*."""
    checker = _CHECKS.get(instruction.name)
    if checker is not None and instruction.words:
        checker(instruction, problems)


def _from(instruction: Instruction, problems: Problems) -> None:
    if len(instruction.words) != 3:
        return
    _, middle, name = instruction.words
    if middle.text.upper() != "AS":
        problems.add("D002", middle.span, f"FROM takes an image, `AS` and a name; it has `{middle.text[:40]}` for `AS`")
    elif _stage_name.fullmatch(name.text.lower()) is None:
        problems.add(
            "D010",
            name.span,
            f"`{name.text[:60]}` cannot name a stage: a letter first, then letters, digits, `-`, `_`, `.`",
        )
    elif name.text.lower() in _RESERVED:
        problems.add("D010", name.span, f"a stage cannot be named `{name.text}`: BuildKit has a meaning for it")


def _healthcheck(instruction: Instruction, problems: Problems) -> None:
    kind, command = instruction.words[0], instruction.words[1:]
    name = kind.text.upper()
    if name == "NONE":
        if command:
            problems.add("D011", command[0].span, "HEALTHCHECK NONE takes no command")
        return
    if name != "CMD":
        problems.add("D011", kind.span, f"HEALTHCHECK takes CMD or NONE, not `{kind.text[:40]}`")
    elif not command:
        problems.add("D011", kind.span, "HEALTHCHECK CMD has no command")
    for flag in instruction.flags:
        value = flag.value or ""
        if flag.name == "retries":
            if not re.fullmatch(r"[+]?[0-9]{1,9}", value):
                problems.add("D011", flag.span, f"`--retries` is a number that is not negative, not `{value[:40]}`")
        elif value and _duration.fullmatch(value) is None:
            problems.add("D011", flag.span, f"`--{flag.name}` is a duration such as `30s`, not `{value[:40]}`")
        elif value and _short.fullmatch(value) and value.strip("0.nuµμs+-"):
            problems.add("D011", flag.span, f"`--{flag.name}` is at least a millisecond, not `{value[:40]}`")


def _expose(instruction: Instruction, problems: Problems) -> None:
    for word in instruction.words:
        if "$" in word.text or word.text.startswith(("'", '"')):
            continue
        if _port.fullmatch(word.text) is None or not _in_range(word.text):
            problems.add("D011", word.span, f"EXPOSE takes a port such as `8000` or `53/udp`, not `{word.text[:40]}`")


def _in_range(text: str) -> bool:
    ports = [int(part) for part in text.partition("/")[0].rpartition(":")[2].split("-")]
    return all(port <= 65535 for port in ports) and ports == sorted(ports)


def _shell(instruction: Instruction, problems: Problems) -> None:
    if instruction.form != "json":
        problems.add("D011", instruction.words[0].span, 'SHELL takes a JSON array such as `["/bin/bash", "-c"]`')


def _volume(instruction: Instruction, problems: Problems) -> None:
    for word in instruction.words:
        if not word.text.strip():
            problems.add("D011", word.span, "a path of VOLUME is empty")


def _run(instruction: Instruction, problems: Problems) -> None:
    for name, known in (("network", ("default", "none", "host")), ("security", ("insecure", "sandbox"))):
        flag = instruction.flag(name)
        if flag is not None and flag.value is not None and "$" not in flag.value and flag.value.lower() not in known:
            offer = ", ".join(f"`{each}`" for each in known)
            problems.add("D004", flag.span, f"`--{name}` is {offer}, not `{flag.value[:40]}`")


def _copy(instruction: Instruction, problems: Problems) -> None:
    from tare.dockerfile.parse.instruction import _heredoc

    last = instruction.words[-1]
    if len(instruction.words) > 1 and instruction.form != "json" and _heredoc.fullmatch(last.text):
        problems.add(
            "D006", last.span, f"{instruction.name} cannot write to a heredoc: its last word is the destination"
        )


def _stop_signal(instruction: Instruction, problems: Problems) -> None:
    word = instruction.words[0]
    name = word.text.upper().removeprefix("SIG")
    if (
        "$" in word.text
        or name in _SIGNALS
        or _real_time.fullmatch(name)
        or (name.isdigit() and 0 < int(name[:9]) < 65)
    ):
        return
    problems.add("D011", word.span, f"STOPSIGNAL takes a signal such as `SIGTERM`, not `{word.text[:40]}`")


_CHECKS: Final[dict[str, Callable[[Instruction, Problems], None]]] = {
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "EXPOSE": _expose,
    "SHELL": _shell,
    "STOPSIGNAL": _stop_signal,
    "VOLUME": _volume,
    "RUN": _run,
    "COPY": _copy,
    "ADD": _copy,
}
