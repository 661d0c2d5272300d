"""Layers with one defect each: compression, archives, entries, links and whiteouts."""

from __future__ import annotations

import struct

import zstandard

from images.cases import Case, Change, case, layers, top
from images.parts import TOP, Layer, compressed, deflated
from images.tars import (
    END,
    archive,
    directory,
    file,
    gnu_long,
    hardlink,
    header,
    pax,
    record,
    special,
    symlink,
    whiteout,
)

TAR = archive(*TOP)


def upper(tar: bytes = TAR, *, stored: bytes | None = None, **values: str) -> Change:
    """Replace the upper layer by another archive, or by other stored bytes."""
    return layers(lambda found: found.__setitem__(1, Layer(tar, stored=stored, **values)))  # type: ignore[arg-type]


def raw(stored: bytes, compression: str = "gzip") -> Change:
    """Store other bytes for the archive that the diff ID is of."""
    return upper(stored=stored, compression=compression)


def entries(name: str, codes: str, *items: bytes) -> Case:
    """Return a case whose upper layer has these entries."""
    return case(name, codes, top(*items))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def with_window(data: bytes, log: int) -> bytes:
    """Return a zstd frame that says that it looks back 2^*log* bytes."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=log)
    coder = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return coder.compress(data) + coder.flush()


ZSTD = compressed(TAR, "zstd")
GZIP = deflated(TAR)
HALF = len(TAR) // 2 // 512 * 512

COMPRESSION = [
    case("the end of a gzip member is missing", "L003", raw(GZIP[:-8])),
    case("the last byte of a layer is missing", "L003", raw(GZIP[:-1])),
    case("half of a layer is missing", "L003", raw(GZIP[: len(GZIP) // 2])),
    case("the second gzip member is cut", "L003", raw(deflated(TAR[:HALF]) + deflated(TAR[HALF:])[:-3])),
    case("a layer is empty", "L003", raw(b"")),
    case("a gzip check sum is wrong", "L002", raw(flipped(GZIP, -6))),
    case("a gzip size is wrong", "L002", raw(GZIP[:-4] + struct.pack("<I", len(TAR) + 1))),
    case("a deflate block is broken", "L002", raw(flipped(GZIP, 40))),
    case("a gzip method is unknown", "L002", raw(GZIP[:2] + b"\7" + GZIP[3:])),
    case("a gzip flag is reserved", "L002", raw(GZIP[:3] + b"\xe0" + GZIP[4:])),
    case("a byte follows a layer", "L004", raw(GZIP + b"x")),
    case("zeros follow a layer", "L004", raw(GZIP + bytes(512))),
    case("a tar follows a layer", "L004", raw(GZIP + TAR)),
    case("a zstd frame follows a gzip member", "L004", raw(GZIP + ZSTD)),
    case("a zstd frame is cut", "L003", raw(ZSTD[:-5], "zstd")),
    case("a zstd check sum is cut", "L003", raw(ZSTD[:-1], "zstd")),
    case("a zstd check sum is wrong", "L002", raw(flipped(ZSTD, -1), "zstd")),
    case("a zstd block is broken", "L002", raw(flipped(ZSTD, 30), "zstd")),
    case("text follows a zstd frame", "L004", raw(ZSTD + b"text", "zstd")),
    case("a zstd frame looks back 256 MiB", "L008", raw(with_window(TAR, 28), "zstd")),
    case("a zstd layer is gzip", "L005", raw(GZIP, "zstd")),
    case("a gzip layer is not compressed", "L005", raw(TAR)),
    case("a gzip layer is zstd", "L005", raw(ZSTD)),
    case("a layer without compression is gzip", "L005", raw(GZIP, "none")),
    case("a layer is compressed twice", "L102 L001", upper(stored=deflated(GZIP))),
    case("a layer's bytes are other ones", "L001", upper(stored=deflated(archive(*TOP, file("srv/new"))))),
    case("a layer is a text", "L102 L005 L001", raw(b"Not found\n")),
    case("a layer is HTML of some length", "L105 L005 L001", raw(b"<!doctype html>" * 100)),
]


def ends(name: str, codes: str, tar: bytes) -> Case:
    return case(name, codes, upper(tar))


ONE = file("srv/a", b"a")

ARCHIVES = [
    entries("a header's check sum is wrong", "L101", header(b"srv/a", checksum=b"000000\0 ")),
    entries("a header has a changed byte", "L101", flipped(ONE, 3)),
    entries("a header's check sum is no number", "L105", header(b"srv/a", checksum=b"abcdef\0 ")),
    ends("an archive ends within a header", "L102", ONE + header(b"srv/b")[:300]),
    ends("an archive ends within a file", "L102", header(b"srv/b", size=2000) + bytes(512)),
    ends("an archive ends within a file's padding", "L102", header(b"srv/b", size=10) + bytes(100)),
    ends("a file claims 8 GiB", "L102", header(b"srv/b", size=b"77777777777\0") + bytes(4096)),
    ends("an archive has no end", "L103", ONE),
    ends("an archive ends with one block of zeros", "L103", ONE + bytes(512)),
    ends("an archive has no byte", "L103", b""),
    ends("an entry follows the end", "L104", archive(ONE) + file("srv/b", b"b")),
    ends("an entry follows one block of zeros", "L104", ONE + bytes(512) + file("srv/b") + END),
    ends("another archive follows the end", "L104", archive(ONE) + archive(file("srv/b"))),
    ends("text follows the end", "L104", archive(ONE) + b"hidden"),
    entries("a size has letters", "L105", header(b"srv/a", size=b"0000000000z\0")),
    entries("a file's size is negative", "L105", header(b"srv/a", size=b"\xff" * 12)),
    entries("a size has 88 bits", "L105", header(b"srv/a", size=b"\x80" + b"\xff" * 11)),
    entries("a size is decimal", "L105", header(b"srv/a", size=b"00000000089\0")),
    entries("a size begins with a NUL", "L105", header(b"srv/a", size=b"\0" + b"0000001000\0") + bytes(512)),
    entries("a mode has letters", "L105", header(b"srv/a", mode=b"rw-r--r-")),
    entries("a time has letters", "L105", header(b"srv/a", mtime=b"yesterday\0\0\0")),
    entries("a user ID is negative", "L105", header(b"srv/a", uid=b"\xff" * 8)),
    entries("a pax record has no length", "L106", pax(b"path=srv/b\n", ONE)),
    entries("a pax record is too long for its header", "L106", pax(b"99 path=srv/b\n", ONE)),
    entries("a pax record is too short", "L106", pax(b"5 path=srv/b\n", ONE)),
    entries("a pax record has no line end", "L106", pax(b"14 path=srv/bb", ONE)),
    entries("a pax record has no value", "L106", pax(b"8 pathx\n", ONE)),
    entries("a pax record's length begins with 0", "L106", pax(b"014 path=srv/b\n", ONE)),
    entries("a pax record's length is a million digits", "L106", pax(b"9" * 1_000_000, ONE)),
    entries("a pax size is a word", "L106", pax({b"size": b"many"}, ONE)),
    entries("a pax size is negative", "L106", pax({b"size": b"-1"}, ONE)),
    entries("a pax time is a word", "L106", pax({b"mtime": b"now"}, ONE)),
    entries("a pax user ID is a word", "L106", pax({b"uid": b"root"}, ONE)),
    entries("a pax size hides an entry", "L107", pax({b"size": b"1024"}, header(b"srv/a")) + ONE + file("srv/b")),
    entries("a pax size shows an entry", "L107", pax({b"size": b"0"}, header(b"srv/a", size=1024)) + ONE + ONE),
    entries("a pax header has two paths", "L107", pax(record(b"path", b"srv/b") + record(b"path", b"srv/c"), ONE)),
    entries("pax and GNU give different paths", "L107", pax({b"path": b"srv/b"}, gnu_long(ONE, name=b"srv/c"))),
    entries("an extended header has 2 MiB", "L108", pax({b"comment": b"x" * 2**21}, ONE)),
    entries("an extended header claims 8 GiB", "L108", header(b"x", flag=b"x", size=b"77777777777\0")),
    entries("a long name has 2 MiB", "L108", gnu_long(ONE, name=b"x" * 2**21)),
    case(
        "extended headers have 20 MiB together",
        "L108",
        top(*[pax({b"comment": bytes([i]) * 2**19}, file(f"srv/{i}")) for i in range(1, 41)]),
    ),
    entries("two pax headers follow each other", "L109", pax({b"mtime": b"1"}, pax({b"atime": b"2"}, ONE))),
    entries("two long names follow each other", "L107 L109", gnu_long(gnu_long(ONE, name=b"srv/c"), name=b"srv/b")),
    entries("an extended header is the last one", "L109", pax({b"mtime": b"1"}, b"")),
    entries("a global header gives a path", "L110", pax({b"path": b"srv/all"}, ONE, flag=b"g")),
    entries("a global header gives a size", "L110", pax({b"size": b"7"}, ONE, flag=b"g")),
    entries("an entry is of an unknown type", "L111", special("srv/a", b"Z")),
    entries("an entry is a volume's name", "L111", special("srv/a", b"V")),
    entries("an entry is a GNU dump directory", "L111", special("srv/a", b"D")),
    entries("an entry is a contiguous file", "L111", special("srv/a", b"7")),
    entries("an entry is a socket of star's", "L111", special("srv/a", b"s")),
    entries("a file is sparse by GNU's old header", "L111", header(b"srv/a", flag=b"S", magic=b"ustar  \0")),
    entries(
        "a file is sparse by its pax header",
        "L112",
        pax({b"GNU.sparse.major": b"1", b"GNU.sparse.name": b"srv/s"}, ONE),
    ),
    entries("a directory has content", "L113", special("srv/d", b"5", size=100)),
    entries("a symbolic link has content", "L113 L311", special("srv/l", b"2", size=5)),
    entries("a device has content", "L113 L210", special("srv/d", b"3", size=5)),
    entries("an old directory has content", "L113", header(b"srv/d/", flag=b"\0", size=5)),
    entries("a file's name ends with a slash", "L116", file("srv/d/")),
    entries("a pax header takes a path back", "L107", pax({b"path": b""}, ONE)),
    entries("a pax header has the same time twice", "L107", pax(record(b"mtime", b"1") * 2, ONE)),
    entries("a pax comment has a NUL", "L106", pax({b"comment": b"a\0b"}, ONE)),
    entries("a global header gives an owner", "L110", pax({b"uid": b"0"}, ONE, flag=b"g")),
    entries("a global header gives an attribute", "L110", pax({b"SCHILY.xattr.user.a": b"b"}, ONE, flag=b"g")),
    entries("a hard link has a size", "L114", ONE, hardlink("srv/b", "srv/a", size=1)),
    entries("a user ID has 33 bits", "L115", header(b"srv/a", uid=b"\x80\0\0\2\0\0\0\0")),
    entries("a pax user ID has 40 bits", "L115", pax({b"uid": b"1099511627776"}, ONE)),
]

DEEP = "d/" * 3000

ENTRIES = [
    entries("a path is absolute", "L201", file("/srv/a")),
    entries("a path leads upwards", "L202", file("../a")),
    entries("a path leads upwards in its middle", "L202", file("srv/../../a")),
    entries("a path ends with `..`", "L202", directory("srv/..")),
    entries("a path is absolute and leads upwards", "L201 L202", file("/../../etc/cron.d/a")),
    entries("a path in a pax header leads upwards", "L202", pax({b"path": b"../../a"}, ONE)),
    entries("a long path of GNU's leads upwards", "L202", gnu_long(ONE, name=b"x/" * 60 + b"../" * 80 + b"a")),
    entries("an entry has no name", "L203", header()),
    entries("a directory has no name", "L203", header(flag=b"5")),
    entries("the root is a symbolic link", "L204", symlink("./", "/etc")),
    entries("the root is a symbolic link, by `/.`", "L204 L201", symlink("/.", "/etc")),
    entries("the root is a file", "L204", file(".")),
    entries("a path has a NUL", "L205", pax({b"path": b"srv/a\0b"}, ONE)),
    entries("a name has 256 bytes", "L206", pax({b"path": b"a" * 256}, ONE)),
    entries("a path has 6,000 bytes", "L206", pax({b"path": DEEP.encode()}, directory("d"))),
    entries("a path stands twice", "L207", ONE, ONE),
    entries("a path stands twice, once with `./`", "L207", ONE, file("./srv/a")),
    entries("a path stands twice, once with two slashes", "L207", ONE, file("srv//a")),
    entries("a path stands twice, once absolute", "L207 L201", ONE, file("/srv/a")),
    entries("a path stands twice, as a file and a link", "L207", ONE, symlink("srv/a", "b")),
    entries("a directory stands twice", "L207", directory("srv"), ONE, directory("srv")),
    entries("the root stands twice", "L207", directory("./"), directory(".")),
    entries("a whiteout stands twice", "L207 L321", whiteout("etc/.wh.old"), whiteout("etc/.wh.old")),
    entries("a path is Latin-1", "L208", file(b"srv/caf\xe9")),
    entries("a path has a line break", "L209", file("srv/a\nb")),
    entries("a path has a bidirectional override", "L209", file("srv/\u202egnp.exe")),
    entries("an entry is a character device", "L210", special("srv/null", b"3", (1, 3))),
    entries("an entry is a block device", "L210", special("srv/sda", b"4", (8, 0))),
    entries("an entry is overlayfs's whiteout", "L210", special("srv/gone", b"3", (0, 0))),
    entries("a file is set-user-ID", "L211", file("srv/su", mode=0o4755)),
    entries("a file is set-group-ID", "L211", file("srv/wall", mode=0o2755)),
    entries(
        "a file has capabilities", "L212", pax({b"SCHILY.xattr.security.capability": b"\1\0\0\2" + bytes(16)}, ONE)
    ),
    entries("an entry is a FIFO", "L213", special("srv/pipe", b"6")),
    entries(
        "a directory is opaque by an attribute of overlayfs",
        "L214",
        pax({b"SCHILY.xattr.trusted.overlay.opaque": b"y"}, directory("srv")),
    ),
]

LINKS = [
    entries("a file goes through an absolute link of its layer", "L301", symlink("srv/x", "/usr"), file("srv/x/a")),
    entries("a file goes through a link to the host's root", "L301", symlink("x", "/"), file("x/etc/shadow")),
    entries("a file goes through a link that leads upwards", "L301", symlink("x", "../.."), file("x/a")),
    entries("a file goes through a link of the layer below that leads upwards", "L301", file("out/passwd")),
    entries("a file goes through a link through a link that leads upwards", "L301", symlink("y", "out"), file("y/a")),
    entries("a directory is made through a link that leads upwards", "L301", directory("out/cron.d")),
    entries("a link is made through a link that leads upwards", "L301", symlink("out/a", "b")),
    entries("a whiteout goes through a link that leads upwards", "L301", whiteout("out/.wh.passwd")),
    entries("a link leads upwards after some names", "L301", symlink("x", "usr/bin/../../../etc"), file("x/a")),
    entries(
        "a link of the layer leads to an absolute path that is not there", "L301", symlink("x", "/no"), file("x/a")
    ),
    entries("a file goes through an absolute link below", "L302", file("run/app.pid")),
    entries("a file goes through a relative link below", "L302", file("lib/b.so")),
    entries("a file goes through a relative link of its layer", "L302", symlink("y", "srv"), ONE, file("y/b")),
    entries("a file goes through a link to nothing", "L303", file("nowhere/a")),
    entries("a file goes through a link to itself", "L303", symlink("x", "x"), file("x/a")),
    entries("a file goes through two links to each other", "L303", symlink("x", "y"), symlink("y", "x"), file("x/a")),
    entries("a file goes through a link to a file", "L304", symlink("x", "etc/passwd"), file("x/a")),
    entries("a file is above another", "L304", file("srv"), file("srv/a")),
    entries("a file of the layer below is above an entry", "L304", file("etc/passwd/a")),
    entries("a device is above a file", "L304 L210", special("srv", b"3", (1, 3)), file("srv/a")),
    entries("a file replaces a directory that its layer filled", "L304", ONE, file("srv")),
    entries("a whiteout is below a file", "L304", whiteout("etc/passwd/.wh.a")),
    entries("a hard link leads to nothing", "L305", hardlink("srv/b", "srv/nothing")),
    entries("a hard link leads to what a whiteout took", "L305", whiteout("etc/.wh.old"), hardlink("srv/b", "etc/old")),
    entries("a hard link has no target", "L306", hardlink("srv/b", "")),
    entries("a hard link leads upwards", "L306", hardlink("srv/b", "../../etc/shadow")),
    entries("a hard link leads upwards through a link", "L306", hardlink("srv/b", "out/shadow")),
    entries(
        "a hard link leads through an absolute link", "L306 L310", symlink("x", "/"), hardlink("srv/b", "x/etc/passwd")
    ),
    entries("a hard link stands before its target", "L307", hardlink("srv/a", "srv/b"), file("srv/b")),
    entries("a hard link leads to a directory", "L308", directory("srv"), hardlink("x", "srv")),
    entries("a hard link leads to itself", "L309", hardlink("srv/a", "./srv/a")),
    entries("a hard link leads to a lower layer", "L310", hardlink("srv/a", "etc/passwd")),
    entries("a hard link leads through a link", "L302 L310", hardlink("srv/b", "lib/libx.so.1")),
    entries("a hard link is absolute", "L312", ONE, hardlink("srv/b", "/srv/a")),
    entries("a symbolic link has no target", "L311", symlink("srv/a", "")),
    entries("a symbolic link's target has a NUL", "L311", pax({b"linkpath": b"a\0b"}, symlink("srv/a", "x"))),
]

WHITEOUTS = [
    entries("a whiteout hides nobody", "L320", file("etc/.wh.")),
    entries("a whiteout hides its directory", "L320", file("etc/.wh..")),
    entries("a whiteout hides the directory above", "L320", file("etc/.wh...")),
    entries("a whiteout of the root hides nobody", "L320", file(".wh.")),
    entries("a whiteout hides what is not there", "L321", whiteout("etc/.wh.never")),
    entries("a whiteout is in a directory that is not there", "L321", whiteout("opt/app/.wh.x")),
    entries("a whiteout follows what replaces it", "L322 L323", file("etc/old", b"new"), whiteout("etc/.wh.old")),
    entries("a whiteout follows what its layer put into a directory", "L322", file("etc/new"), whiteout(".wh.etc")),
    entries("a whiteout follows its siblings", "L323", file("etc/new"), whiteout("etc/.wh.old")),
    entries("a whiteout is a directory", "L324", directory("etc/.wh.old")),
    entries("a whiteout is a symbolic link", "L324", symlink("etc/.wh.old", "passwd")),
    entries("a whiteout is a device", "L324 L210", special("etc/.wh.old", b"3")),
    entries("a file is below a whiteout", "L324", file("etc/.wh.old/a")),
    entries("an opaque whiteout is a directory", "L324", directory("etc/.wh..wh..opq")),
    entries("a whiteout has content", "L325", file("etc/.wh.old", b"x")),
    entries("a whiteout is a hard link", "L325", ONE, hardlink("etc/.wh.old", "srv/a")),
    entries("a file is AUFS's", "L326", file(".wh..wh.plnk")),
    entries("a whiteout is opaque", "L327", whiteout("etc/.wh..wh..opq"), file("etc/new")),
    entries("an opaque whiteout follows its siblings", "L327 L323", file("etc/new"), whiteout("etc/.wh..wh..opq")),
    entries("a directory replaces a link to one", "L330", directory("lib"), file("lib/b.so")),
    entries("a file replaces a directory", "L331", file("usr/lib")),
    entries("a link replaces a directory", "L331", symlink("etc", "usr")),
]


def all_unsound() -> list[Case]:
    from images import unsound_documents as documents
    from images import unsound_layouts as layouts

    return [
        *layouts.LAYOUTS, *layouts.JSON, *documents.DESCRIPTORS, *documents.INDEXES, *documents.MANIFESTS,
        *documents.CONFIGS, *documents.PLATFORMS, *COMPRESSION, *ARCHIVES, *ENTRIES, *LINKS, *WHITEOUTS,
    ]  # fmt: skip
