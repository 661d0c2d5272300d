"""Data frames: group-bys of db-benchmark, sorting, joining, windows, files, strings and figures, with pandas.

    python3 work_frames.py ROWS [CHUNK]

With more rows than CHUNK the table is never whole in memory: the group-bys whose parts add up go over all chunks, as a
program would that streams a file, and the other questions are asked of the first chunk.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator

import work

REPEAT = 3
"""Warm repetitions; one of what sorts the whole table, which would be two thirds of all time."""


def main() -> None:
    rows = int(sys.argv[1])
    chunk = int(sys.argv[2]) if len(sys.argv) > 2 else rows
    first, _ = work.timed(_imports)
    work.say("frames: import", values=[first], first=first)
    from g1_data import frame

    if rows > chunk:
        _streamed(lambda: (frame(chunk, first=at, total=rows) for at in range(0, rows, chunk)))
    table = frame(min(rows, chunk), total=rows)
    if rows <= chunk:
        _added(table)
    _whole(table)
    _files(table)
    _strings(table)
    _figures(table)
    _threads(table)


def _imports() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import pyarrow  # noqa: F401, ICN001  # all three are imported to be timed


def _q1(table):
    return table.groupby("id1", observed=True).agg(v1=("v1", "sum"))


def _q2(table):
    return table.groupby(["id1", "id2"], observed=True).agg(v1=("v1", "sum"))


def _q3(table):
    return table.groupby("id3", observed=True).agg(v1=("v1", "sum"), v3=("v3", "sum"), n=("v3", "count"))


def _q4(table):
    return table.groupby("id4").agg(v1=("v1", "sum"), v2=("v2", "sum"), v3=("v3", "sum"), n=("v3", "count"))


def _q5(table):
    return table.groupby("id6").agg(v1=("v1", "sum"), v2=("v2", "sum"), v3=("v3", "sum"))


ADDED = {
    "sum of v1 by id1": _q1,
    "sum of v1 by id1, id2": _q2,
    "sum of v1, mean of v3 by id3": _q3,
    "means by id4": _q4,
    "sums by id6": _q5,
}
"""Questions whose answers for parts of a table add up."""


def _answer(found) -> list[float]:
    """Return what identifies a frame: its rows, and the sum of each column."""
    return [float(len(found)), *(float(each) for each in found.sum(numeric_only=True))]


def _added(table) -> None:
    for name, question in ADDED.items():
        work.measure(f"frames: {name}", lambda question=question: _answer(question(table)), repeat=REPEAT)


def _streamed(chunks: Callable[[], Iterator]) -> None:
    """Ask over all chunks; only the question is timed, the making of chunks is not."""
    totals = dict.fromkeys(ADDED, (0.0, None))
    for table in chunks():
        for name, question in ADDED.items():
            seconds, found = work.timed(lambda question=question, table=table: question(table))
            spent, so_far = totals[name]
            totals[name] = (spent + seconds, found if so_far is None else so_far.add(found, fill_value=0))
    for name, (seconds, found) in totals.items():
        work.say(f"frames: {name}", first=seconds, values=[seconds], check=work.checked(_answer(found)))


def _whole(table) -> None:
    import pandas as pd

    grouped = table.groupby(["id4", "id5"])["v3"]
    work.measure(
        "frames: median, deviation by id4, id5", lambda: _answer(grouped.agg(["median", "std"])), repeat=REPEAT
    )
    by_id3 = table.groupby("id3", observed=True)
    work.measure("frames: range by id3", lambda: float((by_id3["v1"].max() - by_id3["v2"].min()).sum()), repeat=REPEAT)
    work.measure(
        "frames: largest two by id6",
        lambda: _answer(table.sort_values("v3", ascending=False).groupby("id6").head(2)[["v3"]]),
        repeat=1,
    )
    work.measure(
        "frames: sort", lambda: float(table.sort_values(["id6", "v3"])["v3"].iloc[:: max(1, len(table) // 997)].sum()),
        repeat=1,
    )  # fmt: skip
    other = pd.DataFrame({"id6": range(1, int(table["id6"].max()) + 1)})
    other["weight"] = other["id6"] % 97
    work.measure("frames: join", lambda: int(table.merge(other, on="id6")["weight"].sum()), repeat=REPEAT)
    work.measure("frames: rolling mean", lambda: float(table["v3"].rolling(101).mean().sum()), repeat=REPEAT)


def _files(table) -> None:
    import pandas as pd

    part = table.head(min(len(table), 1_000_000))
    with tempfile.TemporaryDirectory() as directory:
        csv, parquet = os.path.join(directory, "t.csv"), os.path.join(directory, "t.parquet")
        work.measure("frames: write CSV", lambda: part.to_csv(csv, index=False), repeat=1)
        work.measure("frames: read CSV, C parser", lambda: _answer(pd.read_csv(csv)), repeat=REPEAT)
        work.measure("frames: read CSV, pyarrow", lambda: _answer(pd.read_csv(csv, engine="pyarrow")), repeat=REPEAT)
        work.measure("frames: write Parquet", lambda: part.to_parquet(parquet), repeat=REPEAT)
        work.measure("frames: read Parquet", lambda: _answer(pd.read_parquet(parquet)), repeat=REPEAT)


def _strings(table) -> None:
    column = table["id3"].head(200_000).astype("object")
    work.measure(
        "frames: strings",
        lambda: int(column.str.upper().str.replace("ID", "no-").str.contains("7[0-9]*3").sum()),
        repeat=REPEAT,
    )


def _figures(table) -> None:
    import matplotlib.pyplot as plt

    part = table.head(500_000)

    def figure(kind: str) -> str:
        picture, axes = plt.subplots(figsize=(6, 4), dpi=100)
        if kind == "histogram":
            axes.hist(part["v3"], bins=200)
        elif kind == "hexagons":
            axes.hexbin(part["v3"], part["id4"], gridsize=60)
        else:
            axes.plot(part["v3"].head(20_000).cumsum())
        output = io.BytesIO()
        picture.savefig(output, format="svg" if kind == "line, as SVG" else "png")
        plt.close(picture)
        # Fonts and anti-aliasing may differ by a dot; that there is a picture of the size is what is checked.
        return "figure" if output.tell() > 1000 else "empty"

    for kind in ("histogram", "hexagons", "line, as SVG"):
        work.measure(f"frames: {kind}", lambda kind=kind: figure(kind), repeat=1)


def _threads(table) -> None:
    """Four threads that make many arrays too large for the interpreter's own pools: what an allocator shows in."""
    import numpy as np

    values = table["v3"].to_numpy()[:100_000]

    def allocate() -> float:
        sums = [0.0] * 4

        def one(index: int) -> None:
            for at in range(0, 100_000 - 400, 40):
                sums[index] += float(np.sort(values[at : at + 300] * 2)[150])

        threads = [threading.Thread(target=one, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sums[0]

    work.measure("frames: threads that allocate", allocate, repeat=REPEAT)


if __name__ == "__main__":
    main()
