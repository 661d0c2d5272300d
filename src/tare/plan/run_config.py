"""How a container of the image starts: the base's configuration, what a Python service needs, what the project says."""

from __future__ import annotations

from typing import Final

import msgspec

from tare.oci.config import RunConfig
from tare.projects.config import ToolConfig

PREFIX: Final = "opt/venv"
"""The virtual environment's directory: one fixed path, so that the same wheel is the same layer in every image."""

WORKDIR: Final = "/app"
"""Where a project without a build system has its sources."""

USER: Final = "65532:65532"
"""A numeric user that is not root, the one distroless images call `nonroot`: Kubernetes checks `runAsNonRoot` by number."""

_DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run_config(base: RunConfig, config: ToolConfig) -> RunConfig:
    """Return the configuration of an image on *base*.

    An entrypoint of the base is dropped: `python` before the project's own program would be wrong. Its environment is
    kept, and the virtual environment goes first on its PATH. Its labels are the caller's to merge: what is known of the
    image stands between them and the project's own.
    """
    return msgspec.structs.replace(
        base,
        user=USER if config.user is None else config.user,
        env=_environment(base, config),
        entrypoint=config.entrypoint,
        cmd=config.cmd,
        working_dir=config.workdir or WORKDIR,
        exposed_ports={**(base.exposed_ports or {}), **{port: {} for port in config.ports}},
        volumes={**(base.volumes or {}), **{path: {} for path in config.volumes}},
        labels=config.labels,
        stop_signal=config.stop_signal or base.stop_signal or "SIGTERM",
        healthcheck=config.healthcheck or base.healthcheck,
    )


def _environment(base: RunConfig, config: ToolConfig) -> tuple[str, ...]:
    inherited = base.environment()
    path = inherited.pop("PATH", _DEFAULT_PATH)
    values = {
        "PATH": f"/{PREFIX}/bin:{path}",
        **inherited,
        # Without it a crash loses what was printed last: stdout of a container is a pipe, so Python buffers it.
        "PYTHONUNBUFFERED": "1",
        "VIRTUAL_ENV": f"/{PREFIX}",
        **config.env,
    }
    return tuple(f"{name}={value}" for name, value in values.items())
