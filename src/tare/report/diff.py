"""How two images differ, as people read it and as a document (`docs/diff.md`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from tare.measure.difference import Difference, PackageChange
from tare.report.documents import dumped
from tare.report.text import megabytes, printable, shortened, table

SCHEMA: Final = "tare.diff/1"
_TOP: Final = 20


def diff_text(difference: Difference, *, top: int | None = _TOP) -> str:
    """Return the difference; *top* is how many rows a part has at most, None all."""
    if difference.same_digest:
        return f"the same image, to the byte: {difference.before.digest}\n"
    parts = [_sides(difference)]
    if difference.equal:
        return f"{parts[0]}\n{_verdict(difference)}\n"
    parts += [
        _layers(difference),
        _part("distributions", _rows(difference.distributions), top),
        _part("kinds", [(each.after - each.before, each.kind, "") for each in difference.kinds], top),
        _files(difference, top),
        _config(difference),
    ]
    return "\n".join(part for part in parts if part)


def _verdict(difference: Difference) -> str:
    what = "files and configuration are the same"
    return f"{what}, times and order aside" if difference.semantic else what


def _sides(difference: Difference) -> str:
    before, after = difference.before, difference.after
    rows = [("", "to pull", "unpacked", "root file system", "")]
    rows += [
        (
            sign,
            _size(side.sizes.pull),
            megabytes(side.sizes.unpacked),
            megabytes(side.sizes.rootfs),
            "  ".join(filter(None, (printable(side.reference), side.platform, (side.digest or "")[:19]))),
        )
        for sign, side in (("-", before), ("+", after))
    ]
    pull = (
        signed(after.sizes.pull - before.sizes.pull)
        if after.sizes.pull is not None and before.sizes.pull is not None
        else ""
    )
    unpacked = signed(after.sizes.unpacked - before.sizes.unpacked)
    rows.append(("", pull, unpacked, signed(after.sizes.rootfs - before.sizes.rootfs), ""))
    return table(rows, right=frozenset({1, 2, 3})) + "\n"


def _layers(difference: Difference) -> str:
    shared = [layer for layer in difference.layers if layer.how == "shared"]
    added = [layer for layer in difference.layers if layer.how == "added"]
    if not difference.layers:
        return ""
    size = megabytes(sum(layer.size for layer in shared))
    fresh = megabytes(sum(layer.size for layer in added))
    return (
        f"layers: {len(shared)} of {len(shared) + len(added)} are there already ({size}); "
        f"{len(added)} {'is' if len(added) == 1 else 'are'} new ({fresh})\n"
    )


def _rows(changes: Sequence[PackageChange]) -> list[tuple[int, str, str]]:
    return [
        (each.after_bytes - each.before_bytes, printable(f"{each.name} {_versions(each)}"), each.ecosystem)
        for each in changes
    ]


def _versions(change: PackageChange) -> str:
    if change.before is None:
        return f"{change.after} (new)"
    if change.after is None:
        return f"{change.before} (gone)"
    return change.after if change.before == change.after else f"{change.before} → {change.after}"


def _part(title: str, rows: Sequence[tuple[int, str, str]], top: int | None) -> str:
    if not rows:
        return ""
    lines = [(signed(size), shortened(name, 70), more) for size, name, more in rows[:top]]
    rest = rows[len(lines) :]
    if rest:
        lines.append((signed(sum(row[0] for row in rest)), f"{len(rest)} more", ""))
    return f"{title}\n{table(lines, right=frozenset({0}))}\n"


def _files(difference: Difference, top: int | None) -> str:
    if not difference.files:
        return ""
    by_how = {how: [each for each in difference.files if each.how == how] for how in ("added", "removed", "changed")}
    counts = ", ".join(f"{len(files):,} {how}" for how, files in by_how.items() if files)
    rows = [
        (each.bytes if each.how == "added" else -each.bytes, "+" if each.how == "added" else "-", each.path, "")
        for each in difference.trees
    ]
    rows += [
        ((each.after or 0) - (each.before or 0), "~", each.path, ", ".join(each.what)) for each in by_how["changed"]
    ]
    rows.sort(key=lambda row: -abs(row[0]))
    lines = [(signed(size), sign, shortened(printable(path), 96), more) for size, sign, path, more in rows[:top]]
    rest = len(rows) - len(lines)
    if rest:
        lines.append(("", "", f"{rest:,} more", ""))
    return f"files: {counts}\n{table(lines, right=frozenset({0}))}\n"


def _config(difference: Difference) -> str:
    if not difference.config:
        return ""
    lines = []
    for each in difference.config:
        lines.append(f"  {printable(each.field)}")
        if each.before is not None:
            lines.append(f"    - {shortened(printable(each.before), 110)}")
        if each.after is not None:
            lines.append(f"    + {shortened(printable(each.after), 110)}")
    return "configuration\n" + "\n".join(lines) + "\n"


def signed(size: int) -> str:
    """Return a difference of sizes.

    >>> signed(-1500), signed(0), signed(12)
    ('-1.5 kB', '0 B', '+12 B')
    """
    return ("-" if size < 0 else "+" if size else "") + megabytes(abs(size))


def _size(size: int | None) -> str:
    return "unknown" if size is None else megabytes(size)


def diff_json(difference: Difference) -> str:
    """Return the document."""
    document = {
        "schema": SCHEMA,
        "equal": difference.equal,
        "semantic": difference.semantic,
        "before": msgspec.to_builtins(difference.before),
        "after": msgspec.to_builtins(difference.after),
        "layers": msgspec.to_builtins(difference.layers),
        "files": msgspec.to_builtins(difference.files),
        "trees": msgspec.to_builtins(difference.trees),
        "distributions": msgspec.to_builtins(difference.distributions),
        "kinds": msgspec.to_builtins(difference.kinds),
        "config": msgspec.to_builtins(difference.config),
    }
    return dumped(document)


def diff_markdown(difference: Difference, *, top: int = _TOP) -> str:
    """Return the difference as Markdown, for a pull request."""
    if difference.same_digest:
        return f"The same image, to the byte: `{difference.before.digest}`\n"
    before, after = difference.before, difference.after
    lines = [
        "| | to pull | unpacked | root file system |",
        "|---|--:|--:|--:|",
        *(
            f"| {_md(side.reference)} | {_size(side.sizes.pull)} | {megabytes(side.sizes.unpacked)} "
            f"| {megabytes(side.sizes.rootfs)} |"
            for side in (before, after)
        ),
        f"| | | **{signed(after.sizes.unpacked - before.sizes.unpacked)}** "
        f"| **{signed(after.sizes.rootfs - before.sizes.rootfs)}** |",
        "",
    ]
    if difference.equal:
        return "\n".join([*lines, _verdict(difference).capitalize() + ".", ""])
    lines += [
        *_md_rows(("distribution", ""), [(name, size) for size, name, _ in _rows(difference.distributions)[:top]])
    ]
    lines += [*_md_rows(("kind", ""), [(each.kind, each.after - each.before) for each in difference.kinds[:top]])]
    if difference.files:
        counts = {how: sum(each.how == how for each in difference.files) for how in ("added", "removed", "changed")}
        lines += ["Files: " + ", ".join(f"{count:,} {how}" for how, count in counts.items() if count) + ".", ""]
    if difference.config:
        lines += ["| configuration | before | after |", "|---|---|---|"]
        lines += [
            f"| {_md(each.field)} | {_md(each.before or '')} | {_md(each.after or '')} |" for each in difference.config
        ]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _md_rows(head: tuple[str, str], rows: Sequence[tuple[str, int]]) -> Iterator[str]:
    if rows:
        yield f"| {head[0]} | {head[1]} |"
        yield "|---|--:|"
        yield from (f"| {_md(name)} | {signed(size)} |" for name, size in rows)
        yield ""


def _md(text: str) -> str:
    return printable(text).replace("|", "\\|").replace("<", "&lt;")
