"""A hundred million rows: loaded by one image's Python over binary COPY, then asked and served by all of them.

    python3 benchmarks/rows.py --registry 127.0.0.1:5000            about 40 minutes on 2 cores, and 30 GB of disk
    python3 benchmarks/rows.py --registry … --profile standard --load-seconds 2 --no-write      a rehearsal, 10⁷ rows

The registry is the lab's (`make lab`), with replicas of Python's official images. What was measured goes to ROWS.md and
ROWS.json beside this file; the samples stay in `.cache/bench/rows`, where a run that was killed goes on. The database's
files are in the temporary directory (TMPDIR), and are removed at the end unless `--keep` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SEED = 100
"""With which the first candidate of the first round, whose Python loads the table, is the baseline itself."""
LIMIT = 600.0
"""Seconds that loading the whole table may take, with its indexes."""
IMAGES = {"slim": "3.13-slim-trixie", "alpine": "3.13-alpine3.23"}


def main() -> int:
    parser = argparse.ArgumentParser(description="Load 10⁸ rows, and measure queries and a service on them.")
    parser.add_argument("--registry", default=os.environ.get("TARE_LAB_REGISTRY"), help="the lab's (TARE_LAB_REGISTRY)")
    parser.add_argument("--profile", default="full", help="full: 10⁸ rows; standard: 10⁷")
    parser.add_argument("--load-seconds", default="10", help="how long each load of the service lasts (default: 10)")
    parser.add_argument("--keep", action="store_true", help="keep the database's files for the next run")
    parser.add_argument("--no-write", action="store_true", help="print, and write nothing beside this file")
    arguments = parser.parse_args()
    if not arguments.registry:
        parser.error('name the lab\'s registry: `eval "$(make -s lab)"`, or --registry HOST:PORT')
    results = ROOT / ".cache" / "bench" / f"rows-{arguments.profile}"
    told = command(arguments, results)
    code = subprocess.run(told, env=environment(), cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode
    if code:
        return code
    document = json.loads(report(results, "--json"))
    text = heading(document) + report(results, "--markdown")
    if arguments.no_write:
        sys.stdout.write(text)
    else:
        written = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        (HERE / "ROWS.md").write_text(portable(text), encoding="utf-8")
        (HERE / "ROWS.json").write_text(portable(written), encoding="utf-8")
    if not arguments.keep:
        shutil.rmtree(Path(tempfile.gettempdir()) / f"tare-bench-postgres-{os.geteuid()}", ignore_errors=True)
    return 0


def command(arguments: argparse.Namespace, results: Path) -> list[str]:
    images = [f"{name}={arguments.registry}/library/python:{tag}" for name, tag in IMAGES.items()]
    return [
        sys.executable, "-m", "tare", "bench", "run", "--profile", arguments.profile, "--workloads", "io",
        "--rounds", "1", "--seed", str(SEED), "--engine", "chroot", "--load-seconds", arguments.load_seconds,
        "--insecure-registry", arguments.registry, *(word for each in images for word in ("--image", each)),
        "--output", str(results.relative_to(ROOT)),
    ]  # fmt: skip


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def portable(text: str) -> str:
    """Return *text* without directories of this machine: where the replicas' interpreter was compiled is one."""
    text = re.sub(r"/[^\s'\"=]*?/\.lab/", "/usr/src/", text)
    if str(ROOT) in text or str(Path.home()) in text:
        raise SystemExit("what was measured would name a directory of this machine: nothing was written")
    return text


def report(results: Path, form: str) -> str:
    told = [sys.executable, "-m", "tare", "bench", "report", str(results), form]
    return subprocess.run(told, env=environment(), check=True, capture_output=True, text=True).stdout


def heading(document: dict[str, Any]) -> str:
    """Return what is to be known before the tables: how long the load took, where, and when."""
    whole = {each["case"]: each for each in document["samples"] if "whole table" in each["case"]}
    seconds = [
        each.get("extra", {}).get("seconds", each["value"])
        for each in whole.values()
        if each.get("status", "ok") == "ok"
    ]
    machine = next(iter(document["run"]["machines"].values()))
    rows, total = document["run"]["plan"]["rows"], sum(seconds)
    day = datetime.fromtimestamp(document["run"]["started"], UTC).strftime("%Y-%m-%d")
    said = "within" if total <= LIMIT else "beyond"
    return (
        f"""\
# {rows:,} rows

Loaded by the Python of one image over binary COPY in {total:.0f} s with both indexes and ANALYZE: {said} the promise of
{LIMIT / 60:.0f} minutes, on {day}. {machine["processor"]}, {machine["cores"]} cores, {machine["memory"] / 1e9:.0f} GB; \
{document["run"]["plan"]["database"]}; one round, so no verdicts: the tables
say what was measured, and the A/A control how much of it is noise. Images are replicas of the official ones.

| step | |
|---|---|
"""
        + "".join(f"| {name.partition(': ')[2]} | {each:.1f} s |\n" for name, each in zip(whole, seconds, strict=False))
        + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
