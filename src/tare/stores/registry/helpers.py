"""Credential helpers: programs that keep passwords, asked as Docker asks them.

https://github.com/docker/docker-credential-helpers
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from tare.errors import MachineError

_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_secret_like = re.compile(r"[A-Za-z0-9+/_=.~-]{16,}|(?<=://)[^/\s]*@")


class HelperAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    """What a helper knows."""

    username: str = ""
    secret: str = ""


def ask(
    helper: str, server: str, *, environment: Mapping[str, str], timeout: float, named_in: str
) -> HelperAnswer | None:
    """Return what the program `docker-credential-`*helper* has for *server*; None if it has nothing."""
    import shutil
    import subprocess

    program = f"docker-credential-{helper}"
    if _name.fullmatch(helper) is None:
        raise MachineError(f"{named_in} names the credential helper `{helper[:80]}`", causes=("that is not a name",))
    path = shutil.which(program, path=environment.get("PATH", ""))
    if path is None:
        raise MachineError(
            f"the credential helper `{program}` is not installed",
            causes=(f"{named_in} names it",),
            hints=(f"Install it, or take `{helper}` out of {named_in}",),
        )
    try:
        done = subprocess.run(
            [path, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=timeout,
            check=False,
            env=dict(environment),
        )
    except subprocess.TimeoutExpired:
        raise MachineError(f"`{program} get` did not end within {timeout:g} seconds") from None
    except OSError as error:
        raise MachineError(f"`{program}` cannot be run", causes=((error.strerror or str(error)).lower(),)) from None
    if done.returncode:
        if b"credentials not found" in done.stdout + done.stderr:
            return None
        raise MachineError(f"`{program} get` failed", causes=(_reason(done.returncode, done.stderr or done.stdout),))
    return _read(program, done.stdout)


def _read(program: str, output: bytes) -> HelperAnswer:
    try:
        return msgspec.json.decode(output, type=HelperAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # What is wrong with it is not said: it could be the secret.
        raise MachineError(f"`{program} get` gave an answer that cannot be read") from None


def _reason(code: int, output: bytes) -> str:
    """Return the exit code and the first line of *output*, with whatever could be a secret left out."""
    line = output.decode("utf-8", "replace").strip().partition("\n")[0]
    line = "".join(character if character.isprintable() else "�" for character in _secret_like.sub("…", line))
    return f"exit code {code}: {line[:200]}" if line else f"exit code {code}"
