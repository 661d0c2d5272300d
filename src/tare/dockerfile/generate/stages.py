"""A recipe, as the parts of a Dockerfile."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

import msgspec

from tare.dockerfile.generate.instructions import (
    INDENT,
    Instruction,
    Mount,
    array,
    bind,
    cache,
    env,
    instruction,
    run,
    secret,
    text_of,
)
from tare.dockerfile.generate.recipe import Install, Recipe
from tare.oci.config import Healthcheck

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian and Alpine keep the certificates of authorities."""

_PIP_CACHE = "/var/cache/pip"
_NETRC = "/run/secrets/netrc"
_COMPILE = "(/opt/venv/bin/python -m compileall -qq -j 0 -x /tests/ /opt/venv/lib || true)"
"""On every core, and a second time only what is new. Some distributions ship files that are no Python, so it may fail.

Of pandas and matplotlib with what they need, tests are 35 of 63 MB of bytecode, and two fifths of the time:
docs/dockerfile.md."""

_COMPILED = "Bytecode is made once, here, but for tests: no start needs theirs."
_LOCAL = "Some of what is installed, or what the lock is held against, lies in the context itself."
_SOURCES_FIRST = "tare: ignore[TP209] because some dependencies lie in the project, and the tool installs all or none"
_LINKED = "The environment only refers to it: its lock wants it to be editable."
_HOMELESS = "A user that is only a number has no home but `/`, where it cannot write; gunicorn and matplotlib want to."
_SECURITY = "because the suite's security updates are wanted, and old versions leave its archive"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the file that is written again, whatever a person does to the rest."""

    name: str
    lines: tuple[str, ...]


def parts(recipe: Recipe) -> tuple[Part, ...]:
    """Return the parts of the Dockerfile: `made`, perhaps `build`, `run`, and `start`."""
    found = [Part(name="made", lines=tuple(f"# {line}" for line in _made(recipe)))]
    if recipe.install is not None:
        found.append(Part(name="build", lines=tuple(text_of(_build(recipe, recipe.install)))))
    found.append(Part(name="run", lines=tuple(text_of(_run(recipe)))))
    found.append(Part(name="start", lines=tuple(text_of(_start(recipe)))))
    return tuple(found)


def _made(recipe: Recipe) -> Iterator[str]:
    files = ", ".join(recipe.made_from)
    yield f"{recipe.title}: made from {files} by"
    yield f"    {recipe.command}"
    yield "What stands between `tare: begin` and `tare: end` is written again by that command, and checked by"
    yield f"    {recipe.command} --check"
    yield "Everything else is yours, and stays."
    if recipe.base.digest is None:
        yield "No registry has said the base's digest: its tag may be another image tomorrow."


def _from(recipe: Recipe, name: str = "") -> Instruction:
    base = recipe.base
    comments = (base.reference,) if base.digest else ()
    pinned = f"{base.reference}@{base.digest}" if base.digest else base.reference
    return instruction("FROM", pinned, *(("AS", name) if name else ()), comments=comments)


def _build(recipe: Recipe, install: Install) -> Iterator[Instruction]:
    yield _from(recipe, "build")
    if recipe.build_packages:
        names = ", ".join(recipe.built)
        yield _packages(recipe, recipe.build_packages, f"There is no wheel for {names}.")
    yield from _tool(recipe, install)
    yield instruction("WORKDIR", recipe.workdir)
    if install.sources_first:
        yield instruction("COPY", ".", ".", comments=(_SOURCES_FIRST,))
    if install.lock:
        yield run((*_filling(install), _COMPILE), _mounts(recipe, install), (_COMPILED,))
    else:
        yield run(_filling(install))
    own = tuple(_own(install))
    if own and not install.sources_first:
        yield instruction("COPY", ".", ".", comments=(_LOCAL,) if install.local else ())
    if install.version:
        asked = f"Version control knows the version, and is not in the context: `--build-arg {install.version}=1.2.3` tells it."
        yield instruction("ARG", install.version, comments=(asked,))
    if own:
        caches = dict.fromkeys((install.tool.cache, *(() if install.tool.project else (_PIP_CACHE,))))
        yield run((*own, _COMPILE), [*map(cache, caches), *_secrets(recipe, install)])


def _late(install: Install) -> bool:
    """Return whether what lies in the project is installed after the rest."""
    return install.local and not install.sources_first


def _own(install: Install) -> Iterator[str]:
    """Yield the commands that install what lies in the project and is not installed by then, and the project itself."""
    if install.tool.project:
        yield from _commands(install, install.tool.project if _late(install) or install.project else ())
        return
    if _late(install):
        yield from _commands(install, install.tool.install)
    if install.project:
        yield "/opt/tool/bin/pip --python /opt/venv/bin/python install --no-compile --no-deps ."


def _tool(recipe: Recipe, install: Install) -> Iterator[Instruction]:
    values = {"PATH": "/opt/tool/bin:$PATH", "PIP_CACHE_DIR": _PIP_CACHE, **install.tool.env}
    if install.netrc:
        values |= {"NETRC": _NETRC}
    if recipe.certificates:
        values |= {"PIP_CERT": BUNDLE, "REQUESTS_CA_BUNDLE": BUNDLE, "SSL_CERT_FILE": BUNDLE}
    yield env(values)
    commands = ["python -m venv /opt/tool"]
    mounts: list[Mount] = []
    if install.tool.requirement:
        commands.append(f"/opt/tool/bin/pip install --no-compile {shlex.quote(install.tool.requirement)}")
        mounts = [cache(_PIP_CACHE), *_secrets(recipe, install)]
    yield run(commands, mounts)


def _filling(install: Install) -> Iterator[str]:
    if install.tool.venv:
        yield "python -m venv --without-pip /opt/venv"
    if install.lock:
        yield from _commands(install, install.tool.apart if _late(install) else install.tool.install)


def _commands(install: Install, commands: Iterable[str]) -> Iterator[str]:
    hashes = install.tool.hashed if install.hashed else ""
    for command in commands:
        yield " ".join((command.format(lock=install.lock, hashes=hashes), *install.options))


def _mounts(recipe: Recipe, install: Install) -> Iterator[Mount]:
    yield cache(install.tool.cache)
    if not install.sources_first:
        yield from (bind(each, recipe.workdir) for each in install.files)
    yield from _secrets(recipe, install)


def _secrets(recipe: Recipe, install: Install) -> Iterator[Mount]:
    if install.netrc:
        yield secret("netrc", _NETRC)
    if recipe.certificates:
        yield secret("certificates", BUNDLE)


def _packages(recipe: Recipe, names: tuple[str, ...], comment: str) -> Instruction:
    secrets = [secret("certificates", BUNDLE)] if recipe.certificates else []
    listed = " ".join(names)
    if recipe.base.os == "alpine":
        return run([f"apk add --no-cache {listed}"], secrets, (comment, f"tare: ignore[DL3018] {_SECURITY}"))
    return run(
        [
            "rm -f /etc/apt/apt.conf.d/docker-clean",
            "apt-get update",
            f"apt-get install -y --no-install-recommends {listed}",
        ],
        [cache("/var/cache/apt", locked=True), cache("/var/lib/apt", locked=True), *secrets],
        (comment, f"tare: ignore[DL3008] {_SECURITY}"),
    )


def _run(recipe: Recipe) -> Iterator[Instruction]:
    yield _from(recipe)
    if recipe.run_packages:
        yield _packages(
            recipe, recipe.run_packages, "Libraries that what was built links to, and what the project names."
        )
    path = {"PATH": "/opt/venv/bin:$PATH"} if recipe.install else {}
    home = {} if _has_home(recipe.user) else {"HOME": "/tmp"}  # noqa: S108 - the container's own
    yield msgspec.structs.replace(
        env({**path, **home, "PYTHONUNBUFFERED": "1", **recipe.env}),
        comments=(_HOMELESS,) if home and "HOME" not in recipe.env else (),
    )
    yield instruction("WORKDIR", recipe.workdir)
    if recipe.volumes and recipe.user.partition(":")[0] not in {"0", "root"}:
        paths = shlex.join(recipe.volumes)
        comment = "A volume begins as the directory that the image has there: the user's own."
        yield run([f"mkdir -p {paths}", f"chown {recipe.user} {paths}"], comments=(comment,))
    if recipe.install:
        yield instruction("COPY", "--from=build", "/opt/venv", "/opt/venv")
    for linked in recipe.install.links if recipe.install and not recipe.sources else ():
        yield instruction("COPY", "--from=build", *(f"{recipe.workdir}/{linked}",) * 2, comments=(_LINKED,))
    if recipe.sources:
        yield instruction("COPY", f"--chown={recipe.user}", recipe.directory, ".")
    if recipe.script and not recipe.sources:
        yield instruction("COPY", f"--chown={recipe.user}", recipe.script, f"{recipe.workdir}/")


def _has_home(user: str) -> bool:
    """Return whether *user* may have a home: root has, and who has a name."""
    name = user.partition(":")[0]
    return not name.isdecimal() or int(name) == 0


def _start(recipe: Recipe) -> Iterator[Instruction]:
    if recipe.labels:
        parts = [f"{name}={_label(value)}" for name, value in sorted(recipe.labels.items())]
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


def _label(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'


def _healthcheck(check: Healthcheck) -> Instruction:
    kind, *words = check.test
    if kind == "NONE":
        return instruction("HEALTHCHECK", "NONE")
    times = {"interval": check.interval, "timeout": check.timeout, "start-period": check.start_period}
    flags = [f"--{name}={value / 1e9:g}s" for name, value in times.items() if value]
    flags += [f"--retries={check.retries}"] if check.retries else []
    what = array("CMD", words) if kind == "CMD" else instruction("CMD", *words)
    return (
        Instruction(lines=(" ".join(("HEALTHCHECK", *flags)), f"{INDENT}{what.lines[0]}"))
        if flags
        else instruction("HEALTHCHECK", what.lines[0])
    )
