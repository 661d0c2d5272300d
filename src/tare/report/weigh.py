"""What an image weighs, as people read it (`docs/weigh.md`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tare.measure.weighed import Weighed, WeighedLayer, WeighedPackage
from tare.report.text import megabytes, printable, shortened, table

_BAR: Final = 16
"""Characters of the longest bar."""
_TOP: Final = 12
_PATHS: Final = 2


def weigh_text(weighed: Weighed, *, name: str, top: int | None = _TOP) -> str:
    """Return the accounts; *top* is how many rows a table has at most, None all."""
    parts = [
        _sizes(weighed, name),
        _layers(weighed.layers),
        _distributions(weighed, top),
        _bars("by kind", [(part.bytes, part.name, _count(part.files)) for part in weighed.kinds], top),
        _bars("by directory", [(part.bytes, part.name, _count(part.files)) for part in weighed.directories], top),
        _bars("by file", [(part.bytes, part.name, "") for part in weighed.largest], top),
        _findings(weighed),
        "".join(f"note: {printable(note)}\n" for note in weighed.notes),
    ]
    return "\n".join(part for part in parts if part)


def _sizes(weighed: Weighed, name: str) -> str:
    sizes = weighed.sizes
    about = [printable(name), weighed.platform or "", weighed.digest[:19] + "…" if weighed.digest else ""]
    rows = [
        (_size(sizes.pull), "to pull", "the compressed layers, which is what a registry sends"),
        (megabytes(sizes.unpacked), "unpacked", "the files of all layers"),
        (megabytes(sizes.rootfs), "root file system", "the files that a container sees"),
        (megabytes(sizes.waste), "dead", "files that a later layer replaced or removed, and everyone pulls"),
    ]
    if weighed.digest is None:
        rows = [(megabytes(sizes.rootfs), "in all", "")]
    lines = ["  ".join(part for part in about if part), "", table(rows, right=frozenset({0}))]
    if sizes.store is not None:
        lines += [
            "",
            f"`docker images` shows about {megabytes(sizes.unpacked)}; with the containerd store, which keeps the",
            f"compressed layers too, about {megabytes(sizes.store)}.",
        ]
    elif weighed.digest is not None:
        lines += ["", f"`docker images` shows about {megabytes(sizes.unpacked)}."]
    return "\n".join(lines) + "\n"


def _layers(layers: Sequence[WeighedLayer]) -> str:
    if not layers:
        return ""
    rows = [("layer", "pull", "unpacked", "dead", "made by")]
    rows += [
        (
            str(layer.number),
            _size(layer.size),
            megabytes(layer.unpacked),
            megabytes(layer.unpacked - layer.rootfs) if layer.unpacked > layer.rootfs else "",
            shortened(printable(layer.instruction), 70) or "(not told)",
        )
        for layer in layers
    ]
    return table(rows, right=frozenset({0, 1, 2, 3})) + "\n"


def _distributions(weighed: Weighed, top: int | None) -> str:
    rows = [(each.unpacked, _named(each), each.ecosystem) for each in weighed.distributions if each.unpacked]
    if not rows:
        return ""
    if weighed.unattributed:
        rows.append((weighed.unattributed, "(files of no package)", ""))
        rows.sort(key=lambda row: -row[0])
    return _bars("by distribution", rows, top)


def _named(package: WeighedPackage) -> str:
    return shortened(printable(f"{package.name} {package.version}"), 44)


def _bars(title: str, rows: Sequence[tuple[int, str, str]], top: int | None) -> str:
    """Return a table whose rows have a bar each."""
    if not rows:
        return ""
    shown = [*rows[:top]]
    rest = rows[len(shown) :]
    most = max(size for size, _, _ in rows) or 1
    lines = [(megabytes(size), _bar(size, most), printable(name), more) for size, name, more in shown]
    if rest and title not in {"by directory", "by file"}:  # They are the largest of many more.
        size = sum(each[0] for each in rest)
        lines.append((megabytes(size), _bar(size, most), f"{len(rest)} more", ""))
    return f"{title}\n{table(lines, right=frozenset({0}))}\n"


def _bar(size: int, most: int) -> str:
    """Return a bar of eighths of a character."""
    eighths = min(_BAR * 8, round(_BAR * 8 * size / most))
    full, rest = divmod(eighths, 8)
    return ("█" * full + " ▏▎▍▌▋▊▉"[rest]).rstrip().ljust(_BAR)


def _findings(weighed: Weighed) -> str:
    found = [finding for finding in weighed.findings if finding.bytes]
    notes = [finding for finding in weighed.findings if not finding.bytes]
    if not found and not notes:
        return "nothing was found that could go\n"
    safe = weighed.savings
    more = sum(finding.bytes for finding in found) - safe
    whole = weighed.sizes.unpacked or 1
    lines = [
        f"what could go: {megabytes(safe)} safely ({100 * safe / whole:.0f} %), {megabytes(more)} more after a look"
    ]
    for finding in (*found, *notes):
        size = megabytes(finding.bytes) if finding.bytes else ""
        layers = f"; layer {', '.join(map(str, finding.layers))}" if weighed.layers and finding.layers else ""
        lines += ["", f"{size:>9}  {finding.code} {finding.safety:<4}  {finding.title}"]
        lines.append(f"           {printable(finding.message)}{layers}")
        if finding.safety != "note":
            lines += [f"             {shortened(printable(path), 105)}" for path in finding.paths[:_PATHS]]
            if len(finding.paths) > _PATHS:
                lines.append(f"             and {len(finding.paths) - _PATHS:,} more")
        lines.append(f"           fix: {finding.fix}")
    return "\n".join(lines) + "\n"


def _size(size: int | None) -> str:
    return "unknown" if size is None else megabytes(size)


def _count(files: int) -> str:
    return f"{files:,} file{'' if files == 1 else 's'}"


def weigh_markdown(weighed: Weighed, *, name: str, top: int = _TOP) -> str:
    """Return the accounts as Markdown, for a pull request or a summary of CI."""
    sizes = weighed.sizes
    lines = [
        f"## {_md(name)}",
        "",
        "| to pull | unpacked | root file system | dead |",
        "|--:|--:|--:|--:|",
        f"| {_size(sizes.pull)} | {megabytes(sizes.unpacked)} | {megabytes(sizes.rootfs)} | {megabytes(sizes.waste)} |",
        "",
        *_md_table(
            ("what could go", "", "bytes", "how"),
            "llrl",
            [
                (f"`{each.code}` {each.title}", each.safety, megabytes(each.bytes), each.fix)
                for each in weighed.findings
                if each.bytes
            ],
        ),
        *_md_table(
            ("layer", "pull", "unpacked", "dead", "made by"),
            "rrrrl",
            [
                (
                    str(each.number),
                    _size(each.size),
                    megabytes(each.unpacked),
                    megabytes(each.unpacked - each.rootfs),
                    shortened(printable(each.instruction), 100),
                )
                for each in weighed.layers
            ],
        ),
        *_md_table(
            ("distribution", "from", "unpacked"),
            "llr",
            [
                (f"{each.name} {each.version}", each.ecosystem, megabytes(each.unpacked))
                for each in weighed.distributions[:top]
            ],
        ),
        *_md_table(
            ("kind", "files", "bytes"),
            "lrr",
            [(k.name, f"{k.files:,}", megabytes(k.bytes)) for k in weighed.kinds[:top]],
        ),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _md_table(head: Sequence[str], align: str, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield f"| {' | '.join(head)} |"
        yield f"|{'|'.join('--:' if each == 'r' else '---' for each in align)}|"
        yield from (f"| {' | '.join(map(_md, row))} |" for row in rows)
        yield ""


def _md(text: str) -> str:
    """Return *text* so that it neither ends a cell nor becomes a tag."""
    return printable(text).replace("|", "\\|").replace("<", "&lt;")
