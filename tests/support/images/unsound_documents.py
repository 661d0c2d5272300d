"""Descriptors, indexes, manifests, configs and platforms with one defect each."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from make.elves import ARM64, make_elf

from images.cases import (
    Change,
    add_entry,
    case,
    config,
    disk,
    entry,
    index,
    layers,
    manifest,
    run,
    top,
)
from images.parts import CONFIG, DOCKER, EMPTY, INDEX, LAYER, MANIFEST, Edit, Image, Json, Layer, digest
from images.tars import END, archive, file, symlink
from images.unsound_layouts import EMPTY_INDEX, blob_with

SHA512 = "sha512:" + "0" * 128


def layer(**values: Json) -> Change:
    """Set fields of the lower layer's descriptor; None takes one away."""

    def edit(document: Json) -> None:
        for key, value in values.items():
            if value is None:
                del document["layers"][0][key]
            else:
                document["layers"][0][key] = value

    return manifest(edit)


def changed(old: bytes, new: bytes) -> Change:
    """Change the one blob that has *old*, under the name that it has."""

    def edit(root: Path) -> None:
        path = blob_with(root, old)
        path.write_bytes(path.read_bytes().replace(old, new, 1))

    return disk(edit)


def plain(found: list[Layer]) -> None:
    """Leave the upper layer uncompressed."""
    found[1].compression = "none"


def resized(by: int) -> Change:
    return manifest(lambda m: m["layers"][0].update(size=m["layers"][0]["size"] + by))


def other_digest(document: Json) -> None:
    """Let the lower layer be named by the digest of the upper one's size: nothing has it."""
    document["layers"][0]["digest"] = digest(b"nothing")


def swapped(document: Json) -> None:
    """Exchange the digests of the two layers, and the sizes."""
    lower, upper = document["layers"]
    for key in ("digest", "size"):
        lower[key], upper[key] = upper[key], lower[key]


def same_as_config(document: Json) -> None:
    """Let the config's digest name a layer."""
    document["layers"][0]["digest"] = document["config"]["digest"]
    document["layers"][0]["size"] = document["config"]["size"]


def with_data(data: bytes) -> Change:
    return manifest(lambda m: m["config"].update(data=base64.b64encode(data).decode()))


def blank_data(document: Json) -> None:
    """Embed spaces, as many as the config has bytes."""
    document["config"]["data"] = base64.b64encode(b" " * document["config"]["size"]).decode()


def noted(key: str, value: str) -> Change:
    return manifest(lambda m: m.update(annotations={key: value}))


def listed(data: bytes, **values: Json) -> Change:
    """Put *data* among the blobs and list it in `index.json`."""

    def change(image: Image) -> None:
        image.blobs.append(data)
        image.index.append(lambda document: add_entry(document, data, **values))

    return change


def document(**values: Json) -> bytes:
    return json.dumps(values).encode()


def an_index(*entries: Json, **values: Json) -> bytes:
    return document(schemaVersion=2, mediaType=INDEX, manifests=list(entries), **values)


def described(data: bytes, **values: Json) -> Json:
    return {"digest": digest(data), "size": len(data), **values}


def deep(levels: int) -> Change:
    """List an index in an index in an index."""

    def change(image: Image) -> None:
        data = EMPTY_INDEX
        for _ in range(levels):
            image.blobs.append(data)
            data = an_index(described(data, mediaType=INDEX))
        listed(data, mediaType=INDEX)(image)

    return change


def lists_itself(image: Image) -> None:
    """List an index that lists itself, by a digest that is nobody's."""
    name = digest(b"nobody's")
    size = len(an_index({"mediaType": INDEX, "digest": name, "size": 100}))
    data = an_index({"mediaType": INDEX, "digest": name, "size": size})
    image.index.append(lambda i: i["manifests"].append({"mediaType": INDEX, "digest": name, "size": len(data)}))
    image.disk.append(lambda root: (root / "blobs" / name.replace(":", "/")).write_bytes(data))


def within(edit: Edit) -> Change:
    """Move the entry of `index.json` into an index of its own, and edit that."""

    def change(image: Image) -> None:
        def wrap(outer: Json) -> None:
            inner = {"schemaVersion": 2, "mediaType": INDEX, "manifests": outer["manifests"]}
            edit(inner)
            data = document(**inner)
            outer["manifests"] = [described(data, mediaType=INDEX)]
            image.disk.append(lambda root: (root / "blobs" / digest(data).replace(":", "/")).write_bytes(data))

        image.index.append(wrap)

    return change


def attests(about: str) -> Json:
    return {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about}


def schema_1() -> bytes:
    return document(schemaVersion=1, name="library/x", tag="1", fsLayers=[{"blobSum": digest(b"")}], history=[])


def many_layers(number: int) -> Change:
    return layers(lambda found: found.extend(Layer(END) for _ in range(number - len(found))))


def renamed(**types: str) -> Change:
    """Give layers other media types, by `layer0` and `layer1`."""
    return manifest(lambda m: [m["layers"][int(key[-1])].update(mediaType=value) for key, value in types.items()])


def artifact(artifact_type: str | None, body: bytes = b"{}", media_type: str = EMPTY) -> Change:
    """Make an artifact of the image."""

    def change(image: Image) -> None:
        image.blobs.append(body)

        def edit(found: Json) -> None:
            found["config"] = described(body, mediaType=media_type)
            if artifact_type is not None:
                found["artifactType"] = artifact_type

        image.manifest.append(edit)

    return change


def only(program: bytes) -> Change:
    """Let *program* be the image's only executable."""
    tar = archive(file("etc/old"), file("usr/bin/app", program, mode=0o755))
    return layers(lambda found: found.__setitem__(slice(0, 1), [Layer(tar)]))


def as_stored(image: Image) -> None:
    """Use the upper layer's digest for its diff ID."""
    stored = digest(image.layers[1].bytes())
    image.config.append(lambda c: c["rootfs"]["diff_ids"].__setitem__(1, stored))


def missing_foreign(image: Image) -> None:
    image.layers[0].media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    image.layers[0].absent = True


DESCRIPTORS = [
    case("a layer's descriptor has no media type", "D001 M006", layer(mediaType=None)),
    case("a layer's descriptor has no digest", "D001", layer(digest=None)),
    case("a layer's descriptor has no size", "D001", layer(size=None)),
    case("a size is a string", "D001", layer(size="1000")),
    case("a size is 1e3", "D001", layer(size=1000.0)),
    case("a size is true", "D001", layer(size=True)),
    case("a digest is null", "D001", layer(digest=None), layer(digest=[])),
    case("a config's descriptor is a string", "M004", manifest(lambda m: m.update(config="sha256:abc"))),
    case("a layer is a string", "M004", manifest(lambda m: m["layers"].append(m["layers"].pop()["digest"]))),
    case("a media type has no subtype", "D002 M006", layer(mediaType="application")),
    case("a media type has a parameter", "D002 M006", layer(mediaType=f"{LAYER}+gzip; charset=utf-8")),
    case("an artifact type has a space", "D002", entry(artifactType="not a type")),
    case("a digest has upper-case digits", "D003", layer(digest="sha256:" + "A" * 64)),
    case("a digest is too short", "D003", layer(digest="sha256:abc")),
    case("a digest leads out of the layout", "D003", layer(digest="sha256:../../../../etc/passwd")),
    case("a digest ends with a line break", "D003", layer(digest=digest(b"") + "\n")),
    case("a digest has no algorithm", "D003", layer(digest="0" * 64)),
    case("a digest is of SHA-512 and too short", "D003", layer(digest="sha512:" + "0" * 64)),
    case("a digest is MD5", "D004", layer(digest="md5:d41d8cd98f00b204e9800998ecf8427e")),
    case("a size is negative", "D005", layer(size=-1)),
    case("a size has 65 bits", "D005", layer(size=2**64)),
    case("a size is too small by one", "D006", resized(-1)),
    case("a size is too large by one", "D006", resized(+1)),
    case("a layer's size is 0", "D006", layer(size=0)),
    case("a config's size is wrong", "D006", manifest(lambda m: m["config"].update(size=m["config"]["size"] + 1))),
    case("a manifest's size is wrong", "D006", index(lambda i: i["manifests"][0].update(size=10))),
    case("a manifest's size is more than 4 MiB", "J004", index(lambda i: i["manifests"][0].update(size=2**40))),
    case("a config was changed by a letter", "D007", run(Labels={"a": "before"}), changed(b"before", b"behind")),
    case("a manifest was changed by a letter", "D007", noted("com.example.a", "before"), changed(b"before", b"behind")),
    case("a layer was changed by a letter", "D007 L001", layers(plain), changed(b"print('tare')", b"print('care')")),
    case("an artifact was changed", "D007 M007", artifact("a/b", b"before", "a/c"), changed(b"before", b"behind")),
    case("a layer's descriptor names what is not there", "D008", manifest(other_digest)),
    case("a layer is an empty file of another digest", "D008", layer(digest=SHA512)),
    case("the layers' digests are exchanged", "L001 L321", manifest(swapped)),
    case("a layer has the config's digest", "L005 L105 L001", manifest(same_as_config)),
    case("`data` is not base 64", "D010", manifest(lambda m: m["config"].update(data="%%%"))),
    case("`data` is other content", "D010", with_data(b"{}")),
    case("`data` is other content of the same size", "D010", manifest(blank_data)),
    case("a URL is a path", "D011", layer(urls=["../../etc/passwd"])),
    case("a URL has a space", "D011", layer(urls=["https://example.com/a b"])),
    case("a URL is a number", "D001", layer(urls=[1])),
    case("a URL is of another scheme", "D012", layer(urls=["file:///etc/passwd"])),
    case("annotations are a list", "A001", manifest(lambda m: m.update(annotations=["a"]))),
    case("annotations are null", "A001", manifest(lambda m: m.update(annotations=None))),
    case("an annotation is a number", "A001", manifest(lambda m: m.update(annotations={"com.example.a": 1}))),
    case("an annotation's time is none", "A003", noted("org.opencontainers.image.created", "yesterday")),
    case("a base's digest is none", "A003", noted("org.opencontainers.image.base.digest", "sha256")),
    case("a tag has a space", "A004", entry(annotations={"org.opencontainers.image.ref.name": "a b"})),
    case("an annotation has no domain", "A002", noted("note", "x")),
]

INDEXES = [
    case("an index has no schema version", "I001", index(lambda i: i.pop("schemaVersion"))),
    case("an index is of schema version 3", "I001", index(lambda i: i.update(schemaVersion=3))),
    case("an index's schema version is a string", "I001", index(lambda i: i.update(schemaVersion="2"))),
    case("an index says that it is a manifest", "I002", index(lambda i: i.update(mediaType=MANIFEST))),
    case("an index says that it is a text", "I002", index(lambda i: i.update(mediaType="text/plain"))),
    case("an index's media type is a number", "I004", index(lambda i: i.update(mediaType=1))),
    case("an index has layers too", "I003", index(lambda i: i.update(layers=[]))),
    case("an index has a config too", "I003", index(lambda i: i.update(config={}))),
    case("an index has no manifests", "I004", index(lambda i: i.pop("manifests"))),
    case("an index's manifests are an object", "I004", index(lambda i: i.update(manifests={}))),
    case("an index's manifests are null", "I004", index(lambda i: i.update(manifests=None))),
    case("an index lists a string", "I004", index(lambda i: i["manifests"].append("x"))),
    case("a subject is no descriptor", "D001", index(lambda i: i.update(subject={}))),
    case("an index lists itself", "D007 I006", lists_itself),
    case("indexes are nested 12 levels deep", "I007", deep(12)),
    case("an index is announced as a manifest", "M002 M003 M004", listed(EMPTY_INDEX, mediaType=MANIFEST)),
    case("a manifest is announced as an index", "I002 I003 I004", entry(mediaType=INDEX)),
    case(
        "an attestation is about an image of another index",
        "I010 I009",
        listed(EMPTY_INDEX, mediaType=INDEX, annotations=attests(digest(b"gone"))),
    ),
]

MANIFESTS = [
    case("a manifest has no schema version", "M001", manifest(lambda m: m.pop("schemaVersion"))),
    case("a manifest's schema version is true", "M001", manifest(lambda m: m.update(schemaVersion=True))),
    case(
        "a manifest is announced with another media type",
        "M002",
        entry(mediaType=f"{DOCKER}distribution.manifest.v2+json"),
    ),
    case("a manifest says that it is an index", "M002", manifest(lambda m: m.update(mediaType=INDEX))),
    case("a manifest's media type is a list", "M004 M005", manifest(lambda m: m.update(mediaType=[]))),
    case("a manifest has manifests too", "M003", manifest(lambda m: m.update(manifests=[]))),
    case("a manifest has no config", "M004", manifest(lambda m: m.pop("config"))),
    case("a manifest has no layers", "M004", manifest(lambda m: m.pop("layers"))),
    case("a manifest's layers are null", "M004", manifest(lambda m: m.update(layers=None))),
    case("a manifest's layers are an object", "M004", manifest(lambda m: m.update(layers={}))),
    case("a layer's media type is unknown", "M006", renamed(layer0="application/x-tar")),
    case("a layer is an image config", "M006", renamed(layer0=CONFIG)),
    case("a layer is compressed with xz", "M006", renamed(layer1=f"{LAYER}+xz")),
    case("an artifact has no type", "M008 M007", artifact(None)),
    case("the empty media type is not empty", "M009 M007", artifact("application/x", b"[]")),
    case("an image has 128 layers", "M010", many_layers(128)),
    case("an image has 1,200 layers", "M016", many_layers(1_200)),
    case(
        "a zstd layer has Docker's media type", "M013 M015 L005", renamed(layer0=f"{DOCKER}image.rootfs.diff.tar.zstd")
    ),
    case(
        "a manifest is of schema 1",
        "M014",
        listed(schema_1(), mediaType=f"{DOCKER}distribution.manifest.v1+prettyjws"),
    ),
    case("a manifest is of schema 1 under a new name", "M014", listed(schema_1(), mediaType=MANIFEST)),
    case(
        "a layer of Docker's is in a manifest of OCI's", "M015", renamed(layer0=f"{DOCKER}image.rootfs.diff.tar.gzip")
    ),
    case("a layer is one that is not distributed, and is not there", "M012 D013", missing_foreign),
]

CONFIGS = [
    case("a config has no architecture", "C001", config(lambda c: c.pop("architecture"))),
    case("a config has no os", "C001", config(lambda c: c.pop("os"))),
    case("a config's os is null", "C001", config(lambda c: c.update(os=None))),
    case("a config has no rootfs", "C001", config(lambda c: c.pop("rootfs"))),
    case("a config has no diff IDs", "C001", config(lambda c: c["rootfs"].pop("diff_ids"))),
    case("a config's rootfs has no type", "C001", config(lambda c: c["rootfs"].pop("type"))),
    case("a config's author is a number", "C001", config(lambda c: c.update(author=1))),
    case("a command is a string", "C001", run(Cmd="serve")),
    case("an argument is a number", "C001", run(Cmd=["--port", 8080])),
    case("a history entry is a string", "C001", config(lambda c: c["history"].__setitem__(0, "x"))),
    case(
        "a history entry's `empty_layer` is a string",
        "C001 C005",
        config(lambda c: c["history"][2].update(empty_layer="true")),
    ),
    case("the rootfs is of another type", "C002", config(lambda c: c["rootfs"].update(type="layers+base"))),
    case("a diff ID is missing", "C003", config(lambda c: c["rootfs"]["diff_ids"].pop())),
    case("there is a diff ID too many", "C003", config(lambda c: c["rootfs"]["diff_ids"].append(digest(b"")))),
    case("a diff ID is no digest", "C004", config(lambda c: c["rootfs"]["diff_ids"].__setitem__(1, "sha256:abc"))),
    case("a diff ID is a number", "C001", config(lambda c: c["rootfs"]["diff_ids"].__setitem__(1, 7))),
    case("a diff ID is another one", "L001", config(lambda c: c["rootfs"]["diff_ids"].__setitem__(1, digest(b"")))),
    case("the diff IDs are exchanged", "L001", config(lambda c: c["rootfs"]["diff_ids"].reverse())),
    case("a diff ID is the layer's digest", "L001", as_stored),
    case("the history has an entry too many", "C005", config(lambda c: c["history"].append({"created_by": "x"}))),
    case("the history has an entry too few", "C005", config(lambda c: c["history"].pop(0))),
    case("the time of creation is no time", "C006", config(lambda c: c.update(created="2026-11-24 00:00:00"))),
    case("the time of creation has no zone", "C006", config(lambda c: c.update(created="2026-11-24T00:00:00"))),
    case("the time of creation is on 30 February", "C006", config(lambda c: c.update(created="2026-02-30T00:00:00Z"))),
    case("the time of creation is a leap second", "C006", config(lambda c: c.update(created="2016-12-31T23:59:60Z"))),
    case("the time of creation is in lower case", "C006", config(lambda c: c.update(created="2016-12-31t23:59:00z"))),
    case("the time of creation is a number", "C001", config(lambda c: c.update(created=1_790_000_000))),
    case("a time of the history is empty", "C006", config(lambda c: c["history"][0].update(created=""))),
    case("a variable has no value", "C007", run(Env=["PATH"])),
    case("a variable has no name", "C007", run(Env=["=x"])),
    case("a variable has a NUL", "C007", run(Env=["A=b\0c"])),
    case("a variable is set twice", "C008", run(Env=["A=1", "A=2"])),
    case("a port is a name", "C009", run(ExposedPorts={"http": {}})),
    case("a port is 0", "C009", run(ExposedPorts={"0/tcp": {}})),
    case("a port is 65536", "C009", run(ExposedPorts={"65536": {}})),
    case("a port is of another protocol", "C009", run(ExposedPorts={"53/icmp": {}})),
    case("a range of ports goes down", "C009", run(ExposedPorts={"90-80/tcp": {}})),
    case("a port is true", "C010", run(ExposedPorts={"80/tcp": True})),
    case("the ports are a list", "C001", run(ExposedPorts=["80/tcp"])),
    case("a volume is a relative path", "C011", run(Volumes={"data": {}})),
    case("a volume is the root", "C011", run(Volumes={"/": {}})),
    case("a volume leads upwards", "C011", run(Volumes={"/data/../../etc": {}})),
    case("a volume is a string", "C010", run(Volumes={"/data": "x"})),
    case("the working directory is relative", "C012", run(WorkingDir="srv")),
    case("the working directory has a NUL", "C012", run(WorkingDir="/srv\0")),
    case("the working directory is a file descriptor", "C013", run(WorkingDir="/proc/self/fd/7")),
    case("the working directory is a way to `/proc`", "C013", run(WorkingDir="/srv/../proc/1/cwd")),
    case(
        "the working directory is a link to a file descriptor",
        "C013",
        run(WorkingDir="/srv/work"),
        top(symlink("srv/work", "/proc/self/fd/8")),
    ),
    case("the user is nobody's name", "C020", run(User="app")),
    case("the user's group is nobody's name", "C020", run(User="root:staff")),
    case("the user is one that a layer took away", "C020", run(User="root"), top(file("etc/passwd", b"app:x:1:1\n"))),
    case("the user's file is gone", "C020", run(User="root"), top(file("etc/.wh.passwd"))),
    case("the user has two groups", "C014", run(User="a:b:c")),
    case("the user has a space", "C014", run(User="a b")),
    case("the user's ID has 33 bits", "C014", run(User="4294967296")),
    case("the user has an empty group", "C014", run(User="1000:")),
    case("a label is a number", "C017", run(Labels={"a": 1})),
    case("the labels are a list", "C017", run(Labels=["a=b"])),
    case("the stop signal is unknown", "C018", run(StopSignal="SIGSTOPP")),
    case("the stop signal is 0", "C018", run(StopSignal="0")),
    case("an argument has a NUL", "C019", run(Cmd=["a\0b"])),
]

PLATFORMS = [
    case("the architecture is the kernel's name", "P001 P003", config(lambda c: c.update(architecture="x86_64"))),
    case("the os is written in capitals", "P002 P003", config(lambda c: c.update(os="Linux"))),
    case("an index has another architecture", "P003", entry(platform={"architecture": "arm64", "os": "linux"})),
    case("an index has another os", "P003", entry(platform={"architecture": "amd64", "os": "windows"})),
    case(
        "an index has another variant",
        "P004",
        entry(platform={"architecture": "amd64", "os": "linux", "variant": "v3"}),
        config(lambda c: c.update(variant="v2")),
    ),
    case("a variant is unknown", "P005", entry(platform={"architecture": "amd64", "os": "linux", "variant": "v9"})),
    case("an index's platform has no os", "P009", entry(platform={"architecture": "amd64"})),
    case("an index's platform is a string", "D001", entry(platform="linux/amd64")),
    case("the only program is for another processor", "P006 P008", only(make_elf(machine=ARM64))),
    case("the only program is for another byte order", "P006 P008", only(make_elf(machine=22, order=">"))),
    case(
        "the program that is started is for another processor",
        "P007 P008",
        top(file("usr/local/bin/app", make_elf(machine=ARM64), mode=0o755)),
    ),
    case(
        "a 386 image has programs for amd64",
        "P006 P008",
        config(lambda c: c.update(architecture="386")),
        entry(platform={"architecture": "386", "os": "linux"}),
    ),
    case(
        "an arm64 image has programs for amd64",
        "P006 P008",
        config(lambda c: c.update(architecture="arm64")),
        entry(platform={"architecture": "arm64", "os": "linux"}),
    ),
]
