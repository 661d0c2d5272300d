"""What an image does without, by rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from tare.flow.slim.image import Slimmed
from tare.flow.slim.prove import Proof
from tare.oci.image import Image
from tare.plan.plan import Dropped
from tare.plan.slim import DEAD, Rule, Table, table
from tare.report.text import megabytes
from tare.wheels.kinds import inside

_SHOWN = 3
"""Places that are named for each rule; the document has all."""


def slim_lines(dropped: Sequence[Dropped], shortened: Sequence[Dropped], *, dead: int = 0) -> list[str]:
    """Return a paragraph for each rule that took something, the largest first; *dead* bytes are one of their own."""
    found = [(_bytes(files), _lines(code, files)) for code, files in _groups((*dropped, *shortened))]
    if dead:
        found.append((dead, [f"{megabytes(dead):>8}  {DEAD} safe  Files that a later layer replaces or removes"]))
    return [line for _, lines in sorted(found, key=lambda each: -each[0]) for line in lines]


def _lines(code: str, files: Sequence[Dropped]) -> list[str]:
    rule = next(rule for rule in table().rule if rule.code == code)
    what = "shortened" if rule.cut else "left out"
    lines = [f"{megabytes(_bytes(files)):>8}  {code} {rule.level}  {rule.title}: {_files(len(files))} {what}"]
    places = _places(files)
    lines += [f"            {path}" for path in places[:_SHOWN]]
    if len(places) > _SHOWN:
        lines.append(f"            and {len(places) - _SHOWN} more")
    return lines


def _places(files: Sequence[Dropped]) -> list[str]:
    """Return where *files* are, the place with most bytes first: a package, or a directory of the system."""
    found: dict[str, int] = {}
    for each in files:
        place = _place(each.path)
        found[place] = found.get(place, 0) + each.size
    return sorted(found, key=lambda place: (-found[place], place))


def _place(path: str) -> str:
    within = inside(path)
    if within == path:
        return f"/{path.rpartition('/')[0]}/"
    first, slash, _ = within.partition("/")
    return f"/{path.removesuffix(within)}{first}{slash}"


def slim_summary(dropped: Sequence[Dropped], shortened: Sequence[Dropped]) -> str:
    """Return one line: how much, and by which rules."""
    groups = _groups((*dropped, *shortened))
    total = sum(_bytes(files) for _, files in groups)
    parts = ", ".join(f"{code} {megabytes(_bytes(files))}" for code, files in groups)
    return f"slim: {megabytes(total)} left out ({parts})" if groups else "slim: nothing to leave out"


def losses(dropped: Sequence[Dropped]) -> list[str]:
    """Return a line for each rule that took something without which a program can no longer do all that it could."""
    taken = {each.code for each in dropped}
    return [
        f"{rule.code}: {rule.loss} (`--keep {rule.code}` keeps it)"
        for rule in table().rule
        if rule.loss and rule.code in taken
    ]


def slim_json(dropped: Sequence[Dropped], shortened: Sequence[Dropped]) -> list[dict[str, object]]:
    """Return the same for machines, with every path."""
    titles = {rule.code: rule for rule in table().rule}
    return [
        {
            "code": code,
            "level": titles[code].level,
            "title": titles[code].title,
            "reason": titles[code].reason,
            "loss": titles[code].loss or None,
            "bytes": _bytes(files),
            "files": len(files),
            "shortened": titles[code].cut,
            "paths": [f"/{each.path}" for each in files],
        }
        for code, files in _groups((*dropped, *shortened))
    ]


def _groups(files: Iterable[Dropped]) -> list[tuple[str, list[Dropped]]]:
    found: dict[str, list[Dropped]] = {}
    for each in files:
        found.setdefault(each.code, []).append(each)
    return sorted(found.items(), key=lambda group: (-_bytes(group[1]), group[0]))


def _bytes(files: Iterable[Dropped]) -> int:
    return sum(each.size for each in files)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def with_rules(page: str, known: Table) -> str:
    """Return `docs/slim.md` with the rules as the table has them."""
    start, end = "<!-- rules: written by tools/slim_page.py -->\n", "<!-- end of rules -->"
    before, _, rest = page.partition(start)
    after = rest.partition(end)[2]
    paragraphs = [_paragraph(rule) for rule in known.rule]
    kept = [
        f"- {', '.join(f'`{code}`' for code in each.rules)} keep {', '.join(f'`{path}`' for path in each.paths)}. "
        f"{each.reason}. ({each.source}; {each.date})"
        for each in known.exception
    ]
    body = "\n\n".join([*paragraphs, "### Exceptions", "\n".join(kept)])
    return f"{before}{start}\n{body}\n\n{end}{after}"


def _paragraph(rule: Rule) -> str:
    what = ", ".join([*(f"*{kind}*" for kind in rule.kinds), *(f"`{path}`" for path in rule.paths)])
    lines = [f"### {rule.code}: {rule.title} ({rule.level})", f"{rule.reason}. Takes {what}."]
    if rule.but:
        lines.append(f"Keeps {', '.join(f'`{path}`' for path in rule.but)}.")
    if rule.unless:
        lines.append(f"Keeps everything where there is use for it: {', '.join(rule.unless)}.")
    lines += [f"{text}." for text in (rule.loss, rule.caution) if text]
    lines.append(f"({rule.source}; {rule.date})")
    return f"{lines[0]}\n\n" + "\n".join(lines[1:])


def slim_text(image: Image, slim: Slimmed, proof: Proof | None) -> str:
    """Return what `tare slim` says."""
    before, after = _pull(image), _pull(slim.image)
    if slim.image.digest == image.digest:
        lines = ["nothing to leave out: the image is as it was"]
    else:
        old, new = slim.unpacked
        lines = [
            f"{megabytes(before)} to pull before, {megabytes(after)} after; "
            f"unpacked {megabytes(old)} before, {megabytes(new)} after",
            "",
        ]
        lines += slim_lines(slim.dropped, slim.shortened, dead=slim.dead)
        if lost := losses(slim.dropped):
            lines += ["", "no longer there:", *(f"  {line}" for line in lost)]
    if proof is not None:
        lines += ["", *proof_lines(proof)]
    return "\n".join(lines) + "\n"


def proof_lines(proof: Proof) -> list[str]:
    """Return what was proved, and what was not."""
    lines = [f"proved with {proof.engine}: {_modules(proof.imported)} can be imported as before"]
    if proof.check is not None:
        lines.append(f"  `{proof.check}` succeeds" if not proof.unsound else f"  `{proof.check}` was run")
    if proof.never:
        names = ", ".join(proof.never[:_SHOWN]) + (", …" if len(proof.never) > _SHOWN else "")
        lines.append(f"  not proved: {_modules(len(proof.never))} that could not be imported before either ({names})")
    if proof.left_out:
        lines.append(f"  not proved: {_modules(proof.left_out)} that rules took, such as tests")
    lines += [f"  missed: {each.what}: {each.error}" for each in proof.missed]
    lines += [
        f"  put back, against {each.code}: {', '.join(f'/{path}' for path in each.paths[:5])}"
        for each in proof.restored
    ]
    lines += [f"  still fails: {each.what}: {each.error}" for each in proof.unsound]
    return lines


def _modules(count: int) -> str:
    return "1 module" if count == 1 else f"{count:,} modules"


def slim_document(image: Image, slim: Slimmed, proof: Proof | None, *, reference: str, level: str) -> str:
    """Return what `tare slim --json` says (`docs/json.md`)."""
    document = {
        "schema": "tare.slim/1",
        "image": {"digest": slim.image.digest, "platform": str(slim.image.platform), "reference": reference},
        "from": {"digest": image.digest},
        "level": level,
        "pull": {"before": _pull(image), "after": _pull(slim.image)},
        "unpacked": {"before": slim.unpacked[0], "after": slim.unpacked[1]},
        "dead": slim.dead,
        "rules": slim_json(slim.dropped, slim.shortened),
        "proof": None if proof is None else msgspec.to_builtins(proof),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _pull(image: Image) -> int:
    return sum(layer.size for layer in image.manifest.layers)
