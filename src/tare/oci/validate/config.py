"""The image configuration.

https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
"""

from __future__ import annotations

from typing import Final

import msgspec

from tare.oci.digest import Digest
from tare.oci.platform import Platform
from tare.oci.validate import descriptors, platforms, run_config, times
from tare.oci.validate.documents import Object
from tare.oci.validate.fields import Fields
from tare.oci.validate.findings import Report, shown
from tare.oci.validate.run_config import Run

_FIELDS: Final = frozenset(
    {"created", "author", "architecture", "os", "os.version", "os.features", "variant", "config", "rootfs", "history"}
)
_ROOTFS: Final = frozenset({"type", "diff_ids"})
_HISTORY: Final = frozenset({"created", "created_by", "author", "comment", "empty_layer"})


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What the rest of a check needs of a config."""

    platform: Platform | None

    diff_ids: tuple[Digest | None, ...] | None
    """None for one that is not a digest, and for all if there is no list."""

    run: Run


def check(value: Object, where: str, report: Report, *, layers: int | None) -> Config:
    """Check a config of an image with *layers* layers; None if the manifest has no list of them."""
    fields = Fields(value, where, "", report, code="C001", nullable=True)
    fields.known(_FIELDS)
    platform = platforms.read(fields)
    windows = platform is not None and platform.os == "windows"
    fields.string("author")
    check_time(fields, "created")
    diff_ids = _rootfs(fields.object("rootfs", required=True))
    if diff_ids is not None and layers is not None and len(diff_ids) != layers:
        message = f"expected {layers}, one for each layer, found {len(diff_ids)}"
        fields.fault("rootfs.diff_ids", message, "C003")
    _history(fields, layers)
    run = run_config.check(fields.object("config"), windows=windows)
    if not run.command and not (platform and platforms.is_unknown(platform)):
        fields.fault(
            "config.Cmd", "expected an Entrypoint or a Cmd, found neither: a container needs a command", "C015"
        )
    return Config(platform=platform, diff_ids=diff_ids, run=run)


def check_time(fields: Fields, name: str) -> None:
    """Check that the field *name* is a time, if it is there."""
    text = fields.string(name)
    if text is not None and (problem := times.problem_of(text)):
        fields.fault(name, problem, "C006")


def _rootfs(fields: Fields | None) -> tuple[Digest | None, ...] | None:
    if fields is None:
        return None
    fields.known(_ROOTFS)
    kind = fields.string("type", required=True)
    if kind is not None and kind != "layers":
        fields.fault("type", f"expected `layers`, found `{shown(kind)}`", "C002")
    items = fields.array("diff_ids", required=True)
    if items is None:
        return None
    return tuple(_diff_id(fields, index, item) for index, item in enumerate(items))


def _diff_id(fields: Fields, index: int, item: object) -> Digest | None:
    if not isinstance(item, str):
        fields.fault(f"diff_ids[{index}]", "expected a string, found something else")
        return None
    problem = descriptors.problem_of(item)
    if problem is None:
        return item
    fields.fault(f"diff_ids[{index}]", problem[1], "C004")
    return None


def _history(fields: Fields, layers: int | None) -> None:
    count = made = 0
    for item in fields.objects("history"):
        count += 1
        if item is None or not _is_empty(item):
            made += 1
    if count and layers is not None and made != layers:
        message = f"expected {layers} entries that made a layer, one for each, found {made}"
        fields.fault("history", message, "C005")


def _is_empty(item: Fields) -> bool:
    """Check one history entry and tell whether it made no layer."""
    item.known(_HISTORY)
    for name in ("created_by", "author", "comment"):
        item.string(name)
    check_time(item, "created")
    return bool(item.boolean("empty_layer"))
