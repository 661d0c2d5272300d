"""Images that are sound, and odd: what a checker that is merely strict would refuse."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib

import zstandard
from make.elves import I386, make_elf

from images.cases import (
    Case,
    Change,
    add_entry,
    case,
    config,
    disk,
    entry,
    first,
    index,
    layers,
    manifest,
    raw_config,
    raw_index,
    raw_manifest,
    run,
    top,
)
from images.parts import (
    CONFIG,
    DOCKER,
    EMPTY,
    INDEX,
    MANIFEST,
    TAG,
    TOP,
    Image,
    Json,
    Layer,
    compressed,
    deflated,
    digest,
)
from images.tars import (
    BLOCK,
    END,
    archive,
    directory,
    file,
    gnu_long,
    hardlink,
    header,
    pax,
    symlink,
    whiteout,
)
from images.unsound_documents import artifact, described, document, listed, within
from images.unsound_layers import upper

TAR = archive(*TOP)
ZSTD = compressed(TAR, "zstd")
SKIPPABLE = b"\x50\x2a\x4d\x18" + struct.pack("<I", 5) + b"hello"
DEEP = b"/".join([b"a" * 200] * 20)
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"


def raw(stored: bytes, compression: str = "gzip") -> Change:
    return upper(stored=stored, compression=compression)


def members(size: int) -> bytes:
    """Return the archive in gzip members of *size* bytes each."""
    return b"".join(deflated(TAR[at : at + size]) for at in range(0, len(TAR), size))


def named_member() -> bytes:
    """Return a gzip member with a name, a comment, an extra field and a check sum of its header."""
    head = b"\x1f\x8b\x08\x1e" + bytes(4) + b"\0\3" + struct.pack("<H", 4) + b"xxxx" + b"layer.tar\0" + b"comment\0"
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    return head + coder.compress(TAR) + coder.flush() + struct.pack("<II", zlib.crc32(TAR), len(TAR))


def docker(image: Image) -> None:
    """Write everything with Docker's media types."""

    def types(found: Json) -> None:
        found["mediaType"] = f"{DOCKER}distribution.manifest.v2+json"
        found["config"]["mediaType"] = f"{DOCKER}container.image.v1+json"
        for layer in found["layers"]:
            layer["mediaType"] = f"{DOCKER}image.rootfs.diff.tar.gzip"

    image.manifest.append(types)
    entry(mediaType=f"{DOCKER}distribution.manifest.v2+json")(image)


def docker_list(inner: Json) -> None:
    inner["mediaType"] = f"{DOCKER}distribution.manifest.list.v2+json"


def as_docker_list(image: Image) -> None:
    docker(image)
    within(docker_list)(image)
    entry(mediaType=f"{DOCKER}distribution.manifest.list.v2+json")(image)


def docker_fields(document: Json) -> None:
    """Add what Docker writes into a config besides the specification's fields."""
    document["docker_version"] = "28.2.2"
    document["container"] = "f" * 64
    document["container_config"] = {"Hostname": "f" * 12, "Image": digest(b"")}
    document["config"].update(Hostname="", OnBuild=None, ArgsEscaped=True, Image=digest(b""), Shell=["/bin/sh"])


def nulls(document: Json) -> None:
    """Set to null whatever may be."""
    document["author"] = document["variant"] = document["history"] = None
    for key in ("User", "ExposedPorts", "Volumes", "Labels", "Cmd", "OnBuild"):
        document["config"][key] = None


def attested(image: Image) -> None:
    """Put the image into an index with a statement about it, as BuildKit does."""
    statement = b'{"_type":"https://in-toto.io/Statement/v1"}'
    inner_config = document(
        architecture="unknown", os="unknown", config={}, rootfs={"type": "layers", "diff_ids": [digest(statement)]}
    )
    inner = document(
        schemaVersion=2,
        mediaType=MANIFEST,
        config=described(inner_config, mediaType=CONFIG),
        layers=[described(statement, mediaType="application/vnd.in-toto+json")],
    )
    image.blobs += [statement, inner_config, inner]

    def add(found: Json) -> None:
        about = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": found["manifests"][0]["digest"],
        }
        platform = {"architecture": "unknown", "os": "unknown"}
        add_entry(found, inner, mediaType=MANIFEST, platform=platform, annotations=about)

    within(add)(image)


def referrer(image: Image) -> None:
    """Add an artifact that is about the image."""

    def add(found: Json) -> None:
        about = {key: found["manifests"][0][key] for key in ("mediaType", "digest", "size")}
        data = document(
            schemaVersion=2,
            mediaType=MANIFEST,
            artifactType="application/spdx+json",
            config=described(b"{}", mediaType=EMPTY),
            layers=[described(b"SPDX", mediaType="application/spdx+json")],
            subject=about,
        )
        image.disk.append(lambda root: (root / "blobs" / digest(data).replace(":", "/")).write_bytes(data))
        add_entry(found, data, mediaType=MANIFEST, artifactType="application/spdx+json")

    image.blobs += [b"{}", b"SPDX"]
    image.index.append(add)


def two_platforms(inner: Json) -> None:
    """List the image for a variant too: the same manifest, which says no variant."""
    twin = json.loads(json.dumps(inner["manifests"][0]))
    twin["platform"]["variant"] = "v2"
    inner["manifests"].append(twin)


def embedded(found: Json) -> None:
    """Embed the empty config of an artifact."""
    found["config"]["data"] = base64.b64encode(b"{}").decode()


def sha512_config(image: Image) -> None:
    """Name the upper layer by SHA-512, in the manifest and in the config."""
    image.layers[1].algorithm = "sha512"
    tar = image.layers[1].tar
    image.config.append(lambda c: c["rootfs"]["diff_ids"].__setitem__(1, digest(tar, "sha512")))


def no_layers(image: Image) -> None:
    image.layers.clear()


def platform(architecture: str, os: str = "linux", **more: Json) -> Change:
    """Make the image one of another platform, without programs."""

    def change(image: Image) -> None:
        image.layers[:] = [Layer(archive(file("etc/old")))]
        image.config.append(lambda c: c.update(architecture=architecture, os=os, **more))
        entry(platform={"architecture": architecture, "os": os, **more})(image)

    return change


def in_layout(name: str, data: bytes = b"x") -> Change:
    return disk(lambda root: (root / name).write_bytes(data))


def odd(name: str, codes: str, *items: bytes) -> Case:
    return case(name, codes, top(*items))


def embed_config(image: Image, found: Json) -> None:
    """Embed the image's own config."""
    found["config"]["data"] = base64.b64encode(image.config_bytes()).decode()


def foreign_base(image: Image) -> None:
    """Let the lower layer be one that is elsewhere."""
    image.layers[0].media_type = FOREIGN
    image.layers[0].absent = True


def streamed(data: bytes) -> bytes:
    """Return a zstd frame without a size and a check sum."""
    coder = zstandard.ZstdCompressor(level=1).compressobj()
    return coder.compress(data) + coder.flush()


def in_three_ways(image: Image) -> None:
    image.layers[0].compression = "zstd"
    image.layers.append(Layer(END, "none"))


def accounts(passwd: bytes, group: bytes) -> tuple[bytes, ...]:
    return file("etc/passwd", b"root:x:0:0\n" + passwd), file("etc/group", group)


def without(key: str) -> Change:
    return config(lambda c: c.pop(key))


ONE = file("srv/a", b"a")
OLD_STYLE = header(b"srv/old/", magic=bytes(8), flag=b"\0")
BASE_256 = header(b"srv/b", size=b"\x80" + (1).to_bytes(11, "big"), mtime=b"\xff" * 12) + b"b" + bytes(BLOCK - 1)
SPACED = header(b"srv/s", mode=b"   644 \0", uid=b"     0 \0", gid=b"     0 \0", mtime=b"          1 ", device=(0, 0))
PREFIXED = file("b" * 90, b"x", prefix=b"srv/" + b"a" * 100)
EMPTY_NUMBERS = header(b"srv/e", mode=bytes(8), uid=bytes(8), gid=bytes(8), size=bytes(12), mtime=bytes(12))

COMPRESSION = [
    case("nothing is odd", ""),
    case("a layer is two gzip members", "", raw(deflated(TAR[:700]) + deflated(TAR[700:]))),
    case("a layer is a gzip member for each 100 bytes", "", raw(members(100))),
    case("a layer has empty gzip members", "", raw(deflated(b"") * 3 + deflated(TAR) + deflated(b"") * 3)),
    case("a gzip member has a name, a comment and more", "", raw(named_member())),
    case("a layer is stored deflate", "", raw(gzip.compress(TAR, 0, mtime=0))),
    case("a layer is zstd", "", raw(ZSTD, "zstd")),
    case("a layer is two zstd frames", "", raw(compressed(TAR[:700], "zstd") + compressed(TAR[700:], "zstd"), "zstd")),
    case("a zstd layer has skippable frames", "", raw(SKIPPABLE + ZSTD + SKIPPABLE, "zstd")),
    case("a zstd frame has no size and no check sum", "", raw(streamed(TAR), "zstd")),
    case("a zstd layer has an empty frame", "", raw(compressed(b"", "zstd") + ZSTD, "zstd")),
    case("a layer is not compressed", "", upper(compression="none")),
    case("layers are compressed in three ways", "", in_three_ways),
]

ARCHIVES = [
    case("a layer has no entries", "", upper(END)),
    case("a layer is padded to 10,240 bytes", "", upper(TAR + bytes(-len(TAR) % 10_240))),
    case("a layer has a million zeros at its end", "", upper(TAR + bytes(1_000_000))),
    case("the same layer stands twice", "", layers(lambda found: found.insert(1, Layer(found[0].tar)))),
    odd("paths begin with `./`", "", directory("./"), file("./srv/a"), whiteout("./etc/.wh.old")),
    odd("directories have no entries", "", file("opt/a/b/c/d", b"x")),
    odd("a directory comes after what is in it", "", ONE, directory("srv")),
    odd("a name is in a pax header", "", pax({b"path": b"srv/caf\xc3\xa9 " + b"x" * 150}, file("srv/x"))),
    odd(
        "a pax header has times and attributes",
        "",
        pax({b"mtime": b"1.5", b"atime": b"-3.25", b"SCHILY.xattr.user.a": b"\0\n=\xff"}, ONE),
    ),
    odd(
        "a pax header has keys of vendors",
        "",
        pax({b"MSWINDOWS.rawsd": b"AQ==", b"LIBARCHIVE.creationtime": b"1"}, ONE),
    ),
    odd(
        "a pax header gives a size that ustar cannot",
        "",
        pax({b"size": b"1", b"uid": b"4000000000"}, header(b"srv/a", size=1) + b"a" + bytes(BLOCK - 1)),
    ),
    odd("a global pax header has a comment", "", pax({b"comment": b"a1b2c3"}, ONE, flag=b"g")),
    odd("a name of 4,000 bytes", "", pax({b"path": DEEP}, file("srv/x"))),
    odd("a name of GNU's with 3,000 bytes", "", gnu_long(file("srv/x", b"x"), name=b"/".join([b"n" * 250] * 12))),
    odd("a long link of GNU's", "", gnu_long(symlink("srv/l", "x"), name=b"srv/" + b"l" * 200, link=b"t" * 300)),
    odd("a name has a prefix of ustar's", "", PREFIXED),
    odd("a header is of Unix V7", "", OLD_STYLE, header(b"srv/old/a", magic=bytes(8), flag=b"\0")),
    odd("numbers are in base 256, and a time is negative", "", BASE_256),
    odd("numbers have spaces before them", "", SPACED),
    odd("numbers are empty", "", EMPTY_NUMBERS),
    odd(
        "names have spaces, dots and other scripts",
        "",
        file("srv/a b"),
        file("srv/..."),
        file("srv/한글"),
        file("srv/.wh"),
    ),
    odd("names differ in case alone", "", file("srv/A"), file("srv/a")),
    odd("names are almost whiteouts", "", file("srv/a.wh.b"), file("srv/wh.x"), file("srv/.whx")),
]

LINKS = [
    odd("a link leads out of the root", "", symlink("srv/x", "../../../../../etc/shadow"), symlink("y", "/proc/self")),
    odd("links lead to nothing and to each other", "", symlink("x", "y"), symlink("y", "x"), symlink("z", "none")),
    odd("a link is replaced by a file, and then filled no more", "", file("nowhere", b"x")),
    odd("a link of the layer below becomes a link", "", symlink("lib", "usr/lib64")),
    odd("a link to nothing becomes a directory", "", directory("nowhere"), file("nowhere/a")),
    odd("a hard link leads to a hard link", "", ONE, hardlink("srv/b", "srv/a"), hardlink("srv/c", "./srv/b")),
    odd("a hard link leads to a symbolic link", "", symlink("srv/l", "/etc"), hardlink("srv/m", "srv/l")),
    odd("an empty directory is replaced by a file", "", file("tmp", b"x")),
    odd("a file is replaced by a directory", "", directory("etc/old"), file("etc/old/a")),
    odd("a whiteout stands before what replaces it", "", whiteout("etc/.wh.old"), file("etc/old", b"new")),
    odd(
        "a whiteout stands before a directory that replaces it",
        "",
        whiteout(".wh.usr"),
        directory("usr"),
        file("usr/a"),
    ),
    odd(
        "a whiteout and a hard link to what replaces it",
        "",
        whiteout("etc/.wh.old"),
        file("etc/old"),
        hardlink("etc/o2", "etc/old"),
    ),
    case(
        "what was hidden comes back in a third layer",
        "",
        layers(lambda found: found.append(Layer(archive(file("etc/old"), directory("usr"))))),
    ),
]

DOCUMENTS = [
    case("all media types are Docker's", "", docker),
    case("a list of Docker's has the image", "", as_docker_list),
    case("an index is in the index", "", within(lambda _: None)),
    case(
        "an index in the index has an annotation",
        "",
        within(lambda inner: inner.update(annotations={"com.example.a": ""})),
    ),
    case("an image is listed for two variants", "", within(two_platforms)),
    case("an index has a statement about the image", "", attested),
    case("a layout has an artifact about the image", "M007", referrer),
    case("an artifact has an empty config", "M007", artifact("application/vnd.example.thing")),
    case(
        "an artifact has a config of its own", "M007", artifact(None, b"a: b\n", "application/vnd.example.config+yaml")
    ),
    case("an artifact embeds its config", "M007", artifact("application/vnd.example.thing"), manifest(embedded)),
    case("an entry is of an unknown kind", "I005", listed(b"anything", mediaType="application/vnd.example.index+cbor")),
    case("the index has no platform", "", entry(platform=None)),
    case("the index has no tag", "", entry(annotations=None)),
    case(
        "two tags name one image",
        "",
        index(lambda i: i["manifests"].append({**i["manifests"][0], "annotations": {TAG: "latest"}})),
    ),
    case(
        "a manifest has fields that nobody knows", "", manifest(lambda m: m.update({"x-vendor": {"a": [1, None, {}]}}))
    ),
    case(
        "every document has fields that nobody knows",
        "",
        raw_config(first(b'"\xc3\xa9":1.5e3,')),
        raw_index(first(b'"new":null,')),
    ),
    case(
        "documents are indented",
        "",
        raw_manifest(lambda data: json.dumps(json.loads(data), indent=3).encode() + b"\r\n\t "),
    ),
    case(
        "a document escapes what it need not",
        "",
        raw_manifest(lambda data: data.replace(b"/", b"\\/").replace(b"layers", b"\\u006cayers")),
    ),
    case("a manifest does not say its media type", "M005", manifest(lambda m: m.pop("mediaType"))),
    case(
        "a manifest has annotations",
        "",
        manifest(
            lambda m: m.update(
                annotations={"org.opencontainers.image.created": "2026-11-24T10:00:00+09:00", "com.example.empty": ""}
            )
        ),
    ),
    case(
        "layers have annotations and URLs",
        "",
        manifest(lambda m: m["layers"][0].update(annotations={}, urls=["https://layers.example/a%20b?c=d#e"])),
    ),
    case("a config's content is embedded", "", lambda image: image.manifest.append(lambda m: embed_config(image, m))),
    case("a layer is named by SHA-512", "", sha512_config),
    case(
        "a layer is not distributed, and is here",
        "M012",
        manifest(lambda m: m["layers"][1].update(mediaType=FOREIGN, urls=["https://layers.example/l"])),
    ),
    case("a layer is not distributed, and is not here", "M012 D013", foreign_base),
    case("an image has no layers", "M011", no_layers),
    case("an image has 127 layers", "", layers(lambda found: found.extend(Layer(END) for _ in range(125)))),
    case(
        "an image is empty, and an index names it with others",
        "I009",
        listed(document(schemaVersion=2, mediaType=INDEX, manifests=[]), mediaType=INDEX),
    ),
    case("a layout has other files", "", in_layout("README"), in_layout("manifest.json", b"[]")),
    case("`oci-layout` has other fields", "", in_layout("oci-layout", b' {"imageLayoutVersion": "1.0.0", "x": 1}\n')),
    case("a layout has a blob that nothing names", "", lambda image: image.blobs.append(b"nobody's")),
    case("a layout has a blob of another algorithm", "", disk(lambda root: (root / "blobs" / "blake3").mkdir())),
]

CONFIGS = [
    case("a config has no history", "", without("history")),
    case("a config's history is empty", "", config(lambda c: c.update(history=[]))),
    case("a config has no time", "", without("created")),
    case("a config is of the year 1", "", config(lambda c: c.update(created="0001-01-01T00:00:00Z"))),
    case(
        "a config's time has nanoseconds and a zone",
        "",
        config(lambda c: c.update(created="2024-02-29T23:59:59.123456789-11:30")),
    ),
    case("a config has no defaults", "C015", without("config")),
    case("a config's defaults are null", "C015", config(lambda c: c.update(config=None))),
    case("a config has null where it may", "", config(nulls)),
    case("a config has Docker's own fields", "", config(docker_fields)),
    case("a config has a health check", "C016", run(Healthcheck={"Test": ["CMD", "true"], "Interval": 10**9})),
    case("a config has no command", "C015", run(Entrypoint=None, Cmd=[])),
    case("variables are empty, or have more signs", "", run(Env=["A=", "B=c=d", "PATH=/usr/bin", "npm_config.x-y=1"])),
    case("ports are of all kinds", "", run(ExposedPorts={"80": {}, "53/udp": {}, "8000-8010/tcp": {}, "9/sctp": {}})),
    case("ports and volumes are keys of null", "", run(ExposedPorts={"80": None}, Volumes={"/data": None})),
    case("a user is a name with a number for its group", "", run(User="root:1000")),
    case(
        "a user and a group are names",
        "",
        run(User="dom.ain\\u-1:g"),
        top(*accounts(b"dom.ain\\u-1:x:1:1\n", b"g:x:1:\n")),
    ),
    case("a user's file is a link", "", run(User="who"), top(file("etc/p", b"x"), symlink("etc/passwd", "p"))),
    case("an image has no `/etc/passwd`, and a user by number", "", run(User="1:1"), top(whiteout("etc/.wh.passwd"))),
    case("the stop signal is a number", "", run(StopSignal="9")),
    case("the stop signal is in real time", "", run(StopSignal="SIGRTMIN+3")),
    case("the working directory has slashes", "", run(WorkingDir="//srv/./x/")),
    case("the working directory is called almost `/proc`", "", run(WorkingDir="/processes/proc")),
    case("a config is of another platform than amd64", "", platform("riscv64")),
    case(
        "a config has a variant that the index has not", "", platform("arm"), config(lambda c: c.update(variant="v7"))
    ),
    case("a variant says nothing new", "", platform("arm64", variant="v8"), config(lambda c: c.pop("variant"))),
    case(
        "an image is for Windows",
        "",
        platform("amd64", "windows", **{"os.version": "10.0.1", "os.features": ["win32k"]}),
        run(WorkingDir="C:\\app", User="ContainerUser", Volumes={"C:\\data": {}}, Entrypoint=["a.exe"]),
    ),
    case("an amd64 image has a program for 386", "", top(file("srv/p", make_elf(machine=I386, bits=32), mode=0o755))),
    case("an image has a file that begins like a program", "", top(file("srv/p", b"\x7fELF", mode=0o755))),
    case("an image has a script for its command", "", top(file("usr/local/bin/app", b"#!/bin/sh\n", mode=0o755))),
    case(
        "an image has a program for another processor as data",
        "P007",
        top(file("srv/p", make_elf(machine=40, bits=32), mode=0o755)),
    ),
]


def all_sound() -> list[Case]:
    return [*COMPRESSION, *ARCHIVES, *LINKS, *DOCUMENTS, *CONFIGS]
