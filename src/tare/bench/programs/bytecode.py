"""Compiles modules inside of an image, each in a process that has compiled nothing else.

    python bytecode.py work auto|budget|all SCRIPT [NAME ...]
    python bytecode.py start SCRIPT [NAME ...]

`work` prints a line of JSON with what is imported, then for each module a line of JSON and its bytecode, then a line
with digests of the same modules compiled once more, in the other order. `start` imports the names as a program would and
prints how many seconds that took, with the start of the interpreter.

No program is started, only copies of this process: an emulator runs those, too.

A name is `a.b`, or `a.b:c` for `from a.b import c`. SCRIPT is the program that the image runs, or nothing.
"""

# What is imported here counts as imported by the program, so everything else is imported where it is used.
from __future__ import annotations

import os
import sys
from typing import Any, Dict, Iterator, List, Tuple

SKIPPED = {"test", "idlelib", "turtledemo", "lib2to3", "pydoc_data", "ensurepip", "__phello__"}
"""Of the standard library, what no service imports."""


def main() -> None:
    command, arguments = sys.argv[1], sys.argv[2:]
    sys.path = [entry for entry in sys.path if entry]
    sys.dont_write_bytecode = True  # What tracing wrote would be taken for the image's own.
    if command == "start":
        start(arguments[0], arguments[1:])
    else:
        work(arguments[0], arguments[1], arguments[2:])


def start(script: str, names: List[str]) -> None:
    import time

    before = (
        time.process_time()
    )  # The interpreter's own start, which imports modules, too, and has no beginning to see.
    output = os.dup(1)
    silence()
    began = time.perf_counter()
    import_all(script, names)
    os.write(output, b"%.6f\n" % (before + time.perf_counter() - began))
    os._exit(0)


def work(mode: str, script: str, names: List[str]) -> None:
    traced = in_child(lambda: trace(script, names))
    paths = sorted(set(everything())) if mode == "all" else traced
    reader, writer = os.pipe()
    children = [worker("forth", paths, 1), worker("weigh" if mode == "budget" else "back", paths, writer)]
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        again = file.read()
    ends = [os.waitpid(child, 0)[1] for child in children]
    if any(ends):
        raise SystemExit("a process that compiles ended")
    write_all(1, again)


def trace(script: str, names: List[str]) -> bytes:
    """Return the files of all modules that are imported, separated by zeros."""
    silence()
    found = set()

    def hear(event: str, arguments: Any) -> None:
        if event == "open" and isinstance(arguments[0], str) and arguments[0].endswith(".py"):
            found.add(arguments[0])  # a module that fails is compiled, too, and then nowhere to be seen

    sys.addaudithook(hear)
    import_all(script, names)
    for module in list(sys.modules.values()):
        try:
            origin = module.__spec__.origin  # type: ignore[union-attr]
        except BaseException:  # a module may be any object
            continue
        if isinstance(origin, str) and origin.startswith("/") and origin.endswith(".py"):
            found.add(origin)
    return "\0".join(sorted(found)).encode("utf-8", "surrogateescape")


def import_all(script: str, names: List[str]) -> None:
    sys.argv = [script or "-c"]
    for name in [*names, *in_script(script)]:
        module, _, attribute = name.partition(":")
        try:
            __import__(module)
            if attribute and not hasattr(sys.modules[module], attribute):
                __import__(module + "." + attribute)
        except BaseException:  # the project's own modules are not there, and others may want what a container lacks
            continue


def in_script(script: str) -> Iterator[str]:
    """Yield what a console script imports."""
    for directory in [""] if "/" in script else os.environ.get("PATH", "").split(":"):
        try:
            with open(os.path.join(directory, script) if directory else script, encoding="utf-8") as file:
                lines = file.read(4096).splitlines()
        except (OSError, ValueError):
            continue
        for line in lines:
            words = line.split()
            if words[:1] in (["from"], ["import"]) and len(words) > 1:
                yield words[1]
        return


def everything() -> Iterator[str]:
    for entry in sys.path:
        if os.path.isdir(entry):
            yield from below(entry, top=True)


def below(directory: str, *, top: bool = False) -> Iterator[str]:
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return
    for name in names:
        path = os.path.join(directory, name)
        if name.endswith(".py") and name[:-3].isidentifier() and os.path.isfile(path):
            yield path
        elif name.isidentifier() and name != "__pycache__" and os.path.isdir(path) and not (top and name in SKIPPED):
            yield from below(path)


def worker(order: str, paths: List[str], output: int) -> int:
    """Start a copy of this process that compiles *paths*."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            compile_all(order, paths, output)
            code = 0
        finally:
            os._exit(code)
    return pid


def compile_all(order: str, paths: List[str], output: int) -> None:
    """Compile *paths*, each in a process that was forked for it. Everything is imported before the first fork, so that all forks are equal."""
    import ast
    import hashlib
    import importlib.util
    import json
    import marshal
    import warnings

    warnings.simplefilter("ignore")
    again: Dict[str, Tuple[str, int]] = {}

    def one(path: str) -> bytes:
        record: Dict[str, Any] = {"path": path, "cached": importlib.util.cache_from_source(path)}
        try:
            with open(path, "rb") as file:
                source = file.read()
            code = compile(source, path, "exec", dont_inherit=True)
            head = importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + importlib.util.source_hash(source)
            data = head + marshal.dumps(code)
        except BaseException as error:
            return json.dumps({**record, "state": "broken", "error": repr(error)[:200]}).encode() + b"\n"
        if order == "forth":
            record.update(state="compiled", size=len(data), source=hashlib.sha256(source).hexdigest())
            return json.dumps(record).encode() + b"\n" + data
        nodes = sum(1 for _ in ast.walk(ast.parse(source))) if order == "weigh" else 0
        return json.dumps({"digest": hashlib.sha256(data).hexdigest(), "nodes": nodes}).encode()

    for path in paths if order == "forth" else reversed(paths):
        if is_valid(importlib.util.cache_from_source(path), path, importlib.util.MAGIC_NUMBER):
            if order == "forth":
                with open(importlib.util.cache_from_source(path), "rb") as file:
                    data = file.read()
                cached = importlib.util.cache_from_source(path)
                record = {"path": path, "cached": cached, "state": "there", "size": len(data)}
                write_all(output, json.dumps(record).encode() + b"\n" + data)
            continue
        data = in_child_bytes(one, path)
        if order == "forth":
            write_all(output, data)
        elif data[:9] == b'{"digest"':
            answer = json.loads(data)
            again[path] = (answer["digest"], answer["nodes"])
    if order != "forth":
        write_all(output, json.dumps({"again": again}).encode() + b"\n")
    else:
        write_all(output, b'{"state": "end"}\n')


def is_valid(cached: str, path: str, magic: bytes) -> bool:
    """Whether the interpreter would read the bytecode that is there."""
    try:
        with open(cached, "rb") as file:
            head = file.read(16)
        status = os.stat(path)
    except OSError:
        return False
    flags = int.from_bytes(head[4:8], "little")
    if len(head) < 16 or head[:4] != magic:
        return False
    time, size = int.from_bytes(head[8:12], "little"), int.from_bytes(head[12:16], "little")
    return flags == 1 or (
        flags == 0 and (time, size) == (int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
    )


def in_child(action: Any) -> List[str]:
    data = in_child_bytes(lambda _: action(), None)
    return [path for path in data.decode("utf-8", "surrogateescape").split("\0") if path]


def in_child_bytes(action: Any, argument: Any) -> bytes:
    """Return what *action* returns in a process of its own, or nothing if that ends before."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            write_all(writer, action(argument))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    return data


def silence() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)


def write_all(number: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(number, view[: 1 << 20]) :]


if __name__ == "__main__":
    main()
