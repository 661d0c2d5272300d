"""The health check: whether the image has what it calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tare.dockerfile.model.invocations import Invocation, Reader
from tare.dockerfile.model.stages import Copy, Run
from tare.dockerfile.model.tables import table
from tare.dockerfile.parse.document import Instruction
from tare.dockerfile.parse.source import Span
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.leftovers import kept_packages
from tare.dockerfile.rules.registry import Hit, rule

_OF_SHELLS: Final = frozenset({"exit", "true", "false", "echo", "test", "[", "kill", "grep"})
"""What stands around a call, and asks nothing of the service."""

_MANAGERS: Final = ("apt-get", "apk", "dnf", "yum", "microdnf")
_UNSEEN: Final = ("dpkg", "make", "ansible-playbook", "nix-env")
"""Programs that may bring anything, and do not say what."""


@rule("TP411")
def lacking_health_check(context: Context) -> Iterator[Hit]:
    found, final = _health_check(context), context.model.final
    image = final.image if final else None
    if found is None or final is None or image is None:
        return
    calls = [call for call in _calls(found, final.env) if call.program not in _OF_SHELLS]
    lacked = _lacked(image.kind, image.variant)
    names = list(dict.fromkeys(call.program for call in calls))
    if not names or not lacked.issuperset(names) or any(_may_have(context, name) for name in names):
        return
    for call in calls:
        message = f"`{image.text}` has no `{call.program}`, so the container is never healthy"
        yield Hit(span=call.name_span, message=message)


def _health_check(context: Context) -> Instruction | None:
    """Return the health check of the final image."""
    every = [each for each in context.file.instructions if each.name == "HEALTHCHECK" and not each.broken]
    own = [each for each in every if each.stage in context.shipped_indexes]
    return max(own, key=lambda each: each.span.start, default=None)


def _calls(check: Instruction, env: Mapping[str, str | None]) -> list[Invocation]:
    if check.words[0].text.upper() != "CMD":
        return []
    words = check.words[1:]
    if check.form == "json":
        return list(Reader(env, Span).argv([(word.text, word.span) for word in words]))
    reader = Reader(env, check.line.span)
    return [call for word in words for call in reader.script(word.text, word.index)]


def _lacked(kind: str, variant: str) -> frozenset[str]:
    """Return the programs that an image of this kind is known to lack."""
    rows = table("model/images.toml")["lacking"]
    return frozenset(rows.get(f"{kind}-{variant}" if variant else kind, ()))


def _may_have(context: Context, name: str) -> bool:
    """Return whether something puts *name* into the image, or nobody can tell that nothing does."""
    packages = table("model/images.toml")["lacking"]["packages"][name]
    if any(package in packages for _, package, _ in kept_packages(context)):
        return True
    mentioned = re.compile(rf"(?<![\w.-]){name}(?![\w-])")
    for stage in context.shipped:
        if any(_may_be_copied(copy, mentioned) for copy in stage.copies):
            return True
        if any(_may_bring(run, packages, mentioned, context.text) for run in stage.runs):
            return True
    return False


def _may_be_copied(copy: Copy, mentioned: re.Pattern[str]) -> bool:
    return bool(mentioned.search(copy.instruction.rest)) or (
        bool(copy.origin) and (copy.destination.rstrip("/") in {"", "/usr", "/usr/local"} or "/bin" in copy.destination)
    )


def _may_bring(run: Run, packages: Sequence[str], mentioned: re.Pattern[str], text: str) -> bool:
    script = text[run.instruction.span.start : run.instruction.span.end]
    if ".sh" in script or any(True for _ in run.calls(*_UNSEEN)):
        return True
    adding = [call for call in run.calls(*_MANAGERS) if call.subcommand in {"install", "add"}]
    if any(not call.operands or None in call.values for call in adding):
        return True  # which packages, only a build knows
    is_removed_again = any(value in packages for call in adding for value in call.values)
    return bool(mentioned.search(script)) and not is_removed_again
