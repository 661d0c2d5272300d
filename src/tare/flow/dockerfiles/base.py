"""The base of a generated Dockerfile: named, kept from the file that is there, or chosen; and what its name says."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime

from tare.bases.catalogue.catalogue import catalogue
from tare.bases.catalogue.support import ended
from tare.bases.debian.tables import tables
from tare.dockerfile.generate.recipe import Base, Pinned
from tare.dockerfile.model.images import BaseImage, base_image
from tare.errors import NetworkError, TareError, TargetError, UsageError
from tare.flow.dockerfiles.wish import Wish, platforms_of
from tare.flow.world import World
from tare.oci import reference as references
from tare.oci.platform import Platform
from tare.projects import files, python_version
from tare.projects.project import Project
from tare.wheels.target import Libc, Target

_IMAGE = r"(?P<name>[^\s@,]+)(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
_from = re.compile(rf"FROM\s+{_IMAGE}(?:\s+AS\s+\S+)?\s*", re.IGNORECASE)
_tool = tuple(
    re.compile(rf"{start}from={_IMAGE}[\s,].*", re.IGNORECASE) for start in (r"COPY\s+--", r"RUN\s+--mount=type=bind,")
)


def existing_base(lines: tuple[str, ...]) -> Pinned | None:
    """Return the image that the first `FROM` of *lines* has."""
    return _first(_from, lines)


def existing_tool(lines: tuple[str, ...]) -> Pinned | None:
    """Return the image that the tool is copied from in *lines*, or mounted from."""
    return next((image for pattern in _tool if (image := _first(pattern, lines))), None)


def _first(pattern: re.Pattern[str], lines: tuple[str, ...]) -> Pinned | None:
    match = next((match for line in lines if (match := pattern.fullmatch(line))), None)
    return Pinned(reference=match["name"], digest=match["digest"]) if match else None


def chosen_reference(project: Project, world: World, wish: Wish) -> str:
    """Return the official image that `tare choose` recommends; the default one where it cannot compare them."""
    from tare.flow.choose.candidates import candidates
    from tare.flow.choose.choose import choose
    from tare.flow.request import Request

    default = default_reference(project, world)
    template = Request(
        base="",
        platform=platforms_of(wish, project.config)[0],
        python=default.partition(":")[2].partition("-")[0],
        extras=wish.extras,
        groups=wish.groups,
        allow_missing=tuple(sorted({name for rows in tables().soname.values() for name in rows})),  # they are installed
    )
    requests = [each for each in candidates(world, project, template) if each.base.startswith("python:")]
    try:
        choice = choose(world, project, requests)
    except TareError as error:
        world.reporter.note(f"bases could not be compared, so `{default}` is taken: {error.message}")
        return default
    if choice.recommended is None:
        return default
    world.reporter.note(f"the base is `{choice.recommended}`: {' '.join(choice.reasons)}")
    return choice.recommended


def default_reference(project: Project, world: World) -> str:
    """Return the slim image of the series that `.python-version` names, or of the newest, that the project accepts.

    It has to get security fixes.
    """
    from tare.projects.selection import specifier

    wanted = specifier(project.requires_python or "")
    today = datetime.fromtimestamp(world.now(), UTC).date()
    table = catalogue()
    offered = [row for row in table.series if row.version and not re.search(r"[a-z]", row.version)]
    named = named_series(project.root) or (named_series(project.workspace) if project.workspace else None)
    for row in sorted(offered, key=lambda row: (row.name == named, [*map(int, row.name.split("."))]), reverse=True):
        if table.official.slim in row.variants and not ended(row.eol, today) and wanted.contains(row.version or ""):
            return f"python:{row.name}-{table.official.slim}"
    names = ", ".join(row.name for row in offered)
    raise TargetError(
        "no official image has an interpreter for the project",
        causes=(f'`requires-python = "{project.requires_python}"`; there are {names}',),
        hints=("Name a base with `--base`",),
    )


def named_series(root: str) -> str | None:
    """Return the series of CPython that the project is worked on with: what `.python-version` of *root* names first."""
    path = os.path.join(root, python_version.FILE)
    if not os.path.isfile(path):
        return None
    return next(("{}.{}".format(*series) for series in python_version.named_series(files.text(path))), None)


def make_base(world: World, reference: str, known: Pinned | None, *, ask: bool) -> Base:
    """Return the base *reference*, with the digest that is *known* of it, or that a registry says when it may be asked."""
    if reference.startswith("deb:"):
        raise UsageError(
            f"`{reference}` cannot stand in a Dockerfile",
            causes=("an assembled base is in no registry",),
            hints=("`tare build` needs no Dockerfile; or name an image with `--base`",),
        )
    image = pinned(world, reference, known, ask=ask)
    said = said_of(image.reference)
    return Base(reference=image.reference, digest=image.digest, os=said.os, suite=said.suite)


def pinned(world: World, reference: str, known: Pinned | None, *, ask: bool) -> Pinned:
    """Return *reference* with the digest that is *known* of it, or that a registry says when it may be asked."""
    parsed = references.parse(reference)
    name, digest = reference.partition("@")[0], parsed.digest
    if digest is None and known is not None and known.reference == name:
        digest = known.digest
    if digest is None and ask:
        digest = _asked(world, parsed)
    return Pinned(reference=name, digest=digest)


def said_of(reference: str) -> BaseImage:
    """Return what a reference says; a copy in another registry says what the official one says."""
    image = base_image(reference)
    return image if image.kind else base_image(reference.rpartition("/")[2])


def target_of(reference: str, platform: Platform) -> Target | None:
    """Return what wheels a base takes, as its name says it; None when the name does not."""
    image = said_of(reference)
    if image.libc is None or image.series is None:
        return None
    known = catalogue().find_base(f"python:{reference.rpartition(':')[2]}")
    libc = Libc(
        family="musl" if image.libc.family == "musl" else "glibc",
        major=image.libc.version[0],
        minor=image.libc.version[1],
    )
    patch = image.patch if image.patch is not None else 99
    version = known.version if known and known.version else "{}.{}.{}".format(*image.series, patch)
    return Target(platform=platform, libc=libc, version=version)


def _asked(world: World, reference: references.Reference) -> str | None:
    from tare.stores.registry.source import RegistrySource

    try:
        return RegistrySource(world.registries, reference).resolve().digest
    except NetworkError as error:
        cause = error.causes[0] if error.causes else error.message
        world.reporter.warn(f"`{reference.familiar}` is not pinned by its digest: {cause}")
        return None


def check_series(reference: str, project: Project, world: World) -> None:
    """Raise `TargetError` when the series that *reference* names is none that the project accepts."""
    if fits(reference, project):
        return
    series = "{}.{}".format(*(said_of(reference).series or ()))
    raise TargetError(
        f"`{reference}` has CPython {series}, and `{project.name or 'the project'}` is not for it",
        causes=(f'`requires-python = "{project.requires_python}"`',),
        hints=(f"Name another one, such as `--base {default_reference(project, world)}`",),
    )


def for_a_base(error: TargetError) -> TargetError:
    """Return *error* with hints for who has no `--python`: here the base decides what the interpreter is."""
    slim = catalogue().official.slim
    hints = tuple(re.sub(r"`--python (\d+\.\d+)`", rf"`--base python:\1-{slim}`", hint) for hint in error.hints)
    return TargetError(error.message, causes=error.causes, hints=hints)


def fits(reference: str, project: Project) -> bool:
    """Return whether the series that *reference* names is one the project accepts; a name that says nothing may be."""
    from tare.projects.selection import specifier

    series = said_of(reference).series
    if series is None or not project.requires_python:
        return True
    wanted = specifier(project.requires_python)
    return any(wanted.contains("{}.{}.{}".format(*series, patch)) for patch in range(60))
