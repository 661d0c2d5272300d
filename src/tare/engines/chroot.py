"""The engine that needs none: Linux namespaces, made by this package itself.

As root, or as anybody where the kernel lets people make user namespaces. It is for seeing an image work. A container of
it has no capability and cannot gain one, sees a read-only or throw-away root, and none of the machine's processes; it
has no limits of memory, no filter of system calls, and with the network switched on it has the machine's.

Somebody who is not root maps one user: theirs, as the image's. Every file of the image then seems to belong to the
image's user, which a read-only root makes harmless.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from tare.engines.emulation import Emulator
from tare.engines.interface import RunOptions
from tare.engines.launcher import ENGINES, HOST_NAME, Spec, launch
from tare.engines.rootfs_cache import RootfsCache
from tare.engines.users import User, find_user
from tare.errors import MachineError, UsageError
from tare.oci.image import Image
from tare.stores import platforms

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HOSTS: Final = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"


class Chroot:
    """Runs images in namespaces of its own, with root file systems that are kept under *cache*.

    *environment* is for the *interpreter* between tare and the container; the container does not see it. *note* takes
    what the person should know.
    """

    name = "chroot"

    def __init__(
        self,
        *,
        cache: Path,
        environment: Mapping[str, str] | None = None,
        interpreter: str = sys.executable,
        which: Callable[[str], str | None] | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._cache = cache
        self._launch = partial(launch, environment=environment or {}, interpreter=interpreter, note=note)
        self._which = which
        self._note = note

    def available(self) -> str | None:
        if sys.platform != "linux":
            return "it needs Linux, and this system is something else"
        try:
            self._probe()
        except MachineError as error:
            return f"{error.message}: {error.causes[0]}" if error.causes else error.message
        return None

    def held(self, image: Image) -> contextlib.AbstractContextManager[object]:
        """Do nothing: an unpacked image stays in the cache."""
        return contextlib.nullcontext()

    def run(self, image: Image, options: RunOptions) -> int:
        if sys.platform != "linux":
            raise MachineError(
                "containers cannot be run without an engine here", causes=(_NOT_LINUX,), hints=(ENGINES,)
            )
        if options.memory is not None:
            raise UsageError("the chroot engine cannot limit memory", hints=(ENGINES,))
        self._say_ports(options)
        emulator = self._emulator(image)
        user_namespace = self._probe()
        cache = RootfsCache(self._cache, as_root=os.geteuid() == 0)
        with cache.using(image, self._note) as rootfs:
            user = find_user(rootfs, options.user if options.user is not None else image.config.config.user)
            if user_namespace:
                self._note("without root, every file of the image seems to belong to the user that runs it")
            spec = _spec(image, options, rootfs=rootfs, stage=cache.stage(), user=user)
            spec = msgspec.structs.replace(spec, user_namespace=user_namespace, emulator=emulator)
            return self._launch(spec, options)

    def _say_ports(self, options: RunOptions) -> None:
        """Say what is not as `--publish` asks: the network is the machine's own, or there is none."""
        for text in options.publish:
            ports = text.partition("/")[0].rsplit(":", 2)
            if not options.network:
                self._note(f"`--publish {text}` publishes nothing: the container has no network")
            elif len(ports) > 1 and ports[-1] != ports[-2]:
                self._note(
                    f"`--publish {text}` does not move the port: without an engine the container has the machine's "
                    f"network, and its port {ports[-1]} is the machine's"
                )

    def _emulator(self, image: Image) -> str | None:
        import shutil

        emulator = Emulator(machine=platforms.host(), which=self._which or shutil.which).find(image.platform)
        if emulator:
            self._note(f"programs for {image.platform} are run by `{emulator}`; what they start themselves is not")
        return emulator

    def _probe(self) -> bool:
        """Return whether a user namespace is needed, or raise `MachineError` if not even that is possible."""
        failure = None
        for user_namespace in (False, True) if os.geteuid() == 0 else (True,):
            try:
                probe = Spec(probe=True, user_namespace=user_namespace)
                self._launch(probe, RunOptions())
            except MachineError as error:
                failure = failure or error
            else:
                return user_namespace
        raise failure or AssertionError


_NOT_LINUX: Final = "the chroot engine needs the namespaces of Linux"


def _spec(image: Image, options: RunOptions, *, rootfs: Path, stage: Path, user: User) -> Spec:
    config = image.config.config
    argv = options.command(config.entrypoint, config.cmd)
    if not argv:
        raise UsageError("the image has no command", hints=("Name one after the image",))
    defaults = {"PATH": _PATH, "HOME": user.home, "HOSTNAME": HOST_NAME, **({"TERM": "xterm"} if options.tty else {})}
    return Spec(
        user_namespace=False,
        uid=user.uid,
        gid=user.gid,
        groups=user.groups,
        network=options.network,
        rootfs=str(rootfs.resolve()),
        stage=str(stage.resolve()),
        read_only=options.read_only,
        tmpfs=options.tmpfs,
        mounts=tuple((str(mount.source.resolve()), mount.target, mount.read_only) for mount in options.mounts),
        files=_files(options),
        argv=argv,
        env={**defaults, **config.environment(), **options.env},
        workdir=options.workdir or config.working_dir or "/",
        stdin=options.stdin,
        tty=options.tty,
    )


def _files(options: RunOptions) -> dict[str, str]:
    """Return the files with which a container finds itself and others."""
    hosts, resolver = _HOSTS, ""
    if options.network:
        hosts = _text(Path("/etc/hosts")) or hosts
        resolver = _text(Path("/etc/resolv.conf"))
    own = f"127.0.1.1 {HOST_NAME}\n"
    return {"/etc/hosts": hosts + own, "/etc/hostname": f"{HOST_NAME}\n", "/etc/resolv.conf": resolver}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")[:65536].rstrip("\n") + "\n"
    except OSError:
        return ""
