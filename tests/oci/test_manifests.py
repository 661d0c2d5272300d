"""Manifests and indexes, and documents that two readers could understand differently."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make.errors import told

from tare.errors import HostileInputError, IntegrityError, TareError
from tare.oci import media_types
from tare.oci.config import Healthcheck, History, ImageConfig, RootFS, RunConfig
from tare.oci.descriptor import Descriptor
from tare.oci.image import Image, MemoryBlob, make_image, make_index, memory_blob
from tare.oci.manifest import MAX_DOCUMENT, Index, Manifest, encode, parse, parse_config
from tare.oci.platform import Platform

DIGEST = "sha256:" + "0123456789abcdef" * 4
Document = dict[str, Any]


def descriptor(media_type: str, **fields: object) -> Document:
    return {"mediaType": media_type, "digest": DIGEST, "size": 7, **fields}


def manifest(**changes: object) -> Document:
    return {
        "schemaVersion": 2,
        "mediaType": media_types.MANIFEST,
        "config": descriptor(media_types.CONFIG),
        "layers": [descriptor(media_types.LAYER_GZIP)],
        **changes,
    }


def index(**changes: object) -> Document:
    platform = {"architecture": "arm", "os": "linux", "variant": "v7"}
    return {
        "schemaVersion": 2,
        "mediaType": media_types.INDEX,
        "manifests": [descriptor(media_types.MANIFEST, platform=platform)],
        **changes,
    }


def raw(document: Document, without: str = "") -> bytes:
    return json.dumps({key: value for key, value in document.items() if key != without}).encode()


def test_a_manifest_is_read() -> None:
    assert parse(raw(manifest(annotations={"a": "b"})), what="x", media_type=media_types.MANIFEST) == Manifest(
        schema_version=2,
        media_type=media_types.MANIFEST,
        config=Descriptor(media_type=media_types.CONFIG, digest=DIGEST, size=7),
        layers=(Descriptor(media_type=media_types.LAYER_GZIP, digest=DIGEST, size=7),),
        annotations={"a": "b"},
    )


def test_an_index_is_read() -> None:
    platform = Platform(os="linux", architecture="arm", variant="v7")
    assert parse(raw(index()), what="x") == Index(
        schema_version=2,
        media_type=media_types.INDEX,
        manifests=(Descriptor(media_type=media_types.MANIFEST, digest=DIGEST, size=7, platform=platform),),
    )


@pytest.mark.parametrize(
    ("document", "media_type", "kind"),
    [
        (raw(manifest()), None, Manifest),
        (raw(manifest(), "mediaType"), None, Manifest),
        (raw(manifest(), "mediaType"), media_types.DOCKER_MANIFEST, Manifest),
        (raw(manifest(mediaType=media_types.DOCKER_MANIFEST)), media_types.DOCKER_MANIFEST, Manifest),
        (raw(manifest(layers=[])), None, Manifest),
        (
            raw(manifest(artifactType="application/vnd.example", subject=descriptor(media_types.MANIFEST))),
            None,
            Manifest,
        ),
        (raw(manifest(unknown={"config": [1]})), None, Manifest),
        (raw(index()), media_types.INDEX, Index),
        (raw(index(), "mediaType"), None, Index),
        (raw(index(mediaType=media_types.DOCKER_LIST)), media_types.DOCKER_LIST, Index),
        (raw(index(manifests=[])), None, Index),
    ],
)
def test_documents_of_every_age_are_read(document: bytes, media_type: str | None, kind: type) -> None:
    assert type(parse(document, what="x", media_type=media_type)) is kind


def nested(depth: int) -> bytes:
    return raw(manifest()).rstrip(b"}") + b', "x": ' + b"[" * depth + b"]" * depth + b"}"


AMBIGUOUS = "the manifest is ambiguous"
UNREADABLE = "the manifest cannot be read"
SCHEMA_1 = "the manifest is of Docker's schema 1, which tare does not read"
COPY = ("Copy the image with a current tool, for example `skopeo copy --format oci`",)
BOTH = "it has `manifests` and also `config` or `layers`"
VERSION = "Expected `int` >= 2 - at `$.schemaVersion`"

REFUSED: dict[str, tuple[bytes, str | None, type[TareError], str, tuple[str, ...], tuple[str, ...]]] = {
    "an index with a config": (raw(index(config=descriptor("x"))), None, HostileInputError, AMBIGUOUS, (BOTH,), ()),
    "an index with layers": (raw(index(layers=[])), None, HostileInputError, AMBIGUOUS, (BOTH,), ()),
    "a manifest with manifests": (raw(manifest(manifests=[])), None, HostileInputError, AMBIGUOUS, (BOTH,), ()),
    "a manifest with null manifests": (raw(manifest(manifests=None)), None, HostileInputError, AMBIGUOUS, (BOTH,), ()),
    "a manifest that was announced as an index": (
        raw(manifest()),
        media_types.INDEX,
        HostileInputError,
        AMBIGUOUS,
        (f"it was announced as `{media_types.INDEX}` and says of itself `{media_types.MANIFEST}`",),
        (),
    ),
    "a manifest without a type that was announced as an index": (
        raw(manifest(), "mediaType"),
        media_types.INDEX,
        HostileInputError,
        AMBIGUOUS,
        (f"its content does not fit its media type `{media_types.INDEX}`",),
        (),
    ),
    "a manifest that says that it is an index": (
        raw(manifest(mediaType=media_types.INDEX)),
        None,
        HostileInputError,
        AMBIGUOUS,
        (f"its content does not fit its media type `{media_types.INDEX}`",),
        (),
    ),
    "an index that says that it is a manifest": (
        raw(index(mediaType=media_types.MANIFEST)),
        None,
        HostileInputError,
        AMBIGUOUS,
        (f"its content does not fit its media type `{media_types.MANIFEST}`",),
        (),
    ),
    "a manifest of an unknown type": (
        raw(manifest(mediaType="text/plain")),
        None,
        HostileInputError,
        AMBIGUOUS,
        ("its content does not fit its media type `text/plain`",),
        (),
    ),
    "two configs": (
        raw(manifest()).rstrip(b"}")
        + b', "config": {"mediaType": "x", "digest": "'
        + DIGEST.encode()
        + b'", "size": 1}}',
        None,
        HostileInputError,
        AMBIGUOUS,
        ("it has two values for `config`",),
        (),
    ),
    "two digests of one layer": (
        raw(manifest()).replace(b'"size": 7}]', b'"size": 7, "digest": "' + DIGEST.encode() + b'"}]'),
        None,
        HostileInputError,
        AMBIGUOUS,
        ("it has two values for `digest`",),
        (),
    ),
    "two configs, one written with an escape": (
        raw(manifest()).replace(b'"layers"', b'"con\\u0066ig": 1, "layers"'),
        None,
        HostileInputError,
        AMBIGUOUS,
        ("it has two values for `config`",),
        (),
    ),
    "two annotations of one name": (
        raw(manifest(annotations={"a": "b"})).replace(b'"b"', b'"b", "a": "c"'),
        None,
        HostileInputError,
        AMBIGUOUS,
        ("it has two values for `a`",),
        (),
    ),
    "schema 1": (raw({"schemaVersion": 1, "fsLayers": [], "name": "x"}), None, IntegrityError, SCHEMA_1, (), COPY),
    "schema 1 of which nothing is left": (raw({"schemaVersion": 1}), None, IntegrityError, SCHEMA_1, (), COPY),
    "schema 1 that says that it is 2": (raw(manifest(fsLayers=[])), None, IntegrityError, SCHEMA_1, (), COPY),
    "schema 3": (
        raw(manifest(schemaVersion=3)),
        None,
        IntegrityError,
        UNREADABLE,
        ("Expected `int` <= 2 - at `$.schemaVersion`",),
        (),
    ),
    "schema 0": (raw(manifest(schemaVersion=0)), None, IntegrityError, UNREADABLE, (VERSION,), ()),
    "a schema that is a fraction": (
        raw(manifest(schemaVersion=2.5)),
        None,
        IntegrityError,
        UNREADABLE,
        ("Expected `int | null`, got `float` - at `$.schemaVersion`",),
        (),
    ),
    "no schema": (
        raw(manifest(), "schemaVersion"),
        None,
        IntegrityError,
        UNREADABLE,
        ("Object missing required field `schemaVersion`",),
        (),
    ),
    "no config": (
        raw(manifest(), "config"),
        None,
        IntegrityError,
        UNREADABLE,
        ("Object missing required field `config`",),
        (),
    ),
    "no layers": (
        raw(manifest(), "layers"),
        None,
        IntegrityError,
        UNREADABLE,
        ("Object missing required field `layers`",),
        (),
    ),
    "nothing": (b"", None, IntegrityError, UNREADABLE, ("Input data was truncated",), ()),
    "an empty object": (
        b"{}",
        None,
        IntegrityError,
        UNREADABLE,
        ("Object missing required field `schemaVersion`",),
        (),
    ),
    "a list": (b"[]", None, IntegrityError, UNREADABLE, ("Expected `object`, got `array`",), ()),
    "two documents": (
        raw(manifest()) * 2,
        None,
        IntegrityError,
        UNREADABLE,
        (f"JSON is malformed: trailing characters (byte {len(raw(manifest())) + 1})",),
        (),
    ),
    "text that is not UTF-8": (
        raw(manifest(annotations={"a": "b"})).replace(b'"b"', b'"\xff"'),
        None,
        IntegrityError,
        UNREADABLE,
        ("'utf-8' codec can't decode byte 0xff in position 437: invalid start byte",),
        (),
    ),
    "a digest that climbs": (
        raw(manifest()).replace(DIGEST.encode(), b"sha256:../../../etc/passwd"),
        None,
        IntegrityError,
        UNREADABLE,
        ("Expected `str` matching regex '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\\\\Z' - at `$.config.digest`",),
        (),
    ),
    "a negative size": (
        raw(manifest()).replace(b'"size": 7}]', b'"size": -7}]'),
        None,
        IntegrityError,
        UNREADABLE,
        ("Expected `int` >= 0 - at `$.layers[0].size`",),
        (),
    ),
    "a size beyond 63 bits": (
        raw(manifest()).replace(b'"size": 7}]', b'"size": 9223372036854775808}]'),
        None,
        IntegrityError,
        UNREADABLE,
        ("Expected `int` <= 9223372036854775807 - at `$.layers[0].size`",),
        (),
    ),
    "deep nesting": (
        nested(100_000),
        None,
        IntegrityError,
        UNREADABLE,
        ("maximum recursion depth exceeded while deserializing an object",),
        (),
    ),
    "too many bytes": (
        raw(manifest()) + b" " * MAX_DOCUMENT,
        None,
        HostileInputError,
        "the manifest is too large",
        (f"it has {MAX_DOCUMENT + len(raw(manifest()))} bytes; the limit is 4194304",),
        (),
    ),
}


@pytest.mark.parametrize(
    ("document", "media_type", "kind", "message", "causes", "hints"), REFUSED.values(), ids=REFUSED
)
def test_what_is_no_manifest_is_refused(  # noqa: PLR0917  # a row of the table
    document: bytes,
    media_type: str | None,
    kind: type[TareError],
    message: str,
    causes: tuple[str, ...],
    hints: tuple[str, ...],
) -> None:
    with pytest.raises(TareError) as caught:
        parse(document, what="the manifest", media_type=media_type)
    assert told(caught.value) == (kind, message, causes, hints)


def test_the_largest_document_is_read() -> None:
    document = raw(manifest())
    assert parse(document + b" " * (MAX_DOCUMENT - len(document)), what="x") == parse(document, what="x")


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([DIGEST, media_types.INDEX])
keys = st.sampled_from(
    ["schemaVersion", "mediaType", "config", "layers", "manifests", "fsLayers", "digest", "size", "x"]
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=12
)


@given(st.dictionaries(keys, values) | st.builds(lambda change: manifest(**change), st.dictionaries(keys, values)))
def test_no_document_gives_another_error_than_ours(document: Document) -> None:
    try:
        found = parse(raw(document), what="x")
    except IntegrityError:
        return
    assert parse(encode(found), what="x") == found


CONFIG = ImageConfig(
    architecture="arm",
    os="linux",
    variant="v7",
    created="1980-01-01T00:00:00Z",
    author="tare",
    rootfs=RootFS(type="layers", diff_ids=(DIGEST,)),
    history=(History(created_by="tare", comment="x"), History(empty_layer=True)),
    config=RunConfig(  # noqa: S604  # no shell is called
        user="65532:65532",
        exposed_ports={"8000/tcp": {}},
        env=("PATH=/opt/venv/bin:/usr/bin", "A=b=c", "EMPTY="),
        entrypoint=("/opt/venv/bin/python",),
        cmd=("-m", "sample"),
        volumes={"/data": {}},
        working_dir="/app",
        labels={"org.opencontainers.image.title": "größe"},
        stop_signal="SIGTERM",
        healthcheck=Healthcheck(test=("CMD", "true"), interval=30_000_000_000, start_period=1, retries=3),
        shell=("/bin/sh", "-c"),
    ),
)


def test_a_config_is_written_in_the_words_of_the_specification() -> None:
    assert json.loads(encode(CONFIG)) == {
        "architecture": "arm",
        "author": "tare",
        "config": {
            "Cmd": ["-m", "sample"],
            "Entrypoint": ["/opt/venv/bin/python"],
            "Env": ["PATH=/opt/venv/bin:/usr/bin", "A=b=c", "EMPTY="],
            "ExposedPorts": {"8000/tcp": {}},
            "Healthcheck": {"Interval": 30_000_000_000, "Retries": 3, "StartPeriod": 1, "Test": ["CMD", "true"]},
            "Labels": {"org.opencontainers.image.title": "größe"},
            "Shell": ["/bin/sh", "-c"],
            "StopSignal": "SIGTERM",
            "User": "65532:65532",
            "Volumes": {"/data": {}},
            "WorkingDir": "/app",
        },
        "created": "1980-01-01T00:00:00Z",
        "history": [{"comment": "x", "created_by": "tare"}, {"empty_layer": True}],
        "os": "linux",
        "rootfs": {"diff_ids": [DIGEST], "type": "layers"},
        "variant": "v7",
    }


def test_documents_are_canonical() -> None:
    small = ImageConfig(architecture="amd64", os="linux", rootfs=RootFS(type="layers", diff_ids=()))
    assert encode(small) == b'{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[],"type":"layers"}}'


def test_a_config_survives_being_written_and_read() -> None:
    assert parse_config(encode(CONFIG), what="x") == CONFIG
    assert CONFIG.config.environment() == {"PATH": "/opt/venv/bin:/usr/bin", "A": "b=c", "EMPTY": ""}


def test_a_config_of_docker_with_its_nulls_is_read() -> None:
    document = {
        "architecture": "amd64",
        "config": {
            "AttachStdin": False,
            "Cmd": ["python3"],
            "Entrypoint": None,
            "Env": None,
            "ExposedPorts": None,
            "Labels": None,
            "OnBuild": None,
            "Volumes": None,
            "User": "",
        },
        "container_config": {"Cmd": None},
        "docker_version": "20.10.24",
        "history": None,
        "os": "linux",
        "os.version": "1.2",
        "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
    }
    config = parse_config(raw(document), what="x")
    assert (config.os_version, config.history, config.config.cmd) == ("1.2", None, ("python3",))
    assert config.config.environment() == {}


@pytest.mark.parametrize("without", ["architecture", "os", "rootfs"])
def test_a_config_that_lacks_what_it_must_have_is_refused(without: str) -> None:
    document = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    with pytest.raises(IntegrityError) as caught:
        parse_config(raw(document, without), what="the config")
    cause = f"Object missing required field `{without}`"
    assert told(caught.value) == (IntegrityError, "the config cannot be read", (cause,), ())


def sample_image() -> Image:
    layers = (memory_blob(b"layer 1", media_types.LAYER), memory_blob(b"layer 2", media_types.LAYER_GZIP))
    return make_image(CONFIG, layers, {"org.opencontainers.image.ref.name": "v1"})


def test_an_image_names_what_it_is_made_of() -> None:
    image = sample_image()
    assert parse(image.raw, what="x") == image.manifest
    assert parse_config(image.raw_config, what="x") == CONFIG
    assert image.manifest.layers == tuple(layer.descriptor for layer in image.layers)
    assert image.manifest.config.digest == image.config_blob.descriptor.digest
    assert [blob.open().read() for blob in image.blobs] == [image.raw_config, b"layer 1", b"layer 2"]
    assert image.descriptor == Descriptor(
        media_type=media_types.MANIFEST,
        digest=image.digest,
        size=len(image.raw),
        platform=Platform(os="linux", architecture="arm", variant="v7"),
    )


def test_an_index_names_its_images() -> None:
    image = sample_image()
    made = make_index((image,), {})
    assert parse(made.raw, what="x", media_type=media_types.INDEX) == made.index
    assert made.index.manifests == (image.descriptor,)
    assert (made.descriptor.digest, made.descriptor.size) == (made.digest, len(made.raw))


def test_a_blob_in_memory_is_described_by_its_bytes() -> None:
    blob = memory_blob(b"x", media_types.LAYER)
    assert isinstance(blob, MemoryBlob)
    assert blob.descriptor == Descriptor(
        media_type=media_types.LAYER,
        digest="sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        size=1,
    )
