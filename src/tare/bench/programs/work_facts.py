"""What explains an image's figures, read inside of it: one JSON object."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import json
import os
import platform
import sys
import sysconfig
import threading
from importlib import metadata


def libc() -> str:
    try:
        version = os.confstr("CS_GNU_LIBC_VERSION")
        if version:
            return version
    except (ValueError, OSError):
        pass
    for place in ("/lib", "/lib64"):
        for name in os.listdir(place) if os.path.isdir(place) else []:
            if name.startswith("ld-musl"):
                return f"musl {musl_version(os.path.join(place, name))}".strip()
    return " ".join(platform.libc_ver()).strip()


def musl_version(loader: str) -> str:
    """Ask the loader, which is the libc: without arguments it prints its version, and fails."""
    read, write = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, write, 2)]
    try:
        pid = os.posix_spawn(loader, [loader], {}, file_actions=actions)
    except OSError:
        return ""
    finally:
        os.close(write)
    os.waitpid(pid, 0)
    text = os.read(read, 4096).decode("utf-8", "replace")
    return next((line.split()[-1] for line in text.splitlines() if line.startswith("Version")), "")


def allocator() -> str:
    preloaded = os.environ.get("LD_PRELOAD", "")
    own = os.environ.get("PYTHONMALLOC", "")
    words = [f"PYTHONMALLOC={own}" if own else "pymalloc up to 512 bytes", f"then {preloaded or 'the libc'}"]
    return ", ".join(words)


def thread_stack() -> int | None:
    """Return the size of a new thread's stack, which the libc decides: musl's is small."""
    found: list[int] = []

    def ask() -> None:
        try:
            library = ctypes.CDLL(None)
            attributes = ctypes.create_string_buffer(256)
            library.pthread_self.restype = ctypes.c_void_p
            if library.pthread_getattr_np(ctypes.c_void_p(library.pthread_self()), attributes):
                return
            size = ctypes.c_size_t()
            address = ctypes.c_void_p()
            library.pthread_attr_getstack(attributes, ctypes.byref(address), ctypes.byref(size))
            found.append(size.value)
        except (OSError, AttributeError):
            return

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0] if found else None


def bytecode() -> bool:
    # One that nothing has imported yet: to import it would write its bytecode.
    spec = importlib.util.find_spec("mailbox")
    return bool(spec and spec.cached and os.path.exists(spec.cached))


def wheels() -> tuple[dict[str, str], list[str]]:
    """Return the tags of the wheels that distributions came from, and what no index had as a wheel."""
    tags: dict[str, str] = {}
    built: list[str] = []
    for each in metadata.distributions():
        name = each.metadata["Name"] or "?"
        wheel = each.read_text("WHEEL") or ""
        found = [line.partition(":")[2].strip() for line in wheel.splitlines() if line.startswith("Tag:")]
        tags[name] = found[0] if found else "none"
        # Index wheels of Linux have the tag of a policy; one that was made here has the machine's own.
        if any(tag.endswith("-linux_" + platform.machine()) for tag in found):
            built.append(name)
    return tags, sorted(built)


def seccomp() -> str:
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            lines = [line.split(":") for line in file if line.startswith(("Seccomp:", "Speculation_Store_Bypass:"))]
    except OSError:
        return ""
    return ", ".join(f"{name.strip()}={value.strip()}" for name, value in lines)


def present(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def driver(name: str) -> str:
    """Return what the driver of that name says of itself: its version, and whether it is in C."""
    try:
        return str(importlib.import_module(f"driver_{name}").facts())
    except ImportError as error:
        return f"no {name}: {error}"


def main() -> None:
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    flags = f"{sysconfig.get_config_var('PY_CORE_CFLAGS') or ''} {sysconfig.get_config_var('PY_CFLAGS') or ''}"
    tags, built = wheels()
    facts = {
        "python": f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})",
        "config_args": arguments,
        "pgo": "--enable-optimizations" in arguments or "-fprofile-use" in flags,
        "lto": "--with-lto" in arguments or "-flto" in flags,
        "shared": bool(sysconfig.get_config_var("Py_ENABLE_SHARED")),
        "libc": libc(),
        "allocator": allocator(),
        "thread_stack": thread_stack(),
        "bytecode": bytecode(),
        "wheels": tags,
        "built": built,
        "http_parser": "httptools" if present("httptools") else "h11" if present("h11") else "",
        "event_loop": "uvloop" if present("uvloop") else "asyncio",
        "seccomp": seccomp(),
    }
    if len(sys.argv) > 1:
        # Last, since what it imports writes its bytecode.
        facts["driver"] = driver(sys.argv[1])
    sys.stdout.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
