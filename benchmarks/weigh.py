"""How long `tare weigh` takes for an image of 1 GB, beside `gzip -dc | sha256sum` over its layers, and whether its sizes are right.

python benchmarks/weigh.py [IMAGE]      alone; IMAGE is a layout, `DIR` or `DIR:TAG`, instead of the one that is made
"""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fixture import Tare
from harness import interleave, timed
from peers import NotMeasuredError
from results import Section, megabytes, page, seconds

from tare.oci import compression, media_types
from tare.oci.config import ImageConfig, RootFS
from tare.oci.descriptor import Descriptor
from tare.oci.image import FileBlob, make_image
from tare.stores.cache import hash_file
from tare.stores.layout_writer import LayoutDestination

ABOUT = """\
An image of 1 GB is made of this machine's own `/usr`: four layers, compressed with `gzip -6`. `tare weigh --json` and
`gzip -dc LAYER | sha256sum` of every layer, one after the other, are run in turns. The sizes are held against `skopeo inspect` and against
the files of `umoci unpack`, where those are installed."""

SIZE = 1_000_000_000
LAYERS = 4
GOAL = 1.5
LIMIT = 200_000_000
OURS, THEIRS, AGAIN = "tare weigh", "gzip | sha256sum", "gzip | sha256sum, again"


def measure(tare: Tare, scratch: Path, *, rounds: int, budget: float, image: str | None = None) -> Section:
    section = Section(title="Weighing an image", about=ABOUT)
    name = image or make(scratch / "large", SIZE)
    layers = paths(name)

    def theirs() -> float:
        def pipes() -> None:
            for layer in layers:
                hashed(layer)

        return timed(pipes)

    found = interleave(
        {OURS: lambda: tare.run("weigh", f"oci:{name}", "--json").seconds, THEIRS: theirs, AGAIN: theirs},
        rounds=rounds,
        seconds=budget,
    )
    section.raw = found.figures
    ratio = found.ratio(OURS, THEIRS)
    section.add("an image of 1 GB", seconds(found.median(OURS)))
    section.add("its layers through gzip and sha256sum", seconds(found.median(THEIRS)))
    section.add("ratio", f"**{ratio}**", f"≤ {GOAL}", met=ratio.median <= GOAL)
    section.noise(found.ratio(AGAIN, THEIRS))
    peak = tare.peak("weigh", f"oci:{name}", "--json")
    section.add("memory at most", f"**{megabytes(peak)}**", f"≤ {megabytes(LIMIT)}", met=peak <= LIMIT)
    check(section, tare, name, scratch)
    return section


def check(section: Section, tare: Tare, name: str, scratch: Path) -> None:
    """Compare the sizes with those of other tools."""
    sizes = json.loads(tare.run("weigh", f"oci:{name}", "--json").stdout)["sizes"]
    if shutil.which("skopeo"):
        layers = json.loads(output("skopeo", "inspect", "--raw", f"oci:{name}"))["layers"]
        other = sum(layer["size"] for layer in layers)
        section.add("to pull, and by `skopeo inspect`", f"{sizes['pull']:,} and {other:,}", met=sizes["pull"] == other)
    else:
        section.missing("to pull, by `skopeo inspect`", "skopeo is not installed")
    if shutil.which("umoci") and os.geteuid() == 0:
        target = scratch / "unpacked"
        try:
            output("umoci", "unpack", "--image", name if ":" in name else f"{name}:latest", str(target))
            other = extracted(target / "rootfs")
        finally:
            shutil.rmtree(target, ignore_errors=True)
        section.add(
            "root file system, and by `umoci unpack`",
            f"{sizes['rootfs']:,} and {other:,}",
            met=sizes["rootfs"] == other,
        )
    else:
        section.missing("root file system, by `umoci unpack`", "umoci is not installed, or this is not root")


def extracted(root: Path) -> int:
    """Return the bytes of the regular files below *root*, one with several names counted once."""
    seen: dict[tuple[int, int], int] = {}
    for parent, _, names in os.walk(root):
        for name in names:
            found = os.lstat(os.path.join(parent, name))
            if stat.S_ISREG(found.st_mode):
                seen[found.st_dev, found.st_ino] = found.st_size
    return sum(seen.values())


def make(directory: Path, size: int) -> str:
    """Write an image of *size* bytes of this machine's files, and return its name."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    files = _files(size)
    blobs, diff_ids = [], []
    for number in range(LAYERS):
        diff_id, plain = _write(directory / f"{number}.tar", files, size // LAYERS)
        diff_ids.append(diff_id)
        with (directory / f"{number}.gz").open("wb") as out:
            subprocess.run(["gzip", "-6", "-n", "-c", str(plain)], check=True, stdout=out)
        plain.unlink()
        path = directory / f"{number}.gz"
        descriptor = Descriptor(media_type=media_types.LAYER_GZIP, digest=hash_file(path), size=path.stat().st_size)
        blobs.append(FileBlob(descriptor=descriptor, path=path))
    config = ImageConfig(architecture="amd64", os="linux", rootfs=RootFS(type="layers", diff_ids=tuple(diff_ids)))
    LayoutDestination(directory / "image", ("latest",)).write(make_image(config, tuple(blobs), {}))
    for blob in blobs:
        blob.path.unlink()
    return f"{directory / 'image'}:latest"


def _files(size: int) -> Iterator[Path]:
    """Yield regular files of this machine, again under other names where there are not enough."""
    for parent, directories, names in os.walk("/usr"):
        directories.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
                yield path
    raise NotMeasuredError(f"`/usr` has less than {megabytes(size)}")


def _write(path: Path, files: Iterator[Path], size: int) -> tuple[str, Path]:
    """Write a layer of *size* bytes, and return its diff ID and path."""
    left = size
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        while left > 0:
            file = next(files)
            data = file.read_bytes()[:left]
            info = tarfile.TarInfo(str(file)[1:])
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
            left -= len(data)
    return hash_file(path), path


def paths(name: str) -> list[tuple[Path, str]]:
    """Return the layers of a layout's image, with how each is compressed."""
    directory, _, tag = name.partition(":")
    root = Path(directory)
    index = json.loads((root / "index.json").read_bytes())["manifests"]
    key = "org.opencontainers.image.ref.name"
    chosen = next(each for each in index if not tag or each.get("annotations", {}).get(key) == tag)
    manifest = json.loads(_blob(root, chosen["digest"]).read_bytes())
    layers = [_blob(root, layer["digest"]) for layer in manifest["layers"]]
    return [(layer, _compression(layer)) for layer in layers]


def _blob(root: Path, digest: str) -> Path:
    return root / "blobs" / digest.replace(":", "/")


def _compression(layer: Path) -> str:
    with layer.open("rb") as file:
        return compression.sniff(file.read(4))


def hashed(layer: tuple[Path, str]) -> None:
    """Run the pipe over one layer."""
    path, kind = layer
    program = {"gzip": ["gzip", "-dc"], "zstd": ["zstd", "-dc"], "none": ["cat"]}[kind]
    with subprocess.Popen([*program, str(path)], stdout=subprocess.PIPE) as inflate:
        subprocess.run(["sha256sum"], check=True, stdin=inflate.stdout, stdout=subprocess.DEVNULL)


def output(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        kept = Tare(cache=Path(place, "cache"))
        argument = sys.argv[1] if len(sys.argv) > 1 else None
        print(page([measure(kept, Path(place), rounds=5, budget=120, image=argument)], preface=""))
