"""Whole base images: what `debian:trixie` with its own Python says of itself, in a few kilobytes."""

from __future__ import annotations

from pathlib import Path

from make.bases import GLIBC, Layer, library, stdlib, sysconfig_data, write_layer
from make.elves import AMD64, ARM64, make_elf
from make.images import image, raw_layer
from tare.oci.image import Image
from tare.stores.layout_writer import LayoutDestination

_MACHINES = {"amd64": (AMD64, "x86_64", "ld-linux-x86-64.so.2"), "arm64": (ARM64, "aarch64", "ld-linux-aarch64.so.1")}


def debian(architecture: str = "amd64") -> Layer:
    """Return the root file system of a Debian without Python."""
    machine, name, loader = _MACHINES[architecture]
    libraries = f"usr/lib/{name}-linux-gnu"
    return {
        "bin": "usr/bin",
        "lib": "usr/lib",
        "lib64": "usr/lib64",
        f"usr/lib64/{loader}": f"../lib/{name}-linux-gnu/{loader}",
        f"{libraries}/{loader}": library(loader, machine=machine),
        f"{libraries}/libc.so.6": library("libc.so.6", machine=machine, provides=("GLIBC_2.41",), content=GLIBC),
        "usr/lib/os-release": b'ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n',
        "etc/os-release": "../usr/lib/os-release",
        "etc/ld.so.conf": b"",
    }


def python(architecture: str = "amd64", version: str = "3.13.5") -> Layer:
    """Return what Debian's packages of an interpreter add to it."""
    machine, name, loader = _MACHINES[architecture]
    series = version.rpartition(".")[0]
    soabi = f"cpython-{series.replace('.', '')}-{name}-linux-gnu"
    return {
        "usr/bin/python3": f"python{series}",
        f"usr/bin/python{series}": make_elf(
            needed=["libc.so.6"], machine=machine, interpreter=f"/lib64/{loader}", content=f"\0{version}\0".encode()
        ),
        **stdlib(f"usr/lib/python{series}"),
        f"usr/lib/python{series}/_sysconfigdata__linux_{name}-linux-gnu.py": sysconfig_data(soabi, "'x'", shared=0),
    }


def base_image(architecture: str = "amd64", *, version: str = "3.13.5", **config: object) -> Image:
    """Return an image of two layers, not compressed, so that its digest is the same everywhere."""
    layers = (debian(architecture), python(architecture, version))
    settings = {"env": ("PATH=/usr/local/bin:/usr/bin",), "entrypoint": ("python3",), **config}
    return image(
        *(raw_layer(write_layer(layer), compressed=False) for layer in layers), architecture=architecture, **settings
    )


def write_base(directory: Path, *images: Image) -> Path:
    """Write *images* into a layout, as an index when there are several."""
    from tare.oci.image import make_index

    LayoutDestination(directory).write(images[0] if len(images) == 1 else make_index(images, {}))
    return directory
