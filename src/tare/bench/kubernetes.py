"""Blocks as pods: an Indexed Job in which every pod measures all images, rounds of its own, on a node of its own.

A machine never measures one image only: blocks are what is shared out, so that the difference of two machines is in
both sides of every ratio. Results are merged by `tare bench report DIR DIR…`.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

from tare.errors import UsageError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def indexed_job(
    name: str, *, image: str, arguments: Sequence[str], blocks: int, cores: int = 2, memory: str = "4Gi"
) -> dict[str, Any]:
    """Return the manifest of a Job that runs `tare bench run` with *arguments* on *blocks* nodes.

    Requests equal limits and cores are whole, so that the static policy of the CPU manager gives each pod its own.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"`{name}` is not a name of Kubernetes", hints=("Use lower case letters, digits and hyphens",))
    if blocks < 1:
        raise UsageError("a Job needs at least one block")
    labels = {"app.kubernetes.io/name": "tare-bench", "app.kubernetes.io/instance": name}
    command = shlex.join(["tare", "bench", "run", *arguments, "--engine", "host", "--output", "/results"])
    resources = {"cpu": str(cores), "memory": memory}
    container = {
        "name": "bench",
        "image": image,
        "command": ["sh", "-c", f'exec {command} --block "block-$JOB_COMPLETION_INDEX"'],
        "resources": {"requests": resources, "limits": resources},
        "volumeMounts": [{"name": "results", "mountPath": "/results"}],
    }
    apart = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "completionMode": "Indexed",
            "completions": blocks,
            "parallelism": blocks,
            "backoffLimit": 0,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}},
                    "containers": [container],
                    "volumes": [{"name": "results", "emptyDir": {}}],
                },
            },
        },
    }
