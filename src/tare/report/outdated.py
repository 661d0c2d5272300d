"""What is newer than in an image, as people read it, and as a document (`docs/outdated.md`)."""

from __future__ import annotations

import msgspec

from tare.flow.images.outdated import Checked
from tare.report.text import printable, shortened, table

SCHEMA = "tare.outdated/1"
WIDTH = 100


def outdated_text(checked: Checked) -> str:
    """Return the verdict, why, what is newer, and what could not be checked."""
    lines = [_verdict(checked), ""]
    lines += table([*_base(checked), ("packages", _packages(checked))]).splitlines()
    if checked.updates:
        rows = [("package", "installed", "available", "from")]
        rows += [
            (
                printable(each.name),
                printable(each.installed),
                printable(each.available),
                each.archive + (" (security)" if each.security and not each.archive.endswith("-security") else ""),
            )
            for each in checked.updates
        ]
        lines += ["", *table(rows).splitlines()]
    if checked.unknown:
        lines += ["", "Not checked:"]
        lines += [shortened(f"  {each.part}: {printable(each.reason)}", 400) for each in checked.unknown]
    lines += ["", *(f"note: {note}" for note in checked.notes)] if checked.notes else []
    return "\n".join(lines) + "\n"


def _verdict(checked: Checked) -> str:
    security = sum(each.security for each in checked.updates)
    reasons = ["its base has moved"] if checked.base.status == "moved" and not checked.updates else []
    if checked.updates:
        count = len(checked.updates)
        reasons.append(
            f"{count} package{' has an update' if count == 1 else 's have updates'}, {security or 'none'} of security"
        )
    if reasons:
        return f"OUTDATED: {checked.reference} ({checked.platform}): {'; '.join(reasons)}"
    if checked.unknown:
        return f"nothing newer was found for {checked.reference} ({checked.platform}); not everything was checked"
    return f"up to date: {checked.reference} ({checked.platform})"


def _base(checked: Checked) -> list[tuple[str, str]]:
    base = checked.base
    name = printable(base.name) if base.name else "unknown"
    if base.status == "unknown":
        return [("base", f"{name}: not checked")]
    rows = [("base", f"{name}: {base.status}, {printable(base.reason)}")]
    if base.digest and base.now:
        rows.append(("", f"it was {base.digest[:19]}…, and is {base.now[:19]}…"))
    return rows


def _packages(checked: Checked) -> str:
    if checked.suite is None:
        return f"none compared{'; ' + printable(checked.os) if checked.os else ''}"
    days = {each.date[:10] for each in checked.archives}
    if len(days) == 1:
        archives = f"{', '.join(each.name for each in checked.archives)} of {days.pop()}"
    else:
        archives = ", ".join(f"{each.name} of {each.date[:10]}" for each in checked.archives)
    return f"{checked.compared} of {checked.packages} compared with {archives}"


def outdated_json(checked: Checked) -> str:
    """Return the document."""
    base = checked.base
    document = {
        "schema": SCHEMA,
        "image": {
            "reference": checked.reference,
            "digest": checked.digest,
            "platform": str(checked.platform),
            "os": checked.os,
        },
        "outdated": checked.outdated,
        "complete": not checked.unknown,
        "base": {
            "name": base.name,
            "digest": base.digest,
            "status": base.status,
            "reason": base.reason,
            "now": base.now,
        },
        "packages": {
            "suite": checked.suite,
            "archives": [msgspec.to_builtins(each) for each in checked.archives],
            "installed": checked.packages,
            "compared": checked.compared,
            "updates": [msgspec.to_builtins(each) for each in checked.updates],
        },
        "unknown": [{"part": each.part, "reason": each.reason} for each in checked.unknown],
        "notes": list(checked.notes),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
