"""The same images through skopeo, umoci and podman: what they refuse, and what they let pass. Prints a table.

    unshare --mount --net -- env PYTHONPATH=src:tests/support python tests/validate/peers.py DIRECTORY

Needs root and namespaces of its own: the images are hostile and the programs unpack them, so there is no network, and
all but DIRECTORY, an empty one, is made read-only first. Takes some minutes. What each program said is in DIRECTORY/peers.tsv.
"""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from images import unsound_documents as documents
from images import unsound_layers as layers
from images import unsound_layouts as layouts
from images.cases import Case
from images.parts import TAG
from images.sound import all_sound

from tare.oci import validate

SECONDS = 20
"""A program that takes longer for an image of some kilobytes hangs."""

GROUPS = {
    "the layout": layouts.LAYOUTS,
    "JSON": layouts.JSON,
    "descriptors": documents.DESCRIPTORS,
    "indexes": documents.INDEXES,
    "manifests": documents.MANIFESTS,
    "configs": documents.CONFIGS,
    "platforms": documents.PLATFORMS,
    "compression": layers.COMPRESSION,
    "archives": layers.ARCHIVES,
    "entries": layers.ENTRIES,
    "links": layers.LINKS,
    "whiteouts": layers.WHITEOUTS,
    "sound, or legal with a warning": all_sound(),
}
OURS = "tare verify"
SOUND = "sound, or legal with a warning"
Command = Callable[[str, Path], list[str]]


@dataclass(frozen=True)
class Peer:
    """A program, and how it is asked to take an image."""

    name: str
    command: Command


def skopeo(reference: str, work: Path) -> list[str]:
    return ["skopeo", "copy", "--quiet", reference, f"dir:{work}/dir"]


def umoci(reference: str, work: Path) -> list[str]:
    return ["umoci", "unpack", "--image", reference.removeprefix("oci:"), f"{work}/bundle"]


def podman(reference: str, work: Path) -> list[str]:
    place = [
        "--root",
        f"{work}/root",
        "--runroot",
        f"{work}/run",
        "--tmpdir",
        f"{work}/state",
        "--storage-driver",
        "vfs",
    ]
    return ["podman", *place, "pull", "--quiet", reference]


PEERS = (
    Peer("skopeo copy oci: dir:", skopeo),
    Peer("umoci unpack", umoci),
    Peer("podman pull oci:", podman),
)


def main(directory: Path) -> None:
    confine(directory)
    results: dict[tuple[str, str], Counter[str]] = {}
    with (directory / "peers.tsv").open("w") as log:
        for group, case in cases():
            layout = case.write(directory / "layout")
            if can_be_asked_for(case, layout):
                kind = group if is_unsound(case) else SOUND
                for peer in PEERS:
                    verdict, said = ask(peer, layout, directory / "work")
                    results.setdefault((kind, peer.name), Counter())[verdict] += 1
                    log.write(f"{kind}\t{case.name}\t{peer.name}\t{verdict}\t{said}\n")
                ours = "accepted" if validate.layout(layout).valid else "refused"
                results.setdefault((kind, OURS), Counter())[ours] += 1
            shutil.rmtree(layout)
    sys.stdout.writelines(f"{line}\n" for line in table(results))


def is_unsound(case: Case) -> bool:
    return any(validate.rule(code).severity == "error" for code in case.codes)


def can_be_asked_for(case: Case, layout: Path) -> bool:
    """Leave out layouts whose only defect is elsewhere than in the image that a program is asked for."""
    return not is_unsound(case) or not validate.layout(layout, tag="1.0" if tagged(layout) else None).valid


def confine(directory: Path) -> None:
    """Make everything read-only but *directory* and what programs need for a while."""
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "-o", "size=2g", "peers", str(directory))
    for place in ("/run", "/var/tmp"):  # noqa: S108  # in this namespace alone
        run("mount", "-t", "tmpfs", "peers", place)
    run("mount", "-o", "remount,bind,ro", "/")


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def cases() -> Iterator[tuple[str, Case]]:
    """Yield every case with the name of its group."""
    for group, members in GROUPS.items():
        for case in members:
            yield group, case


def tagged(layout: Path) -> bool:
    try:
        return TAG.encode() in (layout / "index.json").read_bytes()
    except OSError:
        return False


def ask(peer: Peer, layout: Path, work: Path) -> tuple[str, str]:
    """Return whether *peer* refuses the image, and its last words."""
    work.mkdir()
    reference = f"oci:{layout}:1.0" if tagged(layout) or peer.name.startswith("umoci") else f"oci:{layout}"
    try:
        done = subprocess.run(
            peer.command(reference, work),
            check=False,
            capture_output=True,
            timeout=SECONDS,
            cwd=work,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return "hung", ""
    finally:
        shutil.rmtree(work, ignore_errors=True)
    words = done.stderr.decode(errors="replace").strip().splitlines()
    return ("accepted" if done.returncode == 0 else "refused"), words[-1][:200] if words else ""


def table(results: dict[tuple[str, str], Counter[str]]) -> Iterator[str]:
    names = [OURS, *(peer.name for peer in PEERS)]
    yield f"| {dt.date.today().isoformat()} | {' | '.join(names)} |"  # noqa: DTZ011
    yield "|---" * (len(names) + 1) + "|"
    kinds = list(dict.fromkeys(kind for kind, _ in results))
    for kind in [*(kind for kind in kinds if kind != SOUND), "all defects", SOUND]:
        rows = [sums(results, kind, name) for name in names]
        right = "accepted" if kind == SOUND else "refused"
        cells = [f"{row[right]}" + (f" ({row['hung']} hung)" if row["hung"] else "") for row in rows]
        yield f"| {kind}: {sum(rows[0].values())} | {' | '.join(cells)} |"


def sums(results: dict[tuple[str, str], Counter[str]], kind: str, name: str) -> Counter[str]:
    """Return the counts of one kind of image, or of all kinds with defects."""
    total: Counter[str] = Counter()
    for (group, peer), counts in results.items():
        if peer == name and (group == kind or (kind == "all defects" and group != SOUND)):
            total += counts
    return total


if __name__ == "__main__":
    main(Path(sys.argv[1]))
