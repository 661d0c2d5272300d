"""An engine without containers: it runs the image's program on this machine, with modules of a directory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from tare.engines.interface import RunOptions
from tare.flow.build.bytecode.work import Trial
from tare.oci.config import ImageConfig, RootFS
from tare.oci.image import Image, make_image


class LocalEngine:
    """Runs programs with the interpreter of these tests. *modules* are in its path, and what images contain is not."""

    name = "local"

    def __init__(self, modules: Path, *, code: int = 0, output: bytes | None = None) -> None:
        self._modules = modules
        self._code = code
        self._output = output
        self.runs: list[RunOptions] = []

    def available(self) -> str | None:
        return None

    def held(self, image: Image) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext(image)

    def run(self, image: Image, options: RunOptions) -> int:
        self.runs.append(options)
        assert options.entrypoint is not None
        if self._output is not None:
            os.write(options.stdout or 1, self._output)
        if self._code or self._output is not None:
            return self._code
        places = {mount.target: str(mount.source) for mount in options.mounts}
        environment = {name: places.get(value, value) for name, value in options.env.items()}
        return subprocess.run(
            [sys.executable, "-S", *options.entrypoint[1:]],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(self._modules), **environment},
            stdout=options.stdout,
            cwd=options.workdir,
            check=False,
        ).returncode


def trial(modules: Path, engine: LocalEngine | None = None) -> Trial:
    """Return how programs are run with *modules*."""
    config = ImageConfig(architecture="amd64", os="linux", rootfs=RootFS(type="layers", diff_ids=()))
    return Trial(
        engine=engine or LocalEngine(modules), image=make_image(config, (), {}), interpreter="/opt/venv/bin/python"
    )
