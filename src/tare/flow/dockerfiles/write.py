"""A Dockerfile and a `.dockerignore` for a project: read, decided, written beside what is there."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence

import msgspec

from tare.dockerfile.generate import merge
from tare.dockerfile.generate.expressible import check_expressible
from tare.dockerfile.generate.needs import SystemPackages, system_packages
from tare.dockerfile.generate.recipe import Base, Install, Pinned, Recipe
from tare.dockerfile.generate.stages import parts
from tare.errors import ProjectError
from tare.flow.build.entrypoints import with_entrypoint
from tare.flow.dockerfiles.base import (
    check_series,
    chosen_reference,
    default_reference,
    existing_base,
    existing_tool,
    fits,
    make_base,
)
from tare.flow.dockerfiles.document import Document, read_if_there
from tare.flow.dockerfiles.ignoring import ignore_document
from tare.flow.dockerfiles.install import install_of, selection_of, targets_of
from tare.flow.dockerfiles.libraries import RunLibraries, existing_packages, run_libraries
from tare.flow.dockerfiles.member import check_member, context_root
from tare.flow.dockerfiles.wish import NAME, Wish, as_made
from tare.flow.world import World
from tare.oci.config import Healthcheck
from tare.plan.run_config import USER, WORKDIR
from tare.projects import entrypoint, files, sources
from tare.projects.config import ToolConfig
from tare.projects.locked import Locked
from tare.projects.project import Project
from tare.projects.resolve import Selection

SCRIPT = "entrypoint.sh"

_SECOND = 1_000_000_000


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What comes of it."""

    root: str
    """The directory of the build's context, which the documents' paths are relative to."""

    project: Project
    recipe: Recipe
    documents: tuple[Document, ...]
    notes: tuple[str, ...]


def make_dockerfile(world: World, project: Project, wish: Wish) -> Written:
    """Return the Dockerfile of *project* and what goes with it; nothing is written."""
    check_member(project)
    root = context_root(project, wish)
    old = read_if_there(root, wish.output)
    if old is not None and not merge.is_ours(old):
        raise ProjectError(
            f"`{wish.output}` is there, and `tare dockerfile` did not make it",
            hints=("Write another one with `--output NAME`, or `--stdout`", f"`tare lint {wish.output}` checks it"),
        )
    pieces = merge.split(old, wish.output) if old is not None else ()
    wish = as_made(wish, pieces) if wish.check else wish
    running = _lines(pieces, "run")
    base = _base(world, project, wish, existing_base(running))
    selection = selection_of(world, project, base, wish)
    needs = system_packages(selection.locked, base.os or "debian", base.suite)
    world.fetch_for(project)
    loaded = run_libraries(
        world,
        base,
        selection.locked,
        targets_of(project, base, wish),
        ask=not (wish.check or world.offline),
        existing=existing_packages(running),
    )
    needs = msgspec.structs.replace(needs, run=(*needs.run, *loaded.packages))
    image = existing_tool((*_lines(pieces, "build"), *running))
    install = install_of(world, project, wish, selection, base=base, image=image)
    recipe = with_packages(_recipe(world, project, wish, base, selection, install=install), project, needs)
    check_expressible(recipe)
    dockerfile = Document(path=wish.output, old=old, new=merge.spelled(merge.merged(parts(recipe), pieces), old))
    documents = [dockerfile, ignore_document(world, project, recipe, wish)]
    if wish.script:
        documents.append(_script(root, recipe.script or SCRIPT))
    return Written(
        root=root,
        project=project,
        recipe=recipe,
        documents=tuple(documents),
        notes=(
            *_notes(recipe, selection, needs),
            *loaded.notes,
            *(() if wish.check else _unread(loaded)),
            *merge.refusals(dockerfile.new, dockerfile.path),
        ),
    )


def _lines(pieces: Iterable[merge.Piece], name: str) -> tuple[str, ...]:
    return next((piece.lines for piece in pieces if piece.name == name), ())


def _base(world: World, project: Project, wish: Wish, known: Pinned | None) -> Base:
    named = wish.base or project.config.base
    if named is not None and named.startswith("deb:") and wish.base is None:
        named = None  # what `tare build` takes; a Dockerfile has to have an image
    kept = known.reference if known and fits(known.reference, project) else None
    may_ask = not wish.check and not world.offline
    reference = named or kept
    if reference is None:
        reference = chosen_reference(project, world, wish) if may_ask else default_reference(project, world)
    check_series(reference, project, world)
    return make_base(world, reference, None if wish.pull and may_ask else known, ask=may_ask)


def _recipe(
    world: World, project: Project, wish: Wish, base: Base, selection: Selection, *, install: Install | None
) -> Recipe:
    config, reason = _started(world, project, selection.locked)
    root = context_root(project, wish)
    directory = os.path.relpath(project.root, root).replace(os.sep, "/")
    entry, cmd = config.entrypoint or (), config.cmd or ()
    if wish.script:
        entry, cmd = ("sh", f"{config.workdir or WORKDIR}/{SCRIPT}"), (*entry, *cmd)
    return Recipe(
        command=_command(project, wish, install),
        title=project.name or os.path.basename(project.root),
        made_from=tuple(_made_from(project, selection, root)),
        base=base,
        install=install,
        certificates=wish.certificates,
        workdir=config.workdir or WORKDIR,
        sources=not project.has_build_system,
        directory=directory,
        user=config.user or USER,
        env=config.env,
        labels=config.labels,
        volumes=config.volumes,
        ports=config.ports,
        stop_signal=config.stop_signal,
        healthcheck=config.healthcheck or _healthcheck(config.ports),
        entrypoint=entry,
        cmd=cmd,
        reason=reason,
        script=os.path.normpath(f"{directory}/{SCRIPT}") if wish.script else None,
    )


def with_packages(recipe: Recipe, project: Project, needs: SystemPackages) -> Recipe:
    """Return *recipe* with the packages of the system that what is built needs, and those that the project names."""
    return msgspec.structs.replace(
        recipe,
        build_packages=needs.build if recipe.install else (),
        run_packages=tuple(sorted({*needs.run, *project.config.system_packages})),
        built=needs.built,
    )


def _started(world: World, project: Project, locked: Iterable[Locked]) -> tuple[ToolConfig, str]:
    taken = [file.path for file in sources.collect(project, memo_directory=world.memo_directory)]

    def read(path: str) -> bytes:
        return files.read_bytes(os.path.join(project.root, path))

    found = entrypoint.find(project, taken, read, [each.name for each in locked])
    if found.warning:
        # `--entrypoint` of `tare dockerfile` is another one than the hint means.
        world.reporter.warn(found.warning.removesuffix(", or pass `--entrypoint`"))
    says = "" if project.config.entrypoint is not None or project.config.cmd is not None else found.reason
    return with_entrypoint(project, found), says[:1].upper() + says[1:] + "." if says else ""


def _healthcheck(ports: Sequence[str]) -> Healthcheck | None:
    """Return a check that something listens on the first TCP port: no path of a service is known to be for this."""
    port = next((port.partition("/")[0] for port in ports if port.endswith("/tcp") or "/" not in port), None)
    if port is None:
        return None
    code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 3).close()"
    return Healthcheck(
        test=("CMD", "python", "-c", code), interval=30 * _SECOND, timeout=5 * _SECOND, start_period=20 * _SECOND
    )


def _command(project: Project, wish: Wish, install: Install | None) -> str:
    """Return the command that makes the same again. A base that was named is kept in the file itself."""
    own = {"requirements": "pip"}.get(project.lock.kind if project.lock else "")
    words = ["tare", "dockerfile", *(("--package", wish.package) if wish.package else ())]
    if wish.tool and install is not None and install.tool.name != (own or install.tool.name):
        words += ["--tool", wish.tool]
    words += ["--tool-from", wish.tool_from] if wish.tool_from else []
    words += ["--slim"] if wish.slim else []
    words += [word for name in wish.extras for word in ("--extra", name)]
    words += [word for name in wish.groups for word in ("--group", name)]
    words += ["--platform", ",".join(map(str, wish.platforms))] if wish.platforms else []
    words += ["--certificates"] if wish.certificates else []
    words += ["--entrypoint"] if wish.script else []
    words += ["--output", wish.output] if wish.output != NAME else []
    return shlex.join(words)


def _made_from(project: Project, selection: Selection, root: str) -> list[str]:
    names = [os.path.relpath(project.manifest, root).replace(os.sep, "/")] if project.manifest else []
    names += [project.lock.name] if project.lock is not None and selection.origin else []
    return list(dict.fromkeys(names)) or ["its files"]


def _script(root: str, path: str) -> Document:
    text = (
        "#!/bin/sh\n"
        "# Runs before the program, as the same user; `exec` makes the program process 1, which gets the signals.\n"
        "set -eu\n"
        "\n"
        'exec "$@"\n'
    )
    old = read_if_there(root, path)
    return Document(path=path, old=old, new=text if old is None else old, mode=0o755)


def _notes(recipe: Recipe, selection: Selection, needs: SystemPackages) -> Iterable[str]:
    yield from selection.warnings
    if needs.unknown:
        names = ", ".join(f"`{name}`" for name in needs.unknown)
        yield f"what {names} needs of the system to be built from source is not known; add it if the build asks for it"
    if recipe.install and recipe.install.version:
        yield f"the version comes from version control: build with `--build-arg {recipe.install.version}=VERSION`"


def _unread(loaded: RunLibraries) -> Iterable[str]:
    if loaded.unread:
        names = ", ".join(f"`{name}`" for name in loaded.unread)
        yield f"which shared libraries {names} may want of the system is not known: not all of the wheel was read"
