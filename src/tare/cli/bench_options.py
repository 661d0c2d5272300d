"""What `tare bench` is asked: its options."""

from __future__ import annotations

from tare.cli.arguments import Parser
from tare.cli.settings import WorldArguments, add_world_options, count

ACTIONS = ("run", "report", "compare", "explain", "doctor", "worker")
PROFILES = ("smoke", "standard", "full")
DRIVERS = ("asyncpg", "psycopg")


class BenchArguments(WorldArguments):
    """What `tare bench` is given."""

    action: str
    results: list[str]
    image: list[str]
    profile: str | None
    workloads: str | None
    engine: str | None
    rounds: int | None
    more: int | None
    seed: int
    baseline: str | None
    load_seconds: float | None
    block: str | None
    output: str | None
    database: str | None
    define: str | None
    executor: str
    blocks: int
    cores: int
    memory: str
    client: str | None
    remote: str
    stream: bool
    dry_run: bool
    project: str | None
    builder: list[str]
    load: str
    driver: str
    fail_on: list[str]
    html: str | None
    language: str
    markdown: bool
    json: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "action", choices=ACTIONS, help="measure, show, compare two runs, explain, or look at the machine"
    )
    parser.add_argument("results", nargs="*", metavar="DIR", help="directories of results, for all but `run`")
    what = parser.add_argument_group("what is measured")
    what.add_argument(
        "--image", action="append", default=[], metavar="[NAME=]IMAGE",
        help="a base or an image: deb:SUITE, a tag, oci:DIR, …; with `--engine host`, an interpreter",
    )  # fmt: skip
    what.add_argument("--baseline", metavar="NAME", help="what the others are compared with (default: the first)")
    what.add_argument("--profile", choices=PROFILES, help="how much work (default: smoke)")
    what.add_argument(
        "--workloads",
        metavar="LIST",
        help="of size, build, start, io, cpu, frames, learning (default: size,start,cpu, and io in smoke)",
    )
    what.add_argument("--define", metavar="FILE", help="a bench.toml with workloads of your own")
    what.add_argument("--project", metavar="DIR", help="what build builds (default: a small service of ours)")
    what.add_argument(
        "--builder", action="append", default=[], metavar="NAME",
        help="what build builds with: tare, docker, podman, buildah (default: tare, and the engine that is there)",
    )  # fmt: skip
    how = parser.add_argument_group("how")
    how.add_argument("--engine", choices=("docker", "podman", "chroot", "host"), help="what runs the images")
    how.add_argument("--rounds", type=count, metavar="N", help="how many rounds (default: the profile's)")
    how.add_argument("--more", type=count, metavar="N", help="add rounds to results that are there")
    how.add_argument("--seed", type=int, default=108, metavar="N", help="of the order and of the data")
    how.add_argument(
        "--load-seconds", type=_seconds, metavar="N", help="how long each load of io lasts (default: the profile's)"
    )
    how.add_argument("--block", metavar="NAME", help="the name of this machine's share (default: local)")
    how.add_argument("--database", metavar="URL", help="a PostgreSQL for io, in the place of one that is started")
    how.add_argument(
        "--load", default="tare", metavar="HOW",
        help="what makes load on a service: tare, locust:WORKERS, locust:WORKERS@ADDRESS:PORT (default: tare)",
    )  # fmt: skip
    how.add_argument(
        "--driver", choices=DRIVERS, default=DRIVERS[0], help="what images ask PostgreSQL with (default: asyncpg)"
    )
    how.add_argument("-o", "--output", metavar="DIR", help="where results go")
    how.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="WORKLOAD>RATIO",
        help="compare: exit 1 when surely slower than that",
    )
    _add_machines(parser)
    add_world_options(parser)
    parser.add_argument("--html", metavar="FILE", help="write a page, too")
    parser.add_argument("--language", default="en", metavar="LANG", help="of the page: en or ko (default: en)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--json", action="store_true", help="print a document that machines read, with every sample")


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 86_400:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"`{text}` is not a number of seconds")
    return found


def _add_machines(parser: Parser) -> None:
    group = parser.add_argument_group("other machines")
    group.add_argument(
        "--executor", default="local", metavar="WHERE",
        help="ssh:HOST[,HOST…]: each host measures a block; kubernetes:IMAGE: pods of an image that has tare do",
    )  # fmt: skip
    group.add_argument("--client", metavar="COMMAND", help="the ssh or kubectl to use, with its options")
    group.add_argument("--remote", default="tare", metavar="COMMAND", help="how hosts call tare (default: tare)")
    group.add_argument("--blocks", type=count, default=2, metavar="N", help="how many pods (default: 2)")
    group.add_argument("--cores", type=count, default=2, metavar="N", help="of each pod (default: 2)")
    group.add_argument("--memory", default="4Gi", metavar="SIZE", help="of each pod (default: 4Gi)")
    group.add_argument("--dry-run", action="store_true", help="print the commands, or the Job, and run nothing")
    group.add_argument(
        "--stream", action="store_true", help="print each sample as it is measured, for who gathers them"
    )


def workloads(arguments: BenchArguments) -> str:
    """Return what is to be measured; in smoke a table, too, which needs no database there."""
    if arguments.workloads is not None:
        return arguments.workloads
    return "size,start,io,cpu" if (arguments.profile or "smoke") == "smoke" else "size,start,cpu"
