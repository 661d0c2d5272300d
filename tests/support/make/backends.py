"""A build backend that lies in the project itself and needs nothing, so that no index is asked for it."""

from __future__ import annotations

BACKEND = '''\
"""Puts every module below `src` into a wheel, and writes down that it ran."""

import base64, hashlib, os, pathlib, time, zipfile

NAME, VERSION, TAG, FAILS = "demo", "1.0", "py3-none-any", False
SCRIPTS = "[console_scripts]\\ndemo = demo:main\\n"


def build_wheel(directory, config_settings=None, metadata_directory=None):
    place = pathlib.Path(os.environ["PLACE"])
    with open(place / "runs", "a") as runs:
        runs.write("run\\n")
    (place / "building").touch()
    while (place / "hold").exists():
        time.sleep(0.02)
    if FAILS:
        raise SystemExit("demo: there is no compiler")
    info = f"{NAME}-{VERSION}.dist-info"
    files = {str(path.relative_to("src")): path.read_bytes() for path in sorted(pathlib.Path("src").rglob("*.py"))}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\\nName: {NAME}\\nVersion: {VERSION}\\n".encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: {TAG}\\n".encode()
    files[f"{info}/entry_points.txt"] = SCRIPTS.encode()
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\\n"
        for name, data in files.items()
    )
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\\n".encode()
    filename = f"{NAME}-{VERSION}-{TAG}.whl"
    with zipfile.ZipFile(pathlib.Path(directory, filename), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return filename


def build_sdist(directory, config_settings=None):
    raise SystemExit("demo: a wheel is to be made of the tree itself, without an sdist between")
'''

MANIFEST = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "demo"
version = "1.0"
[project.scripts]
demo = "demo:main"
"""

PROJECT = {
    "pyproject.toml": MANIFEST,
    "backend.py": BACKEND,
    "src/demo/__init__.py": "def main():\n    print('one')\n",
    "src/demo/other.py": "VALUE = 1\n",
}
"""The files of a project that is built by it.

In the directory that the variable PLACE names, `runs` gets a line for each run, and it waits while there is `hold`.
"""
