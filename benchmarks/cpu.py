"""CPU-bound work: the interpreter alone, data frames and figures, and what scikit-learn learns, on one base after another.

    python3 benchmarks/cpu.py --registry 127.0.0.1:5000                  10⁷ rows, every base, five rounds
    python3 benchmarks/cpu.py --registry … --learning                    k-means and forests, which POST.md shows as well
    python3 benchmarks/cpu.py --registry … --rows 100000000              10⁸ rows in chunks, one round
    python3 benchmarks/cpu.py --registry … --rows 100000 --no-write      a rehearsal

The registry is the lab's (`make lab`), with replicas of Python's official images. Each of the three is a part of CPU.md and
CPU.json beside this file, and replaces that part alone. Samples stay in `.cache/bench/cpu-PART`, where a run that was
killed goes on when it is started again; `--again` begins anew.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rows as service

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
IMAGES = {**service.IMAGES, "full": "3.13-trixie"}
DEB = "deb:trixie"
PROFILES = {100_000: "smoke", 10_000_000: "standard", 100_000_000: "full"}
ROUNDS = {"standard": 5, "learning": 5}
"""By part; one round otherwise."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure CPU-bound work on several bases.")
    parser.add_argument("--registry", default=os.environ.get("TARE_LAB_REGISTRY"), help="the lab's (TARE_LAB_REGISTRY)")
    parser.add_argument("--rows", type=int, default=10_000_000, choices=PROFILES, help="of the data frame")
    parser.add_argument(
        "--learning", action="store_true", help="scikit-learn, in the place of frames and the interpreter"
    )
    parser.add_argument("--images", default=",".join([*IMAGES, "deb"]), help="of slim, alpine, full, deb")
    parser.add_argument("--rounds", type=int, help="how many (default: 5, and 1 of 10⁸ rows)")
    parser.add_argument("--again", action="store_true", help="forget what an earlier run measured")
    parser.add_argument("--no-write", action="store_true", help="print, and write nothing beside this file")
    arguments = parser.parse_args()
    if not arguments.registry:
        parser.error('name the lab\'s registry: `eval "$(make -s lab)"`, or --registry HOST:PORT')
    if unknown := set(filter(None, arguments.images.split(","))) - {*IMAGES, "deb"}:
        parser.error(f"there is no image {', '.join(sorted(unknown))}")
    part = part_of(arguments)
    results = ROOT / ".cache" / "bench" / f"cpu-{part}"
    if arguments.again:
        shutil.rmtree(results, ignore_errors=True)
    told = command(arguments, part, results)
    code = subprocess.run(told, env=service.environment(), cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode
    if code:
        return code
    document = json.loads(service.report(results, "--json"))
    if arguments.no_write:
        sys.stdout.write(section(document) + service.report(results, "--markdown"))
    else:
        write(part, document)
    return 0


def part_of(arguments: argparse.Namespace) -> str:
    """Return which part of the page this is: `learning-smoke` and the like are rehearsals."""
    profile = PROFILES[arguments.rows]
    return (f"learning-{profile}" if profile != "standard" else "learning") if arguments.learning else profile


def command(arguments: argparse.Namespace, part: str, results: Path) -> list[str]:
    """Return the run: 10⁸ rows are too many for the interpreter's loops to be done again beside them."""
    profile = PROFILES[arguments.rows]
    workloads = "learning" if arguments.learning else "frames" if profile == "full" else "cpu,frames"
    images = {name: f"{arguments.registry}/library/python:{tag}" for name, tag in IMAGES.items()} | {"deb": DEB}
    named = [name for name in arguments.images.split(",") if name]
    return [
        sys.executable, "-m", "tare", "bench", "run", "--profile", profile, "--workloads", workloads,
        "--rounds", str(arguments.rounds or ROUNDS.get(part, 1)), "--engine", "chroot",
        "--insecure-registry", arguments.registry,
        *(word for name in named for word in ("--image", f"{name}={images[name]}")),
        "--output", str(results.relative_to(ROOT)),
    ]  # fmt: skip


def write(part: str, document: dict[str, Any]) -> None:
    """Replace one part of CPU.json, and write CPU.md from all of them."""
    path = HERE / "CPU.json"
    parts = json.loads(path.read_text("utf-8")) if path.exists() else {}
    parts[part] = document
    text = service.portable(as_text(parts))
    path.write_text(text, encoding="utf-8")
    # The page is made from what was written: CPU.json is enough to make it again.
    (HERE / "CPU.md").write_text(page(json.loads(text)), encoding="utf-8")


def as_text(parts: dict[str, Any]) -> str:
    """Return JSON with a line for each sample, so that a difference of two versions can be read."""
    kept = []
    for name, each in parts.items():
        head = json.dumps({"schema": each["schema"], "run": each["run"]}, indent=1, ensure_ascii=False)
        samples = ",\n".join(json.dumps(sample, ensure_ascii=False) for sample in each["samples"])
        kept.append(f'{json.dumps(name)}: {head[:-2]},\n "samples": [\n{samples}\n]}}')
    return "{\n" + ",\n".join(kept) + "\n}\n"


def page(parts: dict[str, Any]) -> str:
    order = [name for name in ("standard", "full", "learning", "smoke", "learning-smoke") if name in parts]
    found = []
    for name in order:
        directory = laid_out(parts[name])
        document = json.loads(service.report(directory, "--json"))
        found.append(section(document) + service.report(directory, "--markdown"))
    return HEAD + "\n".join(found)


HEAD = """\
# CPU-bound work

What images do alike, and what they do not, when nothing waits for a disk or a network: made by `benchmarks/cpu.py`. Images are
replicas of the official ones, and what tare assembles on `deb:trixie`; each round runs all of them in a new order, each in a fresh
container (chroot engine), and the baseline twice. *The first time* is the first in a container, when
imports are undone and caches cold; all other figures are medians of the repetitions after it.

"""


def section(document: dict[str, Any]) -> str:
    """Return what is to be known before the tables."""
    run, samples = document["run"], document["samples"]
    machine, plan = next(iter(run["machines"].values())), run["plan"]
    day = datetime.fromtimestamp(run["started"], UTC)
    return f"""\
## {title(plan)}

{day:%Y-%m-%d}: {machine["processor"]}, {machine["cores"]} cores, {machine["memory"] / 1e9:.0f} GB, load {machine["load"]:.1f} at the \
start; tare {run["tare"]}; {rounds_of(samples)}, about {max(1, round(spent(samples) / 60))} min of work in containers.

{chr(10).join(f"* {line}" for line in (*chunked(plan), *agreement(document), *lacking(samples)))}

"""


def title(plan: dict[str, Any]) -> str:
    if "learning" in plan["workloads"]:
        return "What scikit-learn learns"
    return f"{plan['rows']:,} rows"


def rounds_of(samples: list[dict[str, Any]]) -> str:
    count = 1 + max(each["round"] for each in samples)
    return f"{count} rounds" if count > 1 else "one round, so no verdicts"


def spent(samples: list[dict[str, Any]]) -> float:
    """Return about how many seconds of work were done in all: first times and repetitions."""
    timed = [each for each in samples if each.get("unit", "s") == "s"]
    return float(sum(sum(each.get("values", ())) + (each.get("first") or 0.0) for each in timed))


def chunked(plan: dict[str, Any]) -> Iterator[str]:
    """Say of a table that is never whole in memory what was asked of all of it."""
    if "frames" not in plan["workloads"]:
        return
    if plan["profile"] == "full":
        yield (
            f"the table of {plan['rows']:,} rows is made and asked in chunks of 10,000,000, for all images: the five group-bys whose "
            "parts add up are of all rows, and their time is the sum of all chunks, without the making of chunks; every other "
            "question is of the first chunk"
        )
    yield "files are of the first million rows, strings of 200,000, figures of 500,000"


def agreement(document: dict[str, Any]) -> Iterator[str]:
    """Say whether the answers agree; the tables mark each that does not, too."""
    cells = document["analysis"]["cells"]
    asked = {each["case"] for each in document["samples"] if each.get("check")}
    wrong = sorted({each["case"] for each in cells if each["status"] == "mismatch"})
    if wrong:
        yield f"answers of {len(wrong)} of {len(asked)} cases differ: {', '.join(wrong)}"
    elif asked:
        yield f"the answers of all {len(asked)} cases that have one are the same on all images, in all rounds"


def lacking(samples: list[dict[str, Any]]) -> Iterator[str]:
    """Say which image could not do what, and why."""
    found: dict[tuple[str, str], set[str]] = {}
    for each in samples:
        if each.get("status", "ok") not in {"ok", "mismatch"}:
            said = (each["status"], each.get("note") or "nobody says why")
            found.setdefault(said, set()).add(each["candidate"])
    for (status, note), names in sorted(found.items()):
        yield f"{', '.join(sorted(names))}: {status}: {note}"


def laid_out(document: dict[str, Any]) -> Path:
    """Return a directory of results as tare reads them."""
    scratch = ROOT / ".cache" / "bench" / "cpu-shown"
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "run.json").write_text(json.dumps(document["run"]), encoding="utf-8")
    lines = "".join(json.dumps(each) + "\n" for each in document["samples"])
    (scratch / "samples.jsonl").write_text(lines, encoding="utf-8")
    return scratch


if __name__ == "__main__":
    sys.exit(main())
