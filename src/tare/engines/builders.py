"""Docker, podman and buildah as builders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tare.engines.building import BuildOptions
from tare.engines.command_line import last_line
from tare.engines.command_line_builder import CommandLineBuilder, text_of
from tare.engines.control_groups import is_hybrid
from tare.engines.following import Follow, Followed, follow
from tare.engines.interface import RunOptions
from tare.engines.runner import Finished
from tare.engines.steps import Step, parse_plain, parse_rawjson
from tare.errors import MachineError

_QUICK = 60.0
"""Seconds that a question to an engine may take."""

_LONG = 1200.0
"""Seconds that writing an image to a file may take."""


class DockerBuilder(CommandLineBuilder):
    """Docker with BuildKit: built into old clients, the plug-in `buildx` of newer ones."""

    name = "docker"

    def __init__(
        self, *, program: str = "docker", options: Sequence[str] = (), env: Mapping[str, str], start: Follow = follow
    ) -> None:
        super().__init__(program=program, options=options, env={**env, "DOCKER_BUILDKIT": "1"}, start=start)
        self._progress: str | None = None

    def available(self) -> str | None:
        try:
            ended = self._start(
                [*self._argv, "version", "--format={{.Client.Version}} {{.Server.Version}}"],
                env=self._env, cwd=Path("/"), timeout=_QUICK,
            )  # fmt: skip
        except MachineError:
            return f"there is no `{self._argv[0]}`"
        if ended.code != 0:
            return last_line(text_of(ended)) or "`docker version` fails"
        client = _version(text_of(ended).split()[0])
        if client >= (23,) and self._buildx() is None:
            return f"`{self._argv[0]}` {text_of(ended).split()[0]} has no buildx, without which it builds nothing"
        return None

    def _buildx(self) -> tuple[int, ...] | None:
        ended = self._start([*self._argv, "buildx", "version"], env=self._env, cwd=Path("/"), timeout=_QUICK)
        words = text_of(ended).split()
        return _version(words[1].removeprefix("v")) if ended.code == 0 and len(words) > 1 else None

    def _build(self) -> Sequence[str]:
        if self._progress is None:
            # https://github.com/docker/buildx/releases/tag/v0.13.0: times in nanoseconds instead of tenths.
            buildx = self._buildx()
            self._progress = "rawjson" if buildx is not None and buildx >= (0, 13) else "plain"
        if self._progress == "rawjson":
            return ("buildx", "build", "--load", "--progress=rawjson")
        return ("build", "--progress=plain")

    def _trust(self, options: BuildOptions) -> Sequence[str]:
        return ()

    def _steps(self, ended: Followed) -> tuple[Step, ...]:
        if self._progress == "rawjson":
            return parse_rawjson("\n".join(line for _, line in ended.lines))
        return parse_plain(line for _, line in ended.lines)


class PodmanBuilder(CommandLineBuilder):
    """podman, with or without root."""

    name = "podman"

    def available(self) -> str | None:
        reason = super().available()
        if reason is None and self._own_runtime is None and is_hybrid(self._hybrid):
            said = self._ask("info", "--format={{.Host.OCIRuntime.Name}}", check=False).strip()
            self._own_runtime = "runc" if said == "crun" else None
        return reason


class BuildahBuilder(CommandLineBuilder):
    """buildah: it builds, and runs nothing."""

    name = "buildah"

    def _build(self) -> Sequence[str]:
        if self._isolation is None and "BUILDAH_ISOLATION" not in self._env and is_hybrid(self._hybrid):
            return ("build", "--layers", "--runtime=runc")
        return super()._build()

    def save(self, reference: str, archive: Path) -> None:
        self._ask("push", reference, f"docker-archive:{archive}", timeout=_LONG)

    def shown(self, reference: str) -> int:
        said = self._ask("images", "--json", reference)
        try:
            (row,) = msgspec.json.decode(said)
            return _bytes_of(row["size"])
        except (ValueError, KeyError, TypeError) as error:
            raise MachineError(f"`buildah` does not tell the size of `{reference}`", causes=(str(error),)) from None

    def run(self, reference: str, options: RunOptions) -> Finished:
        raise MachineError("buildah does not run images", hints=("Run it with podman",))

    def copy_out(self, reference: str, path: str, destination: Path) -> None:
        raise MachineError("buildah does not copy out of images", hints=("Copy with podman",))


def _version(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version.

    >>> _version("0.13.1+ds1"), _version("20.10.24+dfsg1")
    ((0, 13, 1), (20, 10, 24))
    """
    numbers: list[int] = []
    for part in text.split("+", maxsplit=1)[0].split("-", maxsplit=1)[0].split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _bytes_of(text: str) -> int:
    """Return the bytes of a size as buildah prints it, rounded as it is: `168 MB`.

    >>> _bytes_of("1.5 GB"), _bytes_of("12 kB")
    (1500000000, 12000)
    """
    number, _, unit = text.partition(" ")
    powers = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4}
    return round(float(number) * int(1000 ** powers[unit.upper()]))
