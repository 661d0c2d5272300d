"""Make the virtual environment that everything in the Makefile runs in.

    python3 tools/bootstrap.py [--venv DIRECTORY] {run,dev}

`run` has what tare itself needs, `dev` adds the tools for tests and lint. Both install exactly what is pinned with
hashes in `requirements/`, and put `src` on the path of the environment; tare itself is not built for that, so no build
backend is fetched. Nothing is done, within milliseconds, when the environment is as it should be.

A Debian machine "with Python" often has neither `ensurepip` nor `pip`. So, in this order:

1. `python3 -m venv`, where ensurepip is there;
2. an installed `uv`, or an installed `pip` that can serve another environment (22.3 or newer);
3. as root: Debian's package for ensurepip, with `apt-get install`;
4. as anyone: Debian's wheel of pip, fetched with `apt-get download` into private directories under `.cache`.

The index, its credentials and certificates are whatever `pip`, `uv` and `apt` are configured for on the machine.
Only the standard library is used, and only syntax that an older Python can parse, so that it can say what is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bootstrap"
OLDEST = (3, 11)
STAMP = "tare-bootstrap.json"
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/ca-bundle.pem",  # openSUSE
)


class BootstrapError(Exception):
    """An expected failure: *message*, why (*causes*), and what to do (*hints*)."""

    def __init__(self, message: str, causes: list[str], hints: list[str]) -> None:
        super().__init__(message)
        self.message = message
        self.causes = causes
        self.hints = hints


class CommandError(Exception):
    """A program failed; its last words are the message."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the virtual environment of this checkout.")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="where (default: .venv)")
    parser.add_argument("set", choices=["run", "dev"], help="what tare needs, or that and the tools for development")
    arguments = parser.parse_args()
    try:
        use_new_enough_python()
        bootstrap(arguments.venv.absolute(), arguments.set)
    except BootstrapError as error:
        lines = ["error: " + error.message, *("  caused by: " + cause for cause in error.causes), ""]
        print("\n".join(lines + ["hint: " + hint for hint in error.hints]), file=sys.stderr)
        return 2
    return 0


def use_new_enough_python() -> None:
    """Replace this process by one of a newer Python on PATH, when this one is too old."""
    if sys.version_info >= OLDEST:
        return
    for name in ("python3.14", "python3.13", "python3.12", "python3.11"):
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", ""], check=False, capture_output=True).returncode == 0:
            say(f"{sys.executable} is Python {own_version()}; using {found}")
            os.execv(found, [found, *sys.argv])
    raise BootstrapError(
        "tare needs Python 3.11 or newer",
        [f"{sys.executable} is Python {own_version()}, and PATH has no newer one"],
        ["Install a newer Python, or name one: make demo PYTHON=/path/to/python3.13"],
    )


def bootstrap(venv: Path, wanted: str) -> None:
    stamp, fresh = read_stamp(venv), stamp_for(wanted)
    if stamp in (fresh, stamp_for("dev")):
        return
    environment = install_environment(dict(os.environ))
    if stamp.get("python") != fresh["python"] or not runs(python_of(venv)):
        make_venv(venv, environment)
    install(venv, ROOT / "requirements" / f"{wanted}.txt", environment)
    add_tare(venv)
    (venv / STAMP).write_text(json.dumps(fresh), encoding="utf-8")


def stamp_for(wanted: str) -> dict[str, str]:
    """Return what an environment with the set *wanted* was made from."""
    files = [Path(__file__), *(ROOT / "requirements" / f"{name}.txt" for name in ("run", "dev"))]
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
    python = f"{own_version()} of {sys.base_prefix}"
    return {"set": wanted, "digest": digest, "python": python, "root": str(ROOT)}


def read_stamp(venv: Path) -> dict[str, str]:
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if python_of(venv).exists() else {}


def install_environment(environment: dict[str, str]) -> dict[str, str]:
    """Return *environment* so that pip and uv trust what the machine trusts, and install where they are told.

    Both have certificates of their own, which do not know a company's authority. REQUESTS_CA_BUNDLE is what pip reads
    after its own option, variable and configuration, so nothing that a person has set is overridden.
    """
    for name in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PYTHONHOME"):
        environment.pop(name, None)
    bundle = environment.get("SSL_CERT_FILE") or next(filter(os.path.exists, SYSTEM_BUNDLES), None)
    if bundle:
        environment.setdefault("REQUESTS_CA_BUNDLE", bundle)
        environment.setdefault("UV_SYSTEM_CERTS", "1")
    environment.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    environment["PIP_ROOT_USER_ACTION"] = "ignore"
    return environment


def make_venv(venv: Path, environment: dict[str, str]) -> None:
    """Make *venv* anew, with pip in it when ensurepip can put it there."""
    say(f"making {shown(venv)} with CPython {own_version()}")
    create = [sys.executable, "-m", "venv", "--clear"]
    if has_module("ensurepip"):
        try:
            run([*create, str(venv)], environment)
        except CommandError:
            pass  # some systems ship ensurepip without the wheel that it installs
        else:
            return
    try:
        run([*create, "--without-pip", str(venv)], environment)
    except CommandError as error:
        raise BootstrapError(
            f"cannot make {shown(venv)}",
            [str(error)],
            ["The module `venv` is part of Python; on Debian it comes with the package python3"],
        ) from error


def install(venv: Path, requirements: Path, environment: dict[str, str]) -> None:
    """Install *requirements* with the first of the installers that there is; see the top of this file."""
    causes = []
    for find in (own_pip, own_uv, installed_uv, installed_pip, debian_ensurepip, debian_pip_wheel):
        try:
            command = find(venv, environment)
            if command is None:
                continue
            say(f"installing {shown(requirements)}")
            run([*command, "--require-hashes", "-r", str(requirements)], environment)
        except CommandError as error:
            causes.append(f"{find.__name__.replace('_', ' ')}: {error}")
            if "hash" in str(error).lower():  # not what was pinned: another installer must not get a say
                hints = ["Do not install what the index serves; its files are not the ones that were pinned"]
                raise BootstrapError(f"cannot install {shown(requirements)}", causes, hints) from error
        else:
            return
    raise BootstrapError(
        f"cannot install {shown(requirements)}",
        causes or ["there is no ensurepip, uv or pip, and no apt-get to fetch one with"],
        [
            "Check that pip can reach an index: PIP_INDEX_URL, PIP_CERT and HTTPS_PROXY are read from the environment",
            "Or give this Python a pip: on Debian, as root, apt-get install python3-venv",
        ],
    )


def own_pip(venv: Path, _environment: dict[str, str]) -> list[str] | None:
    return pip_install(str(python_of(venv))) if has_module("pip", python_of(venv)) else None


def own_uv(venv: Path, _environment: dict[str, str]) -> list[str] | None:
    """The environment's uv, there since `run` was installed: uv is one of tare's dependencies."""
    uv = python_of(venv).with_name("uv.exe" if os.name == "nt" else "uv")
    return uv_install(str(uv), venv) if runs(uv) else None


def installed_uv(venv: Path, _environment: dict[str, str]) -> list[str] | None:
    uv = shutil.which("uv")
    return uv_install(uv, venv) if uv and runs(Path(uv)) else None


def installed_pip(venv: Path, environment: dict[str, str]) -> list[str] | None:
    """The pip of this Python, which can serve another environment since 22.3."""
    if not has_module("pip"):
        return None
    outer = pip_install(sys.executable, "--python", str(python_of(venv)))
    try:
        run([*outer[: outer.index("install")], "--version"], environment)
    except CommandError:
        return None
    return outer


def debian_ensurepip(venv: Path, environment: dict[str, str]) -> list[str] | None:
    """As root, with Debian's own Python: the package that has ensurepip for this very series."""
    if os.name == "nt" or os.geteuid() != 0 or sys.base_prefix != "/usr" or not shutil.which("apt-get"):
        return None
    package = f"python3.{sys.version_info[1]}-venv"
    say(f"this Python has no ensurepip; installing {package} with apt-get")
    quiet = {**environment, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "Acquire::Retries=3"]
    install = [*apt, "install", "-y", "--no-install-recommends", package, "ca-certificates"]
    try:
        run(install, quiet)
    except CommandError:  # its lists are missing or old
        run([*apt, "update"], quiet)
        run(install, quiet)
    run([str(python_of(venv)), "-I", "-m", "ensurepip", "--upgrade", "--default-pip"], environment)
    return pip_install(str(python_of(venv)))


def debian_pip_wheel(venv: Path, environment: dict[str, str]) -> list[str] | None:
    """Without any right on the machine: Debian's wheel of pip, which runs as it is.

    apt verifies the package as always; only its lists and caches are ours.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return None
    wheel = next(CACHE.glob("files/usr/share/python-wheels/pip-*.whl"), None)
    if wheel is None:
        say("there is no pip; fetching Debian's wheel of it with apt-get download")
        fetch_debian_package("python3-pip-whl", environment)
        wheel = next(CACHE.glob("files/usr/share/python-wheels/pip-*.whl"), None)
    if wheel is None:
        raise CommandError("the package python3-pip-whl holds no wheel of pip")
    return pip_install(sys.executable, "--python", str(python_of(venv)), pip=[str(wheel / "pip")])


def fetch_debian_package(package: str, environment: dict[str, str]) -> None:
    """Unpack the newest *package* of the machine's own apt sources into the cache."""
    for directory in ("lists/partial", "archives/partial", "debs"):
        (CACHE / directory).mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-qq", "-o", f"Dir::State::Lists={CACHE}/lists", "-o", f"Dir::Cache={CACHE}"]
    apt += ["-o", "Acquire::Retries=3", "-o", "Acquire::Languages=none"]
    run([*apt, "-o", "APT::Update::Error-Mode=any", "update"], environment)
    run([*apt, "download", package], environment, cwd=CACHE / "debs")
    newest = max((CACHE / "debs").glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
    run(["dpkg-deb", "-x", str(newest), str(CACHE / "files")], environment)


def uv_install(uv: str, venv: Path) -> list[str]:
    return [uv, "pip", "install", "--quiet", "--python", str(python_of(venv))]


def pip_install(python: str, *options: str, pip: list[str] | None = None) -> list[str]:
    """Return the command of pip; `-I` where we can, so that no PYTHONPATH or user site of the machine takes part."""
    start = [python, *pip] if pip else [python, "-I", "-m", "pip"]
    return [*start, *options, "--quiet", "install", "--no-compile", "--no-warn-script-location"]


def add_tare(venv: Path) -> None:
    """Put `src` on the environment's path, and a `tare` beside its Python."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([str(python_of(venv)), "-c", code], check=True, capture_output=True, text=True)
    Path(done.stdout.strip(), "tare-checkout.pth").write_text(f"{ROOT / 'src'}\n", encoding="utf-8")
    script = python_of(venv).with_name("tare")
    if os.name == "nt":
        script.with_suffix(".cmd").write_text('@"%~dp0python.exe" -m tare %*\n', encoding="utf-8")
        return
    start = f"#!{python_of(venv)}\n"
    if " " in start or len(start) > 127:
        # No kernel reads this as an interpreter. A shell runs the second line; to Python it is a string.
        start = f"#!/bin/sh\n'''exec' \"{python_of(venv)}\" \"$0\" \"$@\"\n' '''\n"
    script.write_text(start + "import sys\n\nfrom tare.__main__ import main\n\nsys.exit(main())\n", encoding="utf-8")
    script.chmod(0o755)


def python_of(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def runs(program: Path) -> bool:
    """Tell whether *program* starts: a virtual environment outlives the Python that it was made from."""
    try:
        return subprocess.run([str(program), "--version"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def has_module(name: str, python: Path | None = None) -> bool:
    command = [str(python or sys.executable), "-I", "-c", f"import {name}"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def run(command: list[str], environment: dict[str, str], cwd: Path = ROOT) -> None:
    """Run *command* silently; when it fails, say how it ended."""
    # No path of the caller's may change what pip imports; what pip itself is told by its own variables stays.
    environment = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    nothing = subprocess.DEVNULL
    done = subprocess.run(
        command, check=False, env=environment, cwd=str(cwd), stdin=nothing, capture_output=True, text=True
    )
    if done.returncode != 0:
        said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in said if line.lower().startswith(("e:", "error"))]
        reason = (errors[:1] or said[-1:] or ["it said nothing"])[0]
        plain = [Path(command[0]).name, *(word for word in command[1:] if re.fullmatch(r"[a-z][a-z0-9.-]*", word))]
        raise CommandError(f"`{' '.join(plain)}` exited {done.returncode}: {reason}")


def own_version() -> str:
    return ".".join(str(number) for number in sys.version_info[:3])


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if ROOT in path.parents else str(path)


def say(line: str) -> None:
    print(f"bootstrap: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
