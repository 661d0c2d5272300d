"""Layouts, and JSON as such, with one defect each."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from images.cases import (
    add_entry,
    case,
    config,
    disk,
    first,
    index,
    manifest,
    raw_config,
    raw_index,
    raw_manifest,
    replaced,
    run,
)
from images.parts import INDEX, TAG, Image

EMPTY_INDEX = b'{"schemaVersion":2,"mediaType":"%s","manifests":[]}' % INDEX.encode()
BIG = b'{"x":"' + b"x" * (4 * 1024 * 1024) + b'",'


def blobs_of(directory: Path) -> list[Path]:
    return sorted((directory / "blobs" / "sha256").iterdir())


def blob_with(directory: Path, text: bytes) -> Path:
    """Return the one blob with *text*."""
    (found,) = (path for path in blobs_of(directory) if text in path.read_bytes())
    return found


def largest(directory: Path) -> Path:
    """Return the lower layer."""
    named: str = json.loads(blob_with(directory, b'"layers":[').read_bytes())["layers"][0]["digest"]
    return directory / "blobs" / named.replace(":", "/")


def to_outside(directory: Path) -> None:
    """Move the blobs out of the layout, and leave a symbolic link."""
    shutil.move(directory / "blobs" / "sha256", directory.parent / f"{directory.name}-outside")
    (directory / "blobs" / "sha256").symlink_to(directory.parent / f"{directory.name}-outside")


def as_link(directory: Path) -> None:
    """Replace a blob by a symbolic link to the same bytes."""
    path = largest(directory)
    path.rename(directory / "elsewhere")
    path.symlink_to(directory / "elsewhere")


def as_fifo(directory: Path) -> None:
    path = largest(directory)
    path.unlink()
    os.mkfifo(path)


def nested(times: int) -> bytes:
    return b'{"x":' * times + b"0" + b"}" * times


def second_tag(image: Image) -> None:
    image.blobs.append(EMPTY_INDEX)
    image.index.append(lambda document: add_entry(document, EMPTY_INDEX, mediaType=INDEX, annotations={TAG: "1.0"}))


LAYOUTS = [
    case("the layout has no `oci-layout`", "O002", disk(lambda root: (root / "oci-layout").unlink())),
    case("`oci-layout` is empty", "J002", disk(lambda root: (root / "oci-layout").write_bytes(b""))),
    case("`oci-layout` is an array", "J006", disk(lambda root: (root / "oci-layout").write_bytes(b"[]"))),
    case("`oci-layout` has no version", "O003", disk(lambda root: (root / "oci-layout").write_bytes(b"{}"))),
    case(
        "the version of the layout is a number",
        "O003",
        disk(lambda root: (root / "oci-layout").write_bytes(b'{"imageLayoutVersion":1}')),
    ),
    case(
        "the version of the layout is 2.0.0",
        "O004",
        disk(lambda root: (root / "oci-layout").write_bytes(b'{"imageLayoutVersion":"2.0.0"}')),
    ),
    case("the layout has no `index.json`", "O005", disk(lambda root: (root / "index.json").unlink())),
    case(
        "`index.json` is a directory",
        "O009",
        disk(lambda root: (root / "index.json").unlink()),
        disk(lambda root: (root / "index.json").mkdir()),
    ),
    case("the layout has no blobs", "O006 D008", disk(lambda root: shutil.rmtree(root / "blobs"))),
    case("a blob is missing", "D008", disk(lambda root: largest(root).unlink())),
    case("the config is missing", "D008", disk(lambda root: blob_with(root, b'"rootfs"').unlink())),
    case("the manifest is missing", "D008", disk(lambda root: blob_with(root, b'"layers":[').unlink())),
    case("a blob is a symbolic link", "D009", disk(as_link)),
    case("a blob is a FIFO", "D009", disk(as_fifo)),
    case("the blobs lie outside of the layout", "D009", disk(to_outside)),
    case(
        "a blob that nothing names has another name than its content",
        "O008",
        disk(lambda root: (root / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"x")),
    ),
    case(
        "a blob's name is no digest",
        "O007",
        disk(lambda root: (root / "blobs" / "sha256" / "README").write_bytes(b"x")),
    ),
    case(
        "a blob's name has upper-case digits",
        "O007",
        disk(lambda root: (root / "blobs" / "sha256" / ("A" * 64)).write_bytes(b"x")),
    ),
    case("a directory of blobs is no algorithm", "O007", disk(lambda root: (root / "blobs" / "SHA 256").mkdir())),
    case("a file lies among the algorithms", "O007", disk(lambda root: (root / "blobs" / "file").write_bytes(b""))),
    case(
        "an unreferenced blob is a directory",
        "O009",
        disk(lambda root: (root / "blobs" / "sha256" / ("0" * 64)).mkdir()),
    ),
    case("two images have one tag", "O011 I009", second_tag),
]

JSON = [
    case("a config is not UTF-8", "J001", raw_config(replaced(b'"C1"', b'"\xff"')), run(Labels={"a": "C1"})),
    case("an index is not UTF-8", "J001", raw_index(lambda raw: raw + b"\xc3")),
    case("a config has a byte-order mark", "J002", raw_config(lambda raw: b"\xef\xbb\xbf" + raw)),
    case("a config ends early", "J002", raw_config(lambda raw: raw[:-1])),
    case("a manifest is followed by another", "J002", raw_manifest(lambda raw: raw + raw)),
    case("an index has a comma too many", "J002", raw_index(lambda raw: raw[:-1] + b",}")),
    case("a config has NaN", "J002", raw_config(first(b'"x":NaN,'))),
    case("a config has a number of a million digits", "J002", raw_config(first(b'"x":' + b"9" * 1_000_000 + b","))),
    case("a config is a string", "J006", raw_config(lambda _: b'"config"')),
    case("a manifest is null", "J006", raw_manifest(lambda _: b"null")),
    case("a manifest has its layers twice", "J003", raw_manifest(first(b'"layers":[],'))),
    case("a config has its os twice", "J003", raw_config(first(b'"os":"windows",'))),
    case("an index has its manifests twice", "J003", raw_index(first(b'"manifests":[],'))),
    case("a label stands twice", "J003", raw_config(replaced(b'"a":"b"', b'"a":"c","a":"b"'))),
    case("a name stands twice, once with an escape", "J003", raw_config(first(b'"\\u006fs":"windows",'))),
    case("a manifest has more than 4 MiB", "J004", raw_manifest(first(BIG[1:]))),
    case("a config has more than 4 MiB", "J004", raw_config(first(BIG[1:]))),
    case("an index has more than 4 MiB", "J004", raw_index(first(BIG[1:]))),
    case("a config is nested 100 levels deep", "J005", raw_config(first(b'"x":' + nested(100) + b","))),
    case("a config is nested 100,000 levels deep", "J005", raw_config(first(b'"x":' + b"[" * 100_000 + b","))),
    case("a label has a lone surrogate", "J007", raw_config(replaced(b'"a":"b"', b'"a":"\\ud800"'))),
    case("a name has a lone surrogate", "J007", raw_manifest(first(b'"\\udfff":1,'))),
    case("a manifest has `Layers` beside `layers`", "J008", manifest(lambda m: m.update(Layers=[]))),
    case("a descriptor has `Digest` beside `digest`", "J008", manifest(lambda m: m["config"].update(Digest="x"))),
    case("a config has `OS` beside `os`", "J008", config(lambda c: c.update(OS="windows"))),
    case("a config has `env` beside `Env`", "J008", run(env=["PATH=/evil"])),
    case("an index has `manifests` with a long s", "J008", index(lambda i: i.update({"manife\u017fts": []}))),
]
