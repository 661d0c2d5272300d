"""The options that say how a slim image is tried. Apart from what tries it, since every build has them."""

from __future__ import annotations

from tare.cli.arguments import Parser


def add_proof_options(parser: Parser) -> None:
    """Add what says how a slim image is tried."""
    parser.add_argument(
        "--prove", action="store_true", help="import every module in both images, and put back what is missed"
    )
    parser.add_argument("--check", metavar="COMMAND", help="a command that must succeed in the slim image, too")
    parser.add_argument(
        "--mount",
        action="append",
        default=[],
        metavar="SRC:DST",
        help="what --check needs of this machine, such as tests",
    )
    parser.add_argument("--engine", metavar="NAME", help="docker, podman or chroot (default: the first that works)")
