"""Blocks as pods: an Indexed Job in which every pod measures all images, on a node of its own.

A machine never measures one image only: blocks are what is shared out, so that the difference of two machines is in
both sides of every ratio. That is why a pod is tare's own image, which runs the candidates in turn within it, and not
one of the candidates. What a pod measures is in its log, line by line; there is no volume that could be lost with it.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
"""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from tare.bench.executors import bounded
from tare.errors import MachineError, UsageError

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?")
_KEPT: Final = 86_400
"""Seconds that a finished Job and its logs stay."""
_POLL: Final = 2.0
_TRIES: Final = 10
_ASK: Final = 10.0
"""Seconds after which a pod that waits is asked what for."""
_HOPELESS: Final = frozenset(
    ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError")
)
"""Why a container waits for what somebody has to mend first: https://kubernetes.io/docs/concepts/containers/images/"""
_WAITING: Final = (
    '{range .items[*].status.containerStatuses[*].state.waiting}{.reason}{"\\t"}{.message}{end}',
    '{.items[*].status.conditions[?(@.type=="PodScheduled")].message}',
)
_PATIENCE: Final = 1800.0
"""Seconds that a pod may wait for a node."""


def indexed_job(
    name: str, *, image: str, arguments: Sequence[str], blocks: int, cores: int = 2, memory: str = "4Gi"
) -> dict[str, Any]:
    """Return the manifest of a Job that runs `tare bench run` of *image* with *arguments* on *blocks* nodes.

    Requests equal limits and cores are whole, so that the static policy of the CPU manager gives each pod its own.
    A pod that fails does not end the others.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"`{name}` is not a name of Kubernetes", hints=("Use lower case letters, digits and hyphens",))
    if blocks < 1:
        raise UsageError("a Job needs at least one block")
    labels = {"app.kubernetes.io/name": "tare-bench", "app.kubernetes.io/instance": name}
    apart = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "completionMode": "Indexed",
            "completions": blocks,
            "parallelism": blocks,
            "backoffLimitPerIndex": 0,
            "maxFailedIndexes": blocks,
            "ttlSecondsAfterFinished": _KEPT,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}},
                    "containers": [_container(name, image, arguments, {"cpu": str(cores), "memory": memory})],
                    "volumes": [{"name": "results", "emptyDir": {}}],
                },
            },
        },
    }


def _container(name: str, image: str, arguments: Sequence[str], resources: dict[str, str]) -> dict[str, Any]:
    """Return the container: candidates run in namespaces within it, which takes the rights of a privileged one."""
    command = shlex.join(["tare", "bench", *arguments, "--stream", "--output", "/results/run"])
    return {
        "name": "bench",
        "image": image,
        "command": ["sh", "-c", f'exec {command} --block "{name}-$JOB_COMPLETION_INDEX"'],
        # A database and what is unpacked are on the node's disk, too, and not in the container's own layer.
        "env": [{"name": "TARE_CACHE_DIR", "value": "/results/cache"}, {"name": "TMPDIR", "value": "/results"}],
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {"privileged": True, "runAsUser": 0},
        "volumeMounts": [{"name": "results", "mountPath": "/results"}],
    }


class Kubectl:
    """The program, with what a person adds to it, such as a context and a namespace."""

    def __init__(self, client: Sequence[str]) -> None:
        self.client = tuple(client)

    def apply(self, manifest: dict[str, Any]) -> None:
        self.ask(("create", "-f", "-"), msgspec.json.encode(manifest))

    def ask(self, arguments: Sequence[str], given: bytes = b"") -> str:
        """Return what it prints, or raise with what it says."""
        try:
            finished = subprocess.run((*self.client, *arguments), input=given, capture_output=True, check=False)
        except OSError as error:
            raise MachineError(f"cannot run `{self.client[0]}`", causes=(error.strerror or str(error),)) from None
        if finished.returncode:
            said = finished.stderr.decode("utf-8", "replace").strip().splitlines() or [
                f"exit code {finished.returncode}"
            ]
            raise MachineError("the cluster refuses", causes=(said[-1],))
        return finished.stdout.decode("utf-8", "replace")


class PodNode:
    """One pod of a Job: its log is read as it grows, and again from its beginning when the connection broke."""

    def __init__(self, kubectl: Kubectl, job: str, index: int, *, poll: float = _POLL, ask: float = _ASK) -> None:
        self.block = f"{job}-{index}"
        self._kubectl = kubectl
        self._poll = poll
        self._ask = ask
        labels = {"job-name": job, "job-completion-index": str(index)}
        self._selector = ",".join(f"batch.kubernetes.io/{key}={value}" for key, value in labels.items())
        self._process: subprocess.Popen[str] | None = None
        self._phase = "Pending"
        self._stopped = False

    def lines(self) -> Iterator[str]:
        self._started()
        gone = 0
        while not self._stopped:
            phase = self._look()
            over = phase in {"Succeeded", "Failed"}
            gone = 0 if phase else gone + 1
            if gone > _TRIES:  # It was deleted, or its node was; the Job makes no other.
                return
            if phase:
                yield from self._log(follow=not over)
            if over:
                return
            time.sleep(self._poll)

    def _started(self) -> None:
        begun = asked = time.monotonic()
        why = ""
        while self._look() in {"", "Pending"} and not self._stopped:
            now = time.monotonic()
            if now > asked + self._ask:
                asked, why = now, self._waits_for()
            if now > begun + _PATIENCE:
                causes = (f"it has been pending for {_PATIENCE / 60:.0f} min", *filter(None, (why,)))
                raise MachineError("no node takes the pod", causes=causes)
            time.sleep(self._poll)

    def _waits_for(self) -> str:
        """Return what a pod waits for; raises if that does not come by itself."""
        waiting, unscheduled = (self._told(path).strip() for path in _WAITING)
        reason, _, message = waiting.partition("\t")
        if reason in _HOPELESS:
            raise MachineError(
                "the pod cannot start",
                causes=(f"{reason}: {message}" if message else reason,),
                hints=(f"`kubectl describe pods --selector={self._selector}` has more",),
            )
        return waiting.replace("\t", ": ") or unscheduled

    def _told(self, path: str) -> str:
        try:
            return self._kubectl.ask(("get", "pods", f"--selector={self._selector}", f"--output=jsonpath={path}"))
        except MachineError:
            return ""

    def _look(self) -> str:
        """Ask for the pod's phase; a cluster that does not answer may do so a little later."""
        arguments = ("get", "pods", f"--selector={self._selector}", "--output=jsonpath={.items[*].status.phase}")
        for left in range(_TRIES, -1, -1):
            try:
                self._phase = self._kubectl.ask(arguments).strip()
                break
            except MachineError:
                if not left:
                    raise
                time.sleep(self._poll)
        return self._phase

    def _log(self, *, follow: bool) -> Iterator[str]:
        options = (f"--selector={self._selector}", "--tail=-1", "--container=bench", f"--follow={str(follow).lower()}")
        self._process = subprocess.Popen(
            (*self._kubectl.client, "logs", *options),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        with self._process as process:
            if process.stdout is not None:
                yield from bounded(process.stdout.readline)

    def why(self) -> str:
        return f"the pod is {self._phase.lower()}" if self._phase else "there is no pod"

    def stop(self) -> None:
        self._stopped = True
        if self._process is not None:
            self._process.terminate()
