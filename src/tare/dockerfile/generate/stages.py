"""A recipe, as the parts of a Dockerfile."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

import msgspec

from tare.dockerfile.generate.installing import building, in_one_step, installing, packages
from tare.dockerfile.generate.instructions import (
    INDENT,
    Instruction,
    array,
    env,
    in_quotes,
    instruction,
    quoted,
    run,
    text_of,
)
from tare.dockerfile.generate.recipe import Recipe
from tare.dockerfile.generate.tooling import begin, is_mounted_whole, tool_stage
from tare.oci.config import Healthcheck

_NEEDED = "What the distributions need of the system to run, and what the project names."
_LINKED = "The environment only refers to it: its lock wants it to be editable."
_HOMELESS = "A user that is only a number has no home but `/`, where it cannot write; gunicorn and matplotlib want to."


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the file that is written again, whatever a person does to the rest."""

    name: str
    lines: tuple[str, ...]


def parts(recipe: Recipe) -> tuple[Part, ...]:
    """Return the parts of the Dockerfile: `made`, perhaps `build`, `run`, and `start`."""
    found = [Part(name="made", lines=tuple(f"# {line}" for line in _made(recipe)))]
    install = recipe.install
    if install is not None and not in_one_step(recipe, install):
        found.append(_part("build", building(recipe, install)))
    elif install is not None and not is_mounted_whole(install):
        found.append(_part("build", tool_stage(recipe, install)))
    return (*found, _part("run", _run(recipe)), _part("start", _start(recipe)))


def _part(name: str, instructions: Iterable[Instruction]) -> Part:
    return Part(name=name, lines=tuple(text_of(instructions)))


def _made(recipe: Recipe) -> Iterator[str]:
    files = ", ".join(recipe.made_from)
    yield f"{recipe.title}: made from {files} by"
    yield f"    {recipe.command}"
    yield "What stands between `tare: begin` and `tare: end` is written again by that command, and checked by"
    yield f"    {recipe.command} --check"
    yield "Everything else is yours, and stays."
    for image in (recipe.base, recipe.install.image if recipe.install else None):
        if image is not None and image.digest is None:
            yield f"No registry has said the digest of {image.reference}: its tag may be another image tomorrow."


def _run(recipe: Recipe) -> Iterator[Instruction]:
    yield begin(recipe)
    if recipe.run_packages:
        yield packages(recipe, recipe.run_packages, _NEEDED)
    path = {"PATH": "/opt/venv/bin:$PATH"} if recipe.install else {}
    yield env({**path, "PYTHONUNBUFFERED": "1"})
    yield instruction("WORKDIR", recipe.workdir)
    if recipe.install is not None and in_one_step(recipe, recipe.install):
        yield installing(recipe, recipe.install)
    elif recipe.install is not None:
        yield instruction("COPY", "--from=build", "/opt/venv", "/opt/venv")
    yield from _environment(recipe)
    if recipe.volumes and recipe.user.partition(":")[0] not in {"0", "root"}:
        paths = shlex.join(recipe.volumes)
        comment = "A volume begins as the directory that the image has there: the user's own."
        yield run([f"mkdir -p {paths}", f"chown {recipe.user} {paths}"], comments=(comment,))
    for linked in recipe.install.links if recipe.install and not recipe.sources else ():
        yield instruction("COPY", "--from=build", *(f"{recipe.workdir}/{linked}",) * 2, comments=(_LINKED,))
    if recipe.sources:
        yield instruction("COPY", f"--chown={recipe.user}", recipe.directory, ".")
    if recipe.script and not recipe.sources:
        yield instruction("COPY", f"--chown={recipe.user}", recipe.script, f"{recipe.workdir}/")


def _environment(recipe: Recipe) -> Iterator[Instruction]:
    """Yield the variables of the program, behind the installation: it has none of them, and stays when they change."""
    home = {} if _has_home(recipe.user) else {"HOME": "/tmp"}  # noqa: S108 - the container's own
    comments = (_HOMELESS,) if home and "HOME" not in recipe.env else ()
    if home or recipe.env:
        yield msgspec.structs.replace(env({**home, **recipe.env}, literal=True), comments=comments)


def _has_home(user: str) -> bool:
    """Return whether *user* may have a home: root has, and who has a name."""
    name = user.partition(":")[0]
    return not name.isdecimal() or int(name) == 0


def _start(recipe: Recipe) -> Iterator[Instruction]:
    if recipe.labels:
        parts = [f"{quoted(name, literal=True)}={in_quotes(value)}" for name, value in sorted(recipe.labels.items())]
        yield Instruction(lines=(f"LABEL {parts[0]}", *(f"{INDENT}{part}" for part in parts[1:])))
    yield instruction("USER", recipe.user)
    yield from (instruction("EXPOSE", port) for port in recipe.ports)
    if recipe.volumes:
        yield array("VOLUME", recipe.volumes)
    if recipe.stop_signal:
        yield instruction("STOPSIGNAL", recipe.stop_signal)
    if recipe.healthcheck:
        yield _healthcheck(recipe.healthcheck)
    comments = (recipe.reason,) if recipe.reason else ()
    started = [array(word, argv) for word, argv in (("ENTRYPOINT", recipe.entrypoint), ("CMD", recipe.cmd)) if argv]
    if started:
        yield msgspec.structs.replace(started[0], comments=comments)
        yield from started[1:]


def _healthcheck(check: Healthcheck) -> Instruction:
    kind, *words = check.test
    if kind == "NONE":
        return instruction("HEALTHCHECK", "NONE")
    times = {"interval": check.interval, "timeout": check.timeout, "start-period": check.start_period}
    flags = [f"--{name}={value / 1e9:g}s" for name, value in times.items() if value]
    flags += [f"--retries={check.retries}"] if check.retries else []
    if kind == "CMD-SHELL" and any("\n" in word for word in words):
        kind, words = "CMD", ["/bin/sh", "-c", *words]  # as the engine runs it: only an argument list has line breaks
    what = array("CMD", words) if kind == "CMD" else instruction("CMD", *words)
    return (
        Instruction(lines=(" ".join(("HEALTHCHECK", *flags)), f"{INDENT}{what.lines[0]}"))
        if flags
        else instruction("HEALTHCHECK", what.lines[0])
    )
