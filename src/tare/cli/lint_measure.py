"""The part of `tare lint` that builds: `--measure`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tare.cli.arguments import Arguments, Parser
from tare.errors import UsageError

if TYPE_CHECKING:
    from tare.dockerfile.beside import Beside
    from tare.engines.building import Builder
    from tare.flow.dockerfiles.measure import Measured


class MeasureArguments(Arguments):
    """What `--measure` takes besides."""

    measure: bool
    engine: str | None
    network: str | None
    build_arg: list[str]
    secret: list[str]


def add_measure_options(parser: Parser) -> None:
    """Add `--measure` and what its builds are given."""
    group = parser.add_argument_group("the truth")
    group.add_argument("--measure", action="store_true", help="build before and after the fixes, and show both")
    group.add_argument("--engine", metavar="NAME", help="what builds: docker, podman or buildah")
    group.add_argument("--network", choices=["host"], help="what network the builds have, as in `docker build`")
    group.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE", help="as in `docker build`")
    group.add_argument("--secret", action="append", default=[], metavar="id=ID,src=FILE", help="as in `docker build`")


def chosen_builder(arguments: MeasureArguments) -> Builder:
    """Return what builds; that nothing does is an error before anything is checked."""
    from tare.flow.dockerfiles.builders import builders, choose_builder

    return choose_builder(list(builders(dict(os.environ))), arguments.engine)


def measured(
    arguments: MeasureArguments, builder: Builder, beside: Beside, name: str, texts: tuple[str, str], *, fixed: int
) -> Measured:
    """Build both *texts* of the file *name*, and return what they are."""
    from tare.flow.dockerfiles.measure import Setting, measure

    if beside.root is None:
        raise UsageError("standard input has no context to build in", hints=("Name it with `--context DIR`",))
    setting = Setting(
        context=Path(beside.root),
        build_args=dict(_pair(text, "--build-arg") for text in arguments.build_arg),
        secrets=dict(_secret(text) for text in arguments.secret),
        host_network=arguments.network == "host",
    )
    sys.stderr.write(
        f"building `{name}` before and after {fixed} fix{'es' if fixed != 1 else ''} with {builder.name}\n"
    )
    return measure(builder, name, texts, fixed, setting)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise UsageError(f"`{option} {text}` is not NAME=VALUE")
    return name, value


def _secret(text: str) -> tuple[str, Path]:
    values = dict(_pair(part, "--secret") for part in text.split(","))
    source = values.get("src", values.get("source", ""))
    if not values.get("id") or not os.path.isfile(source):
        raise UsageError(f"`--secret {text}` names no file", causes=("expected id=ID,src=FILE",))
    return values["id"], Path(source)
