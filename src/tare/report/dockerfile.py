"""What `tare dockerfile` has written or would write, and what a build's context is."""

from __future__ import annotations

import difflib
import os

import msgspec

from tare.dockerfile.generate.recipe import Pinned
from tare.dockerfile.generate.tooling import is_mounted_whole
from tare.flow.dockerfiles.context import Context
from tare.flow.dockerfiles.document import Document
from tare.flow.dockerfiles.write import Written
from tare.report.text import megabytes, printable, table

SCHEMA = "tare.dockerfile/1"
_SHOWN = 12
"""Directories and files that are listed."""


def dockerfile_text(written: Written, *, dry: bool) -> str:
    """Return one line for each file, and what was decided."""
    recipe = written.recipe
    rows = [(document.path, _state(document, dry=dry)) for document in written.documents]
    rows.append(("base", _pinned(recipe.base)))
    install = recipe.install
    if install:
        origin = f", from {install.lock}" if install.lock else ""
        named = "uv" if is_mounted_whole(install) else install.tool.requirement or "pip"
        rows.append(("installs with", f"{named}{origin}"))
        rows += [("uv of", _pinned(install.image))] if install.image else []
        rows += (
            [("leaves out", f"{install.slim.files:,} files of {megabytes(install.slim.size)}")] if install.slim else []
        )
    if recipe.build_packages:
        rows.append(("build packages", f"{' '.join(recipe.build_packages)}, for {', '.join(recipe.built)}"))
    if recipe.run_packages:
        rows.append(("run packages", " ".join(recipe.run_packages)))
    argv = (*recipe.entrypoint, *recipe.cmd)
    rows.append(("runs", f"{' '.join(argv) or 'nothing'}, as {recipe.user}"))
    return table([(name, printable(text)) for name, text in rows]) + "\n"


def _pinned(image: Pinned) -> str:
    pinned = f"pinned to {image.digest[:19]}…" if image.digest else "not pinned by its digest"
    return f"{image.reference}, {pinned}"


def _state(document: Document, *, dry: bool) -> str:
    if not document.changed:
        return "unchanged"
    would = "would be " if dry else ""
    return f"{would}{'written' if document.old is None else 'changed'}"


def difference(documents: tuple[Document, ...]) -> str:
    """Return how the files that are there differ from what they would be."""
    lines: list[str] = []
    for document in documents:
        lines += difflib.unified_diff(
            (document.old or "").splitlines(keepends=True),
            document.new.splitlines(keepends=True),
            document.path if document.old is not None else os.devnull,
            document.path,
        )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def context_text(context: Context, *, before: Context | None) -> str:
    """Return what a build is sent, what stays, and the largest things of both kinds."""
    rows = [("path", "size", "sent")]
    for part in context.parts[:_SHOWN]:
        sent = (
            ""
            if not part.size
            else "all"
            if part.sent == part.size
            else megabytes(part.sent)
            if part.sent
            else "nothing"
        )
        rows.append((printable(part.path), megabytes(part.size), sent))
    more = len(context.parts) - _SHOWN
    lines = [
        f"{megabytes(context.size)} lie in the project; a build is sent {megabytes(context.sent)} in {context.files:,} files.",
        f"`.dockerignore` saves {megabytes(context.saved)} each time.",
    ]
    if before is not None and before.sent != context.sent:
        lines.append(f"Without this command's changes it would be {megabytes(before.sent)}.")
    lines += ["", *table(rows).splitlines()]
    lines += [f"… and {more} more"] if more > 0 else []
    return "\n".join(lines) + "\n"


def context_data(context: Context, before: Context | None) -> dict[str, object]:
    return {
        "size": context.size,
        "sent": context.sent,
        "saved": context.saved,
        "files": context.files,
        "sent_before": before.sent if before else None,
        "parts": [{"path": part.path, "size": part.size, "sent": part.sent} for part in context.parts],
    }


def dockerfile_json(written: Written, context: Context | None, before: Context | None) -> str:
    """Return the document of `--json`."""
    recipe = written.recipe
    install = recipe.install
    image, slim = (install.image, install.slim) if install else (None, None)
    document = {
        "schema": SCHEMA,
        "project": recipe.title,
        "fits": not any(document.changed for document in written.documents),
        "base": {"reference": recipe.base.reference, "digest": recipe.base.digest},
        "tool": install.tool.name if install else None,
        "tool_image": {"reference": image.reference, "digest": image.digest} if image else None,
        "left_out": {"files": slim.files, "size": slim.size, "patterns": list(slim.patterns)} if slim else None,
        "build_packages": list(recipe.build_packages),
        "run_packages": list(recipe.run_packages),
        "built_from_source": list(recipe.built),
        "entrypoint": list(recipe.entrypoint),
        "cmd": list(recipe.cmd),
        "files": [{"path": each.path, "changed": each.changed, "content": each.new} for each in written.documents],
        "context": context_data(context, before) if context else None,
        "notes": list(written.notes),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
