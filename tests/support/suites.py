"""A suite of Debian from which a whole base can be assembled: an interpreter whose facts are read as those of a real one."""

from __future__ import annotations

from pathlib import Path

from make.base_images import debian, python
from mirror import Content, Mirror, Package, Symlink, base_packages, make_key, public

LIBRARIES = "usr/lib/x86_64-linux-gnu"


def a_suite(root: Path, *packages: Package) -> Mirror:
    """Publish a mirror of trixie below *root*, with *packages* besides."""
    mirror = Mirror(root / "mirror")
    mirror.add(*_python(base_packages()), *packages)
    mirror.publish()
    return mirror


def variables(mirror: Mirror) -> dict[str, str]:
    """Return the environment that names *mirror* and its key."""
    keyring = mirror.root / "archive.gpg"
    keyring.write_bytes(public(make_key(mirror.key)))
    return {
        "TARE_DEBIAN_MIRROR": f"{mirror.root.as_uri()}/archive",
        "TARE_DEBIAN_SECURITY_MIRROR": f"{mirror.root.as_uri()}/security",
        "TARE_DEBIAN_KEYRING": str(keyring),
    }


def _python(packages: list[Package]) -> list[Package]:
    system, interpreter = debian(), python()
    program = interpreter["usr/bin/python3.13"]
    assert isinstance(program, bytes)
    modules: dict[str, Content] = {
        path: data for path, data in interpreter.items() if isinstance(data, bytes) and path.startswith("usr/lib/")
    }
    loader = f"{LIBRARIES}/ld-linux-x86-64.so.2"
    libc: dict[str, Content] = {
        path: data for path in (f"{LIBRARIES}/libc.so.6", loader) if isinstance(data := system[path], bytes)
    }
    libc["usr/lib64/ld-linux-x86-64.so.2"] = Symlink("../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    for package in packages:
        if package.name == "python3.13-minimal":
            package.files = {"usr/bin/python3.13": program}
        elif package.name == "libpython3.13-stdlib":
            package.files = {**package.files, **modules}
            package.files.pop("usr/lib/python3.13/os.py", None)
        elif package.name == "libc6":
            package.files = libc
    return packages
