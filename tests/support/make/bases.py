"""Bases: root file systems as layers, with files that say what real ones say."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from typing import BinaryIO

from make.elves import AMD64, make_elf
from tare.oci.config import ImageConfig, RootFS, RunConfig

Layer = Mapping[str, bytes | str | None]
"""By path: a file's content, where a link points, or None for a directory. A hard link points to `=path`."""

GLIBC = b"\0GNU C Library (Debian GLIBC 2.41-12+deb13u3) stable release version 2.41.\nCopyright\0"
MUSL = b"\0musl libc (x86_64)\nVersion %s\nDynamic Program Loader\n\0" + b"\0" + b"1.2.5\0"


def write_layer(layer: Layer) -> bytes:
    """Return an uncompressed tar of *layer*, in its order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in layer.items():
            entry = tarfile.TarInfo(path)
            if content is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, str):
                entry.type = tarfile.LNKTYPE if content.startswith("=") else tarfile.SYMTYPE
                entry.linkname = content.removeprefix("=")
            else:
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def openers(*layers: Layer) -> list[Callable[[], BinaryIO]]:
    def opener(data: bytes) -> Callable[[], BinaryIO]:
        return lambda: io.BytesIO(data)

    return [opener(write_layer(layer)) for layer in layers]


def config(*env: str, architecture: str = "amd64", variant: str | None = None, user: str = "") -> ImageConfig:
    return ImageConfig(
        architecture=architecture,
        variant=variant,
        os="linux",
        rootfs=RootFS(type="layers", diff_ids=()),
        config=RunConfig(env=env, user=user),
    )


def library(
    soname: str, *, machine: int = AMD64, provides: tuple[str, ...] = (), content: bytes = b"", bits: int = 64
) -> bytes:
    return make_elf(soname=soname, machine=machine, provides=provides, content=content, bits=bits)


def sysconfig_data(soabi: str, arguments: str, *, shared: int) -> bytes:
    """Return what `_sysconfigdata` looks like, with its literals broken over lines as `pprint` breaks them."""
    half = len(arguments) // 2
    return (
        "# system configuration generated and used by the sysconfig module\n"
        f"build_time_vars = {{'ABIFLAGS': '',\n 'CONFIG_ARGS': {arguments[:half]!r}\n                {arguments[half:]!r},\n"
        f" 'EXT_SUFFIX': '.{soabi}.so',\n 'Py_ENABLE_SHARED': {shared},\n 'SOABI': '{soabi}',\n 'VERSION': '3.13'}}\n"
    ).encode()


DEBIAN: dict[str, bytes | str | None] = {
    "usr/": None,
    "bin": "usr/bin",
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "usr/bin/apt-get": b"\x7fELF",
    "usr/bin/dash": b"\x7fELF",
    "usr/bin/sh": "dash",
    "usr/lib64/ld-linux-x86-64.so.2": "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": library("ld-linux-x86-64.so.2"),
    "usr/lib/x86_64-linux-gnu/libc.so.6": library("libc.so.6", provides=("GLIBC_2.41",), content=GLIBC),
    "usr/lib/x86_64-linux-gnu/libstdc++.so.6": "libstdc++.so.6.0.33",
    "usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.33": library("libstdc++.so.6", provides=("GLIBCXX_3.4.33",)),
    "usr/lib/os-release": b'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n'
    b"VERSION_CODENAME=trixie\n",
    "etc/os-release": "../usr/lib/os-release",
    "etc/ld.so.cache": b"glibc-ld.so.cache1.1",
    "etc/ld.so.conf": b"include /etc/ld.so.conf.d/*.conf\n",
    "etc/ld.so.conf.d/libc.conf": b"# libc default configuration\n/usr/local/lib\n",
    "etc/ssl/certs/ca-certificates.crt": b"-----BEGIN CERTIFICATE-----\n",
}
"""What `debian:trixie-slim` is."""

_PACKAGES = (
    "asyncio",
    "ctypes",
    "email",
    "ensurepip",
    "json",
    "multiprocessing",
    "sqlite3",
    "tkinter",
    "venv",
    "zoneinfo",
)


def stdlib(directory: str, *, without: tuple[str, ...] = ()) -> dict[str, bytes | str | None]:
    """Return the modules by which a complete standard library is known."""
    files = {"os": "os.py", "contextvars": "contextvars.py"} | {name: f"{name}/__init__.py" for name in _PACKAGES}
    return {f"{directory}/{path}": b"#" for name, path in files.items() if name not in without}


DEBIAN_PYTHON: dict[str, bytes | str | None] = {
    "usr/bin/python3": "python3.13",
    "usr/bin/python3.13": make_elf(
        needed=["libc.so.6"], interpreter="/lib64/ld-linux-x86-64.so.2", content=b"\0GLIBC_3.13.9\0" + b"3.13.5\0"
    ),
    **stdlib("usr/lib/python3.13", without=("tkinter",)),
    "usr/lib/python3.13/__pycache__/os.cpython-313.pyc": b"\0",
    "usr/lib/python3.13/EXTERNALLY-MANAGED": b"[externally-managed]",
    "usr/lib/python3.13/_sysconfigdata__linux_x86_64-linux-gnu.py": sysconfig_data(
        "cpython-313-x86_64-linux-gnu", "'--enable-shared' '--prefix=/usr'", shared=1
    ),
    "usr/lib/python3.13/_sysconfigdata__x86_64-linux-gnu.py": "_sysconfigdata__linux_x86_64-linux-gnu.py",
    "usr/lib/python3/dist-packages/six-1.17.0.egg-info": b"Metadata-Version: 2.1\n",
}
"""What the packages `python3-minimal` and `libpython3.13-stdlib` bring: a static build, with the record of a shared one."""

OFFICIAL_PYTHON: dict[str, bytes | str | None] = {
    "usr/local/bin/python": "python3",
    "usr/local/bin/python3": "python3.13",
    "usr/local/bin/python3.13": make_elf(
        needed=["libpython3.13.so.1.0", "libc.so.6"],
        runpath="$ORIGIN/../lib",
        interpreter="/lib64/ld-linux-x86-64.so.2",
    ),
    "usr/local/lib/libpython3.13.so.1.0": library("libpython3.13.so.1.0", content=b"\0003.13.14\0003.2.0\0"),
    **stdlib("usr/local/lib/python3.13"),
    "usr/local/lib/python3.13/_sysconfigdata__linux_x86_64-linux-gnu.py": sysconfig_data(
        "cpython-313-x86_64-linux-gnu", "'--enable-optimizations' '--enable-shared' '--with-lto'", shared=1
    ),
    "usr/local/lib/python3.13/site-packages/pip-25.1.dist-info/METADATA": b"Name: pip\n",
    "usr/local/lib/python3.13/site-packages/Typing_Extensions-4.1.dist-info/METADATA": b"Name: x\n",
}
"""What the official image adds to its base."""
