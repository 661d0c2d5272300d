"""What each instruction may have: its form, its flags, how many words.

A table, and not TOML, since it is the grammar itself and every start reads it.
https://docs.docker.com/reference/dockerfile/, read on 2026-11-24
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

FlagKind = Literal["text", "texts", "switch"]


class Rule(NamedTuple):
    """The grammar of one instruction."""

    form: Literal["maybe-json", "maybe-json-words", "pairs", "names", "blanks", "whole", "health", "nested"]
    least: int = 1
    most: int | None = None
    """How many words; `None`: any number."""

    flags: dict[str, FlagKind] = {}  # noqa: RUF012 - a NamedTuple's default, never changed


_COPY: Final[dict[str, FlagKind]] = {
    "from": "text", "chown": "text", "chmod": "text", "link": "switch", "parents": "switch", "exclude": "texts",
}  # fmt: skip
_ADD: Final[dict[str, FlagKind]] = {
    "chown": "text", "chmod": "text", "link": "switch", "keep-git-dir": "switch", "checksum": "text",
    "exclude": "texts", "unpack": "switch",
}  # fmt: skip

INSTRUCTIONS: Final[dict[str, Rule]] = {
    "ADD": Rule("maybe-json-words", 2, None, _ADD),
    "ARG": Rule("names"),
    "CMD": Rule("maybe-json", 0),
    "COPY": Rule("maybe-json-words", 2, None, _COPY),
    "ENTRYPOINT": Rule("maybe-json", 0),
    "ENV": Rule("pairs"),
    "EXPOSE": Rule("blanks"),
    "FROM": Rule("blanks", 1, 3, {"platform": "text"}),
    "HEALTHCHECK": Rule(
        "health",
        1,
        None,
        {"interval": "text", "timeout": "text", "start-period": "text", "start-interval": "text", "retries": "text"},
    ),
    "LABEL": Rule("pairs"),
    "MAINTAINER": Rule("whole", 1, 1),
    "ONBUILD": Rule("nested"),
    "RUN": Rule("maybe-json", 0, None, {"mount": "texts", "network": "text", "security": "text", "device": "texts"}),
    "SHELL": Rule("maybe-json"),
    "STOPSIGNAL": Rule("whole", 1, 1),
    "USER": Rule("whole", 1, 1),
    "VOLUME": Rule("maybe-json-words"),
    "WORKDIR": Rule("whole", 1, 1),
}

HEREDOCS: Final = frozenset({"ADD", "COPY", "RUN"})

EXPANDED: Final = frozenset({
    "ADD", "ARG", "COPY", "ENV", "EXPOSE", "FROM", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
})  # fmt: skip
"""Where BuildKit replaces variables. RUN, CMD, ENTRYPOINT and HEALTHCHECK leave that to the shell."""

PLATFORM_ARGUMENTS: Final = frozenset({
    "BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT", "TARGETPLATFORM", "TARGETOS",
    "TARGETOSVERSION", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",
})  # fmt: skip
"""Set for FROM by BuildKit itself, and in a stage once an ARG names them."""

PROXY_ARGUMENTS: Final = frozenset({
    "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy",
    "ALL_PROXY", "all_proxy",
})  # fmt: skip
"""A build may set them without an ARG."""
