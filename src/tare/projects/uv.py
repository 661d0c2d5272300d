"""The one client of uv: it resolves, exports its lock, and builds wheels in isolation.

uv knows the default index, private indexes, credentials and the resolver; nothing of that is written twice. It is
never let download an interpreter, and never told a credential on its command line, where `ps` shows it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence

import msgspec

from tare.errors import MachineError, ProjectError
from tare.projects import memo
from tare.projects.process import Finished, Runner, run
from tare.projects.project import digest
from tare.projects.watched import in_lock, listing

_FIXED = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
"""What every run of uv is told."""

_DROPPED = frozenset({
    "UV_FROZEN", "UV_LOCKED", "UV_PROJECT", "UV_WORKING_DIR", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_FORMAT",
    "UV_NO_EDITABLE", "UV_DEV", "UV_NO_DEV", "UV_NO_GROUP", "UV_NO_DEFAULT_GROUPS", "UV_OUTPUT_FILE", "VIRTUAL_ENV",
    "UV_PROJECT_ENVIRONMENT", "UV_PYTHON_PLATFORM", "COLUMNS",
})  # fmt: skip
"""Variables that are meant for another use of uv, and would contradict the options given here, or break its lines."""

_SECRET = ("_PASSWORD", "_USERNAME", "_TOKEN")


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of uv as it is remembered."""

    lock: bytes
    trees: dict[str, str | None]
    """Digests of the manifests of source trees that it names: uv has read them."""


class Uv(msgspec.Struct, frozen=True, kw_only=True):
    """uv, and all that decides what it answers."""

    python: str
    """The interpreter that runs tare; uv builds with it where a distribution has no metadata."""

    env: Mapping[str, str]
    """The environment that uv is run with: its own variables, proxies, certificates, `HOME`."""

    program: str | None = None
    """The binary; `None`: the one of the `uv` distribution, otherwise the one on `PATH`."""

    offline: bool = False

    find_links: tuple[str, ...] = ()
    """Absolute directories, or pages, with distributions, beside the index."""

    memo: str | None = None
    """The directory where answers are remembered; `None`: nowhere."""

    refresh: bool = False
    """Whether to ask indexes again although the answer is remembered, here or by uv."""

    runner: Runner = run

    def __repr__(self) -> str:
        return f"Uv(program={self.program!r})"  # the environment has credentials

    def export(self, *, what: str, directory: str, args: Sequence[str], inputs: Sequence[bytes]) -> bytes:
        """Return a lock of uv as `pylock.toml`. *inputs* is the content of every file that uv will read."""
        options = ("export", "--format", "pylock.toml", "--no-header", "--no-editable", *args)
        return self._answer(what, (*options, *self._options()), directory, inputs, b"")

    def compile(
        self,
        *,
        what: str,
        directory: str,
        python: str,
        stdin: str = "",
        args: Sequence[str],
        inputs: Sequence[bytes] = (),
    ) -> bytes:
        """Return requirements, resolved for every platform with *python*, as `pylock.toml`.

        *args* name the files that have them, whose content is *inputs*; `-` is *stdin*.
        """
        options = ("pip", "compile", "--universal", "--format", "pylock.toml", "--no-header")
        wanted = ("--python-version", python, "--python", self.python)
        answer = (*options, *wanted, *self._options(), *args)
        return self._answer(what, answer, directory, inputs, stdin.encode())

    def index_of(self, requirement: str, *, directory: str, python: str, options: Sequence[str] = ()) -> str | None:
        """Return the index that has *requirement*, without credentials; None if it comes from elsewhere.

        *options* are lines of a requirements file that name indexes. Nothing depends on the answer, so an index that
        does not answer is not asked again.
        """
        asked = ("pip", "compile", "--universal", "--no-deps", "--no-header", "--emit-index-annotation")
        wanted = ("--python-version", python, "--python", self.python, *self._options(), "-")
        stdin = "\n".join((*options, requirement, "")).encode()
        what = f"cannot find `{requirement}`"
        answer = self._run(what, (*asked, *wanted), directory, stdin, {"UV_HTTP_RETRIES": "0"}).stdout
        found = re.search(r"^ *# from (https?://\S+)$", answer.decode(), re.MULTILINE)
        return found[1] if found else None

    def build_wheel(
        self, source: str, out_dir: str, *, python: str | None = None, epoch: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> str:  # fmt: skip
        """Build *source*, a directory or an sdist, in isolation; return the path of the one wheel in *out_dir*.

        *epoch* becomes `SOURCE_DATE_EPOCH`, *settings* the configuration of the build backend. The wheel's tags are
        the caller's to check: a backend may compile for the machine that it runs on.
        """
        import shutil
        import tempfile

        os.makedirs(out_dir, exist_ok=True)
        options = [part for key, value in sorted((settings or {}).items()) for part in ("-C", f"{key}={value}")]
        env = {} if epoch is None else {"SOURCE_DATE_EPOCH": str(epoch)}
        what = f"cannot build `{os.path.basename(os.path.normpath(source))}`"
        with tempfile.TemporaryDirectory(dir=out_dir, prefix=".build-") as scratch:
            wanted = ("--out-dir", scratch, "--no-create-gitignore", "--python", python or self.python)
            args = ("build", "--wheel", *wanted, *options, *self._options(), "--", os.path.abspath(source))
            self._run(what, args, os.path.dirname(os.path.abspath(source)), b"", env)
            wheels = sorted(name for name in os.listdir(scratch) if name.endswith(".whl"))
            if len(wheels) != 1:
                raise ProjectError(what, causes=(f"its build backend made {len(wheels)} wheels",))
            final = os.path.join(out_dir, wheels[0])
            shutil.move(os.path.join(scratch, wheels[0]), final)
        return final

    def settings(self, directory: str) -> tuple[str, ...]:
        """Return what decides uv's answers besides its input, as parts of a memo's key. No credential is among them."""
        from tare.projects.redaction import split

        named = self.env.get("UV_FIND_LINKS", "").replace(",", " ").split()
        return (
            self._fingerprint(),
            "offline" if self.offline else "",
            *(f"{place} {listing(place)}" for place in dict.fromkeys((*self.find_links, *named))),
            *(f"{name}={split(value)[0]}" for name, value in sorted(self.env.items()) if _decides(name)),
            *(_digest(path) for path in self.configuration(directory)),
        )

    def _answer(self, what: str, args: Sequence[str], directory: str, inputs: Sequence[bytes], stdin: bytes) -> bytes:
        asked = (part for part in args if part != "--refresh")
        key = memo.key("uv", (*self.settings(directory), directory, *asked, stdin, *inputs))
        known = None if self.refresh else memo.decoded(memo.recall(self.memo, key), _Answer)
        if known is not None and all(digest(path) == value for path, value in known.trees.items()):
            return known.lock
        lock = self._run(what, args, directory, stdin, {}).stdout
        answer = _Answer(lock=lock, trees={path: digest(path) for path in _trees(lock, directory)})
        memo.keep(self.memo, key, msgspec.json.encode(answer))
        return lock

    def _run(self, what: str, args: Sequence[str], cwd: str, stdin: bytes, env: Mapping[str, str]) -> Finished:
        environment = {name: value for name, value in self.env.items() if name not in _DROPPED} | _FIXED | dict(env)
        # The log of a build is the reason when it fails; there is nothing else that uv would say on the way.
        quiet = () if args[0] == "build" else ("--quiet",)
        done = self.runner((self._binary(), *quiet, *args), env=environment, cwd=cwd, stdin=stdin)
        if done.status != 0:
            from tare.projects.uv_errors import from_failure

            raise from_failure(what, done.stderr)
        return done

    def _options(self) -> tuple[str, ...]:
        links = (part for place in self.find_links for part in ("--find-links", place))
        # Offline, uv would forget what it knows and ask nobody.
        offline = self.offline or self.env.get("UV_OFFLINE", "").lower() in {"1", "true"}
        fresh = ("--refresh",) if self.refresh and not offline else ()
        return (*(("--offline",) if self.offline else ()), *fresh, *links)

    def _binary(self) -> str:
        return self.program or find_program(self.python, self.env.get("PATH"))

    def _fingerprint(self) -> str:
        """Return what tells this uv from another version, without starting it."""
        status = os.stat(self._binary())
        return f"uv {status.st_size} {status.st_mtime_ns}"

    def configuration(self, directory: str) -> tuple[str, ...]:
        """Return the files that uv reads its settings from, there or not: the user's, and those above *directory*."""
        home = self.env.get("XDG_CONFIG_HOME") or os.path.join(self.env.get("HOME", "~"), ".config")
        named = self.env.get("UV_CONFIG_FILE")
        above = [directory]
        while above[-1] != os.path.dirname(above[-1]):
            above.append(os.path.dirname(above[-1]))
        return (
            *((named,) if named else ()),
            os.path.join(home, "uv", "uv.toml"),
            os.path.join(self.env.get("APPDATA", home), "uv", "uv.toml"),
            os.path.join("/etc", "uv", "uv.toml"),
            *(os.path.join(each, name) for each in above for name in ("uv.toml", "pyproject.toml")),
        )


def _trees(lock: bytes, directory: str) -> tuple[str, ...]:
    import tomllib

    try:
        return in_lock(tomllib.loads(lock.decode()), directory)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return ()  # Whoever reads it says what is wrong.


def find_program(python: str, path: str | None) -> str:
    """Return the binary of the `uv` distribution that lies beside *python*, or the one on *path*."""
    name = "uv.exe" if os.name == "nt" else "uv"
    beside = os.path.join(os.path.dirname(python), name)
    if os.path.isfile(beside):  # the usual place, without the import of sysconfig that the next step costs
        return beside
    try:
        import uv

        return uv.find_uv_bin()
    except (ImportError, FileNotFoundError):
        import shutil

        found = shutil.which(name, path=path)
    if found is None:
        raise MachineError("`uv` is not there", hints=("Install it beside tare with `pip install uv`",))
    return found


def _decides(name: str) -> bool:
    """Return whether a variable of the environment may change what uv answers, and is no secret."""
    if not name.startswith("UV_") or name in _DROPPED or name.endswith(_SECRET):
        return False
    return not name.startswith(("UV_CACHE", "UV_CONCURRENT", "UV_HTTP", "UV_NO_PROGRESS", "UV_INTERNAL"))


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
