"""The data of db-benchmark's group-by questions ("G1"), made deterministically, block by block.

https://github.com/duckdblabs/db-benchmark: `G1_1e8_1e2_0_0` has 1e8 rows, 1e2 groups, and nothing missing. Its own
generator is R's; here Philox makes the same columns with the same distributions, so that any block can be made alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SEED = 108
GROUPS = 100
BLOCK = 1_000_000
"""Rows that have one state of the generator."""


def frame(rows: int, *, first: int = 0, total: int | None = None) -> pd.DataFrame:
    """Return *rows* rows from row *first* on, which is the beginning of a block, of a table of *total* rows."""
    total = total or rows
    many = max(1, total // GROUPS)
    parts = [_block(min(BLOCK, rows - at), (first + at) // BLOCK, many) for at in range(0, rows, BLOCK)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    few = [f"id{i:03}" for i in range(1, GROUPS + 1)]
    table = pd.DataFrame({name: columns[name] for name in ("id4", "id5", "id6", "v1", "v2", "v3")})
    table.insert(0, "id3", pd.Categorical.from_codes(columns["id3"], [f"id{i:010}" for i in range(1, many + 1)]))
    table.insert(0, "id2", pd.Categorical.from_codes(columns["id2"], few))
    table.insert(0, "id1", pd.Categorical.from_codes(columns["id1"], few))
    return table


def _block(rows: int, number: int, many: int) -> dict[str, np.ndarray]:
    dice = np.random.Generator(np.random.Philox(key=SEED, counter=[0, 0, 0, number]))
    return {
        "id1": dice.integers(0, GROUPS, rows, dtype=np.int8),
        "id2": dice.integers(0, GROUPS, rows, dtype=np.int8),
        "id3": dice.integers(0, many, rows, dtype=np.int32),
        "id4": dice.integers(1, GROUPS + 1, rows, dtype=np.int32),
        "id5": dice.integers(1, GROUPS + 1, rows, dtype=np.int32),
        "id6": dice.integers(1, many + 1, rows, dtype=np.int32),
        "v1": dice.integers(1, 6, rows, dtype=np.int32),
        "v2": dice.integers(1, 16, rows, dtype=np.int32),
        "v3": np.round(dice.random(rows) * 100, 6),
    }
