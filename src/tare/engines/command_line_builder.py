"""What the command lines of Docker, podman and buildah have in common when they build."""

from __future__ import annotations

import os
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tare.engines.building import BuildOptions, Built
from tare.engines.command_line import last_line, run_arguments, run_flags
from tare.engines.control_groups import HYBRID
from tare.engines.copying import write_out
from tare.engines.following import Follow, Followed, follow
from tare.engines.interface import TIMED_OUT, RunOptions
from tare.engines.runner import Finished
from tare.engines.steps import Step, parse_buildah
from tare.errors import MachineError, ProjectError

_QUICK = 60.0
"""Seconds that a question to an engine may take."""

_WIDEST = 120
"""Characters of a step's name in an error: what went wrong with it is behind it."""

_LONG = 1200.0
"""Seconds that writing an image to a file may take."""


class CommandLineBuilder:
    """A builder behind a program, which runs in the environment *env*; *options* come before its command.

    *isolation*, *runtime* and *limits* are those of podman and buildah, for machines on which their own do not work.
    """

    name: ClassVar[str]

    def __init__(
        self,
        *,
        program: str | None = None,
        options: Sequence[str] = (),
        env: Mapping[str, str],
        isolation: str | None = None,
        runtime: str | None = None,
        limits: Sequence[str] = (),
        start: Follow = follow,
        hybrid: Path = HYBRID,
    ) -> None:
        self._argv = (program or self.name, *options)
        self._env = dict(env)
        self._isolation = isolation
        self._own_runtime = runtime
        self._own_limits = limits
        self._start = start
        self._hybrid = hybrid

    def available(self) -> str | None:
        try:
            ended = self._start([*self._argv, "info"], env=self._env, cwd=Path("/"), timeout=_QUICK)
        except MachineError:
            return f"there is no `{self._argv[0]}`"
        return None if ended.code == 0 else last_line(text_of(ended)) or f"`{self._argv[0]} info` fails"

    def build(self, context: Path, options: BuildOptions) -> Built:
        with tempfile.TemporaryDirectory(prefix="tare-build-") as place:
            id_file = Path(place, "id")
            argv = [
                *self._argv,
                *self._build(),
                *self._trust(options),
                *_build_flags(options),
                f"--iidfile={id_file}",
                str(context),
            ]
            ended = self._start(argv, env=self._env, cwd=context, timeout=options.timeout)
            steps = self._steps(ended)
            if ended.code != 0:
                called = options.called or f"`{options.dockerfile or context / 'Dockerfile'}`"
                raise _does_not_build(called, steps, ended, options.timeout)
            try:
                image_id = id_file.read_text("utf-8").strip()
            except OSError:
                raise MachineError(f"`{self._argv[0]}` does not say what it built") from None
        return Built(reference=options.tag, image_id=image_id, steps=steps, seconds=ended.seconds)

    def _build(self) -> Sequence[str]:
        """Return the command that builds."""
        isolation = (f"--isolation={self._isolation}",) if self._isolation else ()
        return (*self._runtime(), "build", "--layers", *isolation)

    def _trust(self, options: BuildOptions) -> Sequence[str]:
        """Return the options that say how a registry has to show who it is."""
        return ("--tls-verify=false",) if options.insecure else ()

    def _steps(self, ended: Followed) -> tuple[Step, ...]:
        return parse_buildah(ended.lines, ended.seconds)

    def run(self, reference: str, options: RunOptions) -> Finished:
        container = f"tare-{os.urandom(6).hex()}"
        argv = [
            *self._argv, *self._runtime(), "run", "--rm", f"--name={container}", *self._own_limits, *run_flags(options),
            reference, *run_arguments(options),
        ]  # fmt: skip
        ended = self._start(argv, env=self._env, cwd=Path("/"), timeout=options.timeout or _LONG)
        if ended.code is None:
            self._ask("rm", "--force", container, check=False)
        return Finished(code=TIMED_OUT if ended.code is None else ended.code, stdout=text_of(ended), stderr="")

    def _runtime(self) -> Sequence[str]:
        return (f"--runtime={self._own_runtime}",) if self._own_runtime else ()

    def save(self, reference: str, archive: Path) -> None:
        """Write an image to a docker-archive."""
        self._ask("save", f"--output={archive}", reference, timeout=_LONG)

    def shown(self, reference: str) -> int:
        """Return the size that the engine's list of images has."""
        said = self._ask("image", "inspect", "--format={{.Size}}", reference).strip()
        if not said.isdigit():
            raise MachineError(f"`{self._argv[0]}` does not tell the size of `{reference}`", causes=(last_line(said),))
        return int(said)

    def copy_out(self, reference: str, path: str, destination: Path) -> None:
        container = self._ask("create", reference, "true").strip().splitlines()[-1]
        try:
            with tempfile.TemporaryDirectory(prefix="tare-copy-") as place:
                # A shell's redirection would need a shell; `cp` to a pipe in the file system needs none.
                archive = Path(place, "files.tar")
                self._cp(container, path, archive)
                with archive.open("rb") as stream:
                    write_out(stream, destination, what=f"`{path}` of `{reference}`")
        finally:
            self._ask("rm", container, check=False)

    def _cp(self, container: str, path: str, archive: Path) -> None:
        from tare.engines.writing import to_file

        to_file([*self._argv, "cp", f"{container}:{path}", "-"], archive, env=self._env, timeout=_LONG)

    def remove(self, reference: str) -> None:
        self._ask("rmi", reference, check=False)

    def _ask(self, *arguments: str, timeout: float = _QUICK, check: bool = True) -> str:
        """Return what the program says; that it fails is an error if *check*."""
        ended = self._start([*self._argv, *arguments], env=self._env, cwd=Path("/"), timeout=timeout)
        if check and ended.code != 0:
            cause = last_line(text_of(ended)) or f"exit code {ended.code}"
            raise MachineError(f"`{self._argv[0]} {arguments[0]}` does not work", causes=(cause,))
        return text_of(ended)


def _build_flags(options: BuildOptions) -> Iterator[str]:
    yield f"--tag={options.tag}"
    said = {
        f"--file={options.dockerfile}": options.dockerfile is not None,
        f"--target={options.target}": options.target is not None,
        f"--platform={options.platform}": options.platform is not None,
        "--network=host": options.host_network,
        "--no-cache": not options.cache,
        "--pull": options.pull,
    }
    yield from (flag for flag, wanted in said.items() if wanted)
    yield from (f"--build-arg={name}={value}" for name, value in sorted(options.build_args.items()))
    yield from (f"--secret=id={name},src={path}" for name, path in sorted(options.secrets.items()))


def _does_not_build(called: str, steps: Sequence[Step], ended: Followed, timeout: float) -> Exception:
    if ended.code is None:
        return MachineError(f"{called} took longer than {timeout:g} s to build", hints=("Allow it more time",))
    failed = next((step for step in steps if step.error), None)
    where = (f"`{textwrap.shorten(failed.name, _WIDEST, placeholder=' …')}`: {failed.error}",) if failed else ()
    last = last_line(text_of(ended).replace("ERROR: ", ""))
    return ProjectError(f"{called} does not build", causes=where or (last or "the engine says nothing",))


def text_of(ended: Followed) -> str:
    """Return everything that a program said."""
    return "".join(f"{line}\n" for _, line in ended.lines)
