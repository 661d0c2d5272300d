"""Images into a registry, without a build: `tare copy` beside `skopeo copy`, and the memory that a large layer takes.

    python benchmarks/push.py [--rounds N] [--large BYTES]

It needs Debian's `docker-registry` and, for the comparison, `skopeo`. `make bench` has it as `copies`.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from fixture import Tare, spawn
from harness import interleave
from machine import environment
from peers import ROOT, SCIENCE, lab
from results import Section, megabytes, page, seconds

LIMIT = 200_000_000
TITLE = "Copy into a registry"

ABOUT = """\
The image of `examples/science`, in a layout, is copied into `docker-registry` on loopback: into a repository that has
nothing of it, into one that has every layer under another tag, and onto a tag that is the image already. skopeo does the
same. Memory is the largest resident set while a layout with one large layer of zeros is pushed."""

CASES = ("nothing there", "every layer there", "nothing changed")


def measure(tare: Tare, registry: str, scratch: Path, *, rounds: int, budget: float, large: int = 1 << 30) -> Section:
    """Measure all cases for *rounds* rounds, and the memory for a layer of *large* bytes."""
    section = Section(title=TITLE, about=ABOUT)
    layout = scratch / "science"
    tare.run("build", str(SCIENCE), "-o", f"oci:{layout}:1")
    tools = {"tare": lambda target: _tare(tare, registry, layout, target)}
    if shutil.which("skopeo"):
        tools["skopeo"] = lambda target: _skopeo(tare, registry, layout, target)
    cases = {f"{tool}, {case}": made for tool, copy in tools.items() for case, made in _cases(tool, copy).items()}
    cases["tare, nothing changed, again"] = cases["tare, nothing changed"]
    found = interleave(cases, rounds=rounds, seconds=budget)
    section.raw.update(found.figures)
    for case in CASES:
        told = "; ".join(f"{tool} {seconds(found.median(f'{tool}, {case}'))}" for tool in tools)
        section.add(f"{case}, median of {found.count(f'tare, {case}')}", told)
        if "skopeo" in tools:
            section.add(f"{case}: tare's time to skopeo's", str(found.ratio(f"tare, {case}", f"skopeo, {case}")))
    section.noise(found.ratio("tare, nothing changed, again", "tare, nothing changed"))
    if "skopeo" not in tools:
        section.missing("skopeo", "it is not installed")
    _memory(section, tare, registry, scratch, large)
    return section


def alone(tare: Tare, scratch: Path, *, rounds: int, budget: float, large: int = 1 << 30) -> Section:
    """Measure with a registry that is started for it in *scratch*, or say why not."""
    before, lab.LAB = lab.LAB, scratch
    try:
        service = lab.start_registry()
    except OSError as error:
        return missing(str(error))
    finally:
        lab.LAB = before
    try:
        return measure(tare, service["address"], scratch, rounds=rounds, budget=budget, large=large)
    finally:
        lab.end("registry", service)


def missing(why: str) -> Section:
    """Return the section of a machine that has no registry."""
    section = Section(title=TITLE, about=ABOUT)
    for case in CASES:
        section.missing(f"{case}: tare's time to skopeo's", why)
    section.missing("memory", why, f"≤ {megabytes(LIMIT)}")
    return section


def _cases(tool: str, copy: Callable[[str], float]) -> dict[str, Callable[[], float]]:
    fresh = itertools.count()
    copy(f"{tool}/held:first")
    return {
        "nothing there": lambda: copy(f"{tool}/fresh-{next(fresh)}:1"),
        "every layer there": lambda: copy(f"{tool}/held:tag-{next(fresh)}"),
        "nothing changed": lambda: copy(f"{tool}/held:first"),
    }


def _tare(tare: Tare, registry: str, layout: Path, target: str) -> float:
    return tare.run("copy", f"oci:{layout}:1", f"{registry}/{target}").seconds


def _skopeo(tare: Tare, registry: str, layout: Path, target: str) -> float:
    command = [
        "skopeo",
        "copy",
        "--quiet",
        "--dest-tls-verify=false",
        f"oci:{layout}:1",
        f"docker://{registry}/{target}",
    ]
    return spawn(command, environment(tare.cache)).seconds


def _memory(section: Section, tare: Tare, registry: str, scratch: Path, size: int) -> None:
    layout = scratch / "large"
    _write_large(layout, size)
    what = f"memory, a layer of {megabytes(size)}"
    peak = tare.peak("copy", f"oci:{layout}", f"{registry}/large:1")
    section.raw[what] = [peak]
    section.add(what, f"**{megabytes(peak)}**", f"≤ {megabytes(LIMIT)}", met=peak <= LIMIT)
    shutil.rmtree(layout)


def _write_large(layout: Path, size: int) -> None:
    """Write a layout whose one layer is a tar of nothing but its end: zeros, which take no room on the disk."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    layer = hashlib.sha256()
    for _ in range(size // (1 << 20)):
        layer.update(bytes(1 << 20))
    with (blobs / layer.hexdigest()).open("wb") as file:
        file.truncate(size)
    kind = "application/vnd.oci.image"
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{layer.hexdigest()}"]}
    config = _write(blobs, {"architecture": "amd64", "os": "linux", "rootfs": rootfs})
    described = {"mediaType": f"{kind}.layer.v1.tar", "digest": f"sha256:{layer.hexdigest()}", "size": size}
    manifest = {"schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json", "layers": [described]}
    top = _write(blobs, {**manifest, "config": {"mediaType": f"{kind}.config.v1+json", **config}})
    index = {"schemaVersion": 2, "manifests": [{"mediaType": f"{kind}.manifest.v1+json", **top}]}
    (layout / "index.json").write_text(json.dumps(index), encoding="ascii")
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="ascii")


def _write(blobs: Path, document: object) -> dict[str, object]:
    data = json.dumps(document).encode()
    name = hashlib.sha256(data).hexdigest()
    (blobs / name).write_bytes(data)
    return {"digest": f"sha256:{name}", "size": len(data)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure pushes of tare and of skopeo.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--large", type=int, default=1 << 30, metavar="BYTES", help="the size of the large layer")
    arguments = parser.parse_args()
    home = ROOT / ".cache" / "bench"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        large = arguments.large >> 20 << 20
        section = alone(Tare(cache=home / "tare"), Path(scratch), rounds=arguments.rounds, budget=300, large=large)
    print(page([section], preface=""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
