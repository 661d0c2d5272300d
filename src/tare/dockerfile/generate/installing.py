"""How the environment of a generated Dockerfile is made: in one step of the stage that runs, or in a stage that builds."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from tare.dockerfile.generate.instructions import Instruction, Mount, bind, cache, instruction, run, secret, wrapped
from tare.dockerfile.generate.recipe import Install, Recipe
from tare.dockerfile.generate.tooling import (
    BUNDLE,
    PIP_CACHE,
    UV_CACHE,
    begin,
    exported,
    is_mounted_whole,
    named,
    secrets,
    settings,
    tool_in_build,
    tool_mount,
    tool_path,
)

_COMPILE = "(/opt/venv/bin/python -m compileall -qq -j 0 -x /tests/ /opt/venv/lib || true)"
"""On every core, and a second time only what is new. Some distributions ship files that are no Python, so it may fail.

Of pandas and matplotlib with what they need, tests are 35 of 63 MB of bytecode, and two fifths of the time:
docs/dockerfile.md."""

_COMPILED = "Bytecode is made once, here, but for tests: no start needs theirs."
_APART = "What is built here links to this suite's libraries, so no Dockerfile of another suite shares the cache."
_LOCAL = "Some of what is installed, or what the lock is held against, lies in the context itself."
_SOURCES_FIRST = "tare: ignore[TP209] because some dependencies lie in the project, and the tool installs all or none"
_SECURITY = "because the suite's security updates are wanted, and old versions leave its archive"


def packages(recipe: Recipe, names: tuple[str, ...], comment: str) -> Instruction:
    """Return the step that installs packages of the base's system."""
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


def in_one_step(recipe: Recipe, install: Install) -> bool:
    """Whether the stage that runs can make the environment itself, and have nothing in it that only a build needs.

    Wheels are unpacked as they are, and nothing of the project is installed. The tool is mounted while the step runs.
    """
    return bool(install.lock) and not (recipe.build_packages or install.project or install.local)


def installing(recipe: Recipe, install: Install) -> Instruction:
    """Return that step."""
    path = {"PATH": f"{tool_path(install)}:$PATH"} if install.tool.requirement else {}  # pip is called by its path
    values = {**path, **settings(recipe, install)}
    commands = (*exported(values), *_filling(install), *_removing(install), _COMPILE)
    mounts = (tool_mount(install), *_mounts(recipe, install))
    comments = (f"{install.tool.name} is only mounted, and stays out of the image.", _COMPILED, *_left_out(install))
    tag = named(install.image) if install.image is not None and is_mounted_whole(install) else ()
    return run(commands, mounts, (*tag, *comments))


def building(recipe: Recipe, install: Install) -> Iterator[Instruction]:
    """Yield the stage that makes the environment, with all that is needed for it."""
    yield begin(recipe, "build")
    if recipe.build_packages:
        names = ", ".join(recipe.built)
        yield packages(recipe, recipe.build_packages, f"There is no wheel for {names}.")
    yield from tool_in_build(recipe, install)
    yield instruction("WORKDIR", recipe.workdir)
    if install.sources_first:
        yield instruction("COPY", ".", ".", comments=(_SOURCES_FIRST,))
    if install.lock:
        apart = (_APART,) if recipe.build_packages else ()
        comments = (*apart, _COMPILED, *_left_out(install))
        yield run((*_filling(install), *_removing(install), _COMPILE), _mounts(recipe, install), comments)
    else:
        yield run(_filling(install))
    own = tuple(_own(install))
    if own and not install.sources_first:
        yield instruction("COPY", ".", ".", comments=(_LOCAL,) if install.local else ())
    if install.version:
        asked = f"Version control knows the version, and is not in the context: `--build-arg {install.version}=1.2.3` tells it."
        yield instruction("ARG", install.version, comments=(asked,))
    if own:
        builder = PIP_CACHE if install.image is None else UV_CACHE
        caches = dict.fromkeys((install.tool.cache, *(() if install.tool.project else (builder,))))
        kept = [_kept(recipe, target) for target in caches]
        yield run((*own, _COMPILE), [*kept, *secrets(recipe, install)])


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
    if install.project and install.image is not None:
        yield "uv pip install --python /opt/venv/bin/python --no-deps ."
    elif install.project:
        yield "/opt/tool/bin/pip --python /opt/venv/bin/python install --no-compile --no-deps ."


def _left_out(install: Install) -> Iterator[str]:
    if install.slim is not None:
        count, size = install.slim.files, install.slim.size
        said = f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
        yield f"Tests, sources and headers that nothing imports go before: {count:,} files of {said} (`--slim`)."
        yield "tare: ignore[DL3003] because only that command works there"


def _removing(install: Install) -> Iterator[str]:
    """Yield the command that removes what `--slim` leaves out. In a shell of its own: the next works where this began."""
    if install.slim is not None:
        yield wrapped(f"(cd {install.slim.directory} && rm -rf -- {' '.join(install.slim.patterns)})")


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
    yield _kept(recipe, install.tool.cache)
    if not install.sources_first:
        yield from (bind(each, recipe.workdir) for each in install.files)
    yield from secrets(recipe, install)


def _kept(recipe: Recipe, target: str) -> Mount:
    """Return a tool's cache: one for each suite where something is compiled.

    The tools keep what they have built by the source's digest and the wheel's tag, which is `linux_x86_64` on every suite,
    and on Alpine too: https://github.com/astral-sh/uv/issues/19185.
    """
    return cache(target, name=f"{posixpath.basename(target)}-{recipe.base.suite}" if recipe.build_packages else "")
