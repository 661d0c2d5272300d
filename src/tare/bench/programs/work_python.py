"""Work of the interpreter alone: what differs here is how it was compiled, and the libc below it.

python3 work_python.py SCALE
"""

from __future__ import annotations

import array
import hashlib
import json
import math
import re
import sys
import threading
import zlib
from collections.abc import Callable
from functools import partial

import work

SEED = 108


def loops(scale: int) -> int:
    """Integers, branches and a while loop: the length of Collatz's sequences."""
    total = 0
    for start in range(1, 6_000 * scale):
        number = start
        while number != 1:
            number = number // 2 if number % 2 == 0 else 3 * number + 1
            total += 1
    return total


def bodies(scale: int) -> float:
    """Floats and attributes: planets on their way."""
    planets = [[float(i), i * 0.5, i * 0.25, 0.01 * i, 0.02, 0.03, 1.0 / (i + 1)] for i in range(5)]
    for _ in range(2_000 * scale):
        for i, one in enumerate(planets):
            for other in planets[i + 1 :]:
                dx, dy, dz = one[0] - other[0], one[1] - other[1], one[2] - other[2]
                force = 0.001 / (math.sqrt(dx * dx + dy * dy + dz * dz) ** 3 + 0.1)
                one[3] -= dx * other[6] * force
                other[3] += dx * one[6] * force
                one[4] -= dy * other[6] * force
                other[4] += dy * one[6] * force
                one[5] -= dz * other[6] * force
                other[5] += dz * one[6] * force
        for one in planets:
            one[0] += 0.001 * one[3]
            one[1] += 0.001 * one[4]
            one[2] += 0.001 * one[5]
    return sum(one[0] + one[1] + one[2] for one in planets)


def objects(scale: int) -> int:
    """Classes, calls and dictionaries of strings."""

    class Item:
        def __init__(self, name: str, weight: int) -> None:
            self.name = name
            self.weight = weight

        def heavier(self, by: int) -> Item:
            return Item(self.name, self.weight + by)

    shelf: dict[str, Item] = {}
    for number in range(60_000 * scale):
        name = f"item-{number % 5_000}"
        found = shelf.get(name)
        shelf[name] = found.heavier(number) if found else Item(name, number)
    return sum(item.weight for item in shelf.values())


def documents(scale: int) -> int:
    """JSON, out and in."""
    document = [{"id": i, "name": f"name {i}", "tags": ["a", "b", str(i)], "value": i / 7} for i in range(3_000)]
    length = 0
    for _ in range(4 * scale):
        text = json.dumps(document)
        length += len(text) + len(json.loads(text))
    return length


def patterns(scale: int) -> int:
    """Regular expressions over a text."""
    text = " ".join(f"user{i}@example.org 2026-11-{i % 28 + 1:02} {i * 37 % 1000}ms" for i in range(4_000))
    mail = re.compile(r"[\w.]+@[\w.]+\.\w+")
    slow = re.compile(r"\b(\d{3,})ms\b")
    found = 0
    for _ in range(3 * scale):
        found += len(mail.findall(text)) + sum(int(each) for each in slow.findall(text))
    return found


def strings(scale: int) -> int:
    """Splitting, joining, sorting and comparing strings: what a libc's memory functions show in."""
    words = [hashlib.sha256(str(i).encode()).hexdigest()[: 8 + i % 24] for i in range(20_000)]
    total = 0
    for _ in range(3 * scale):
        text = ",".join(sorted(words))
        total += len(text.upper().replace("A", "aa").split(",")) + text.find("zzz")
    return total


def memory(scale: int) -> int:
    """Blocks that are too large for the interpreter's own pools, so that the libc's allocator hands them out."""
    total = 0
    kept: list[bytearray] = []
    for number in range(60_000 * scale):
        kept.append(bytearray(600 + number * 97 % 4_000))
        if len(kept) > 500:
            total += len(kept.pop(number * 31 % 500))
    return total


def threads(scale: int) -> int:
    """Four threads that compress, outside of the interpreter's lock, and allocate."""
    data = bytes(array.array("I", [i * 2_654_435_761 % 2**32 for i in range(40_000)]))
    sizes = [0] * 4

    def work_of(index: int) -> None:
        for _ in range(2 * scale):
            sizes[index] += len(zlib.decompress(zlib.compress(data, 1)))

    running = [threading.Thread(target=work_of, args=(index,)) for index in range(4)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(sizes)


CASES: tuple[Callable[[int], object], ...] = (loops, bodies, objects, documents, patterns, strings, memory, threads)


def main() -> None:
    scale = int(sys.argv[1])
    for each in CASES:
        work.measure(f"python: {each.__name__}", partial(each, scale))


if __name__ == "__main__":
    main()
