"""Wheels that contradict themselves, or want what no honest one needs. Each is refused, and told why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from make.hostile import CODE, MODULE, POINTS, RECORD, Case, check, wheel
from make.wheels import DIST_INFO, FILENAME, METADATA, WHEEL, Row, open_bytes, row
from make.zips import Entry, write_zip

from tare.errors import IntegrityError, TargetError


def recorded(title: str, *causes: str, **changes: Any) -> Case:  # make_wheel's own
    return Case(title, lambda: wheel(**changes), causes)


def module_row(*fields: str) -> Callable[[list[Row]], Iterable[Row]]:
    """Replace the first module's row."""
    return lambda rows: [fields, *rows[1:]]


def stated(title: str, text: str) -> Case:
    """Return a wheel whose RECORD states *text* as a hash."""
    cause = f"RECORD has no SHA-2 hash for `{MODULE}`: it says `{text[:80]}`"
    return recorded(title, cause, rows=module_row(MODULE, text, "10"))


def sized(title: str, text: str) -> Case:
    return recorded(title, f"RECORD line 1 says the size is `{text}`", rows=module_row(MODULE, row("", CODE)[1], text))


GHOST = row("../../../etc/passwd", b"")

RECORDS = (
    recorded("no RECORD", f"it has no `{RECORD}`", entries=lambda listed: listed[:-1]),
    recorded("a file that is not in RECORD", f"`{MODULE}` is not in RECORD", rows=lambda rows: rows[1:]),
    recorded("a RECORD that is not in itself", f"`{RECORD}` is not in RECORD", rows=lambda rows: rows[:-1]),
    recorded(
        "an empty RECORD",
        f"`{DIST_INFO}/METADATA` is not in RECORD",
        f"`{RECORD}` is not in RECORD",
        f"`{DIST_INFO}/WHEEL` is not in RECORD",
        record=b"",
    ),
    recorded(
        "a row without a file",
        "RECORD names `sample/ghost.py`, which is not in the wheel",
        rows=lambda rows: [*rows, row("sample/ghost.py", b"")],
    ),
    recorded(
        "a row that leaves the environment",
        "RECORD names `../../../etc/passwd`, which is not in the wheel",
        rows=lambda rows: [*rows, GHOST],
    ),
    recorded(
        "a row with backslashes",
        f"`{MODULE}` is not in RECORD",
        "RECORD names `sample\\__init__.py`, which is not in the wheel",
        rows=module_row("sample\\__init__.py", *row("", CODE)[1:]),
    ),
    recorded(
        "a row that begins with a dot",
        f"`{MODULE}` is not in RECORD",
        f"RECORD names `./{MODULE}`, which is not in the wheel",
        rows=module_row(f"./{MODULE}", *row("", CODE)[1:]),
    ),
    recorded(
        "a wrong hash",
        f"`{MODULE}` has the sha256 {row('', CODE)[1][7:]}; RECORD says {row('', b'evil')[1][7:]}",
        rows=module_row(MODULE, row("", b"evil")[1], "10"),
    ),
    recorded(
        "a wrong size", f"`{MODULE}` has 10 bytes; RECORD says 11", rows=module_row(MODULE, row("", CODE)[1], "11")
    ),
    recorded("two equal rows", f"RECORD has two rows for `{MODULE}`", rows=lambda rows: [*rows, rows[0]]),
    recorded(
        "two rows that differ", f"RECORD has two rows for `{MODULE}`", rows=lambda rows: [*rows, row(MODULE, b"evil")]
    ),
    stated("MD5 in RECORD", "md5=q_SLIjd6Qb4oK5WzKLCDxw"),
    stated("SHA-1 in RECORD", "sha1=2jmj7l5rSw0yVb_vlWAYkK_YBwk"),
    stated("SHA-224 in RECORD", "sha224=0UoCjCo6K8lHYQK7KII0xBWisB-CjqYqxbPkLw"),
    stated("an algorithm that nobody knows", "sha3=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
    stated("an algorithm in capitals", "SHA256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
    stated("no hash", ""),
    stated("an empty hash", "sha256="),
    stated("half a hash", "sha256=47DEQpj8HBSa"),
    stated("a hash in hexadecimal", "sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    stated("a hash in the wrong alphabet", "sha256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    sized("a negative size", "-1"),
    sized("a size that is not a number", "ten"),
    sized("a size in other digits", "१०"),
    sized("a size of twenty digits", "1" * 20),
    recorded("a row of two fields", "RECORD line 1 has 2 fields; expected 3", rows=module_row(MODULE, "sha256=")),
    recorded("a row of four fields", "RECORD line 1 has 4 fields; expected 3", rows=module_row(MODULE, "", "", "")),
    recorded(
        "a RECORD that is not CSV", "RECORD line 1 is not CSV: ',' expected after '\"'", record=b'"sample"evil,,\n'
    ),
    recorded(
        "a quotation that does not end", "RECORD line 2 is not CSV: unexpected end of data", record=b'"sample,,\nevil'
    ),
    recorded(
        "a field without end", "RECORD line 1 is not CSV: field larger than field limit (131072)", record=b"x" * 200_000
    ),
    recorded("a RECORD that is not UTF-8", f"`{RECORD}` is not UTF-8", record=b"sample/\xff.py,,\n"),
    recorded(
        "a RECORD that is too large",
        f"`{RECORD}` has 16777217 bytes; the limit is 16777216",
        record=Entry(name=RECORD, data=b"", both={"size": 16 * 1024 * 1024 + 1}),
    ),
    recorded(
        "a RECORD with a NUL",
        "RECORD names `sample/\0`, which is not in the wheel",
        rows=lambda rows: [*rows, row("sample/\0", b"")],
    ),
)


def metadata(title: str, text: bytes | None, cause: str) -> Case:
    return Case(title, lambda: wheel(metadata=text), (cause,))


def wheel_file(title: str, text: bytes | None, cause: str) -> Case:
    return Case(title, lambda: wheel(wheel=text), (cause,))


def unknown_version(version: str) -> Case:
    return Case(
        f"wheel version {version}",
        lambda: wheel(wheel=f"Wheel-Version: {version}\n".encode()),
        (f"its WHEEL says `Wheel-Version: {version}`; expected 1.x",),
        TargetError,
        f"`{FILENAME}` is of a wheel version that tare does not know",
    )


def other(name: str) -> str:
    return f"its `{name}` is of another distribution or version than its file name"


DESCRIPTIONS = (
    metadata("no METADATA", None, f"it has no `{DIST_INFO}/METADATA`"),
    metadata("METADATA without a name", b"Version: 1.0\n", "METADATA has 0 fields `Name`"),
    metadata("METADATA without a version", b"Name: sample\n", "METADATA has 0 fields `Version`"),
    metadata("METADATA with two names", METADATA + b"Name: evil\n", "METADATA has 2 fields `Name`"),
    metadata("METADATA with two equal versions", METADATA + b"Version: 1.0\n", "METADATA has 2 fields `Version`"),
    metadata(
        "METADATA of another distribution",
        b"Name: evil\nVersion: 1.0\n",
        "METADATA says `evil 1.0`; the file name says `sample 1.0`",
    ),
    metadata(
        "METADATA of another version",
        b"Name: sample\nVersion: 2.0\n",
        "METADATA says `sample 2.0`; the file name says `sample 1.0`",
    ),
    metadata(
        "METADATA of no version",
        b"Name: sample\nVersion: evil\n",
        "METADATA says `sample evil`; the file name says `sample 1.0`",
    ),
    metadata(
        "METADATA whose name goes on",
        b"Name: sample\n evil\nVersion: 1.0\n",
        "METADATA says `sample\nevil 1.0`; the file name says `sample 1.0`",
    ),
    metadata("METADATA that is not UTF-8", METADATA + b"Author: \xff\n", f"`{DIST_INFO}/METADATA` is not UTF-8"),
    metadata("METADATA after its headers", b"\n" + METADATA, "METADATA has 0 fields `Name`"),
    wheel_file("no WHEEL", None, f"it has no `{DIST_INFO}/WHEEL`"),
    wheel_file("WHEEL without a version", b"Root-Is-Purelib: true\n", "WHEEL has 0 fields `Wheel-Version`"),
    wheel_file("WHEEL with two versions", WHEEL + b"Wheel-Version: 1.0\n", "WHEEL has 2 fields `Wheel-Version`"),
    wheel_file("WHEEL that is not UTF-8", b"\xff\xfe", f"`{DIST_INFO}/WHEEL` is not UTF-8"),
    unknown_version("2.0"),
    unknown_version("1"),
    unknown_version("one"),
    unknown_version("01.0"),
    Case("no .dist-info", lambda: write_zip([Entry(name=MODULE)]), ("it has 0 .dist-info directories",)),
    Case("nothing in it", lambda: write_zip([]), ("it has 0 .dist-info directories",)),
    Case(
        "two .dist-info directories",
        lambda: wheel({"evil-1.0.dist-info/METADATA": METADATA}),
        (f"it has 2 .dist-info directories: evil-1.0.dist-info, {DIST_INFO}",),
    ),
    Case(
        "another distribution's .dist-info",
        lambda: wheel(dist_info="evil-1.0.dist-info"),
        (other("evil-1.0.dist-info"),),
    ),
    Case(
        "another version's .dist-info",
        lambda: wheel(dist_info="sample-1.1.dist-info"),
        (other("sample-1.1.dist-info"),),
    ),
    Case("a .dist-info without a version", lambda: wheel(dist_info="sample.dist-info"), (other("sample.dist-info"),)),
    Case(
        "another distribution's .data",
        lambda: wheel({"evil-1.0.data/scripts/evil": b""}),
        (f"its `evil-1.0.data` is not named as its `{DIST_INFO}`",),
    ),
)


def points(title: str, text: str | bytes, cause: str) -> Case:
    data = text.encode() if isinstance(text, str) else text
    return Case(title, lambda: wheel({POINTS: data}), (cause,))


def script_name(title: str, name: str) -> Case:
    return points(title, f"[console_scripts]\n{name} = sample:main\n", f"`{name}` cannot be the name of a script")


def script_target(title: str, target: str) -> Case:
    cause = f"the script `tool` is `{target}`; expected `module:attribute`"
    return points(title, f"[console_scripts]\ntool = {target}\n", cause)


ENTRY_POINTS = (
    script_name("a script that climbs out", "../evil"),
    script_name("a script that climbs out further", "../../evil"),
    script_name("a script that climbs out later", "a/../../evil"),
    script_name("a script at an absolute path", "/etc/cron.d/evil"),
    script_name("a script that is the directory", "."),
    script_name("a script that is the directory above", ".."),
    script_name("a script with a backslash", "..\\evil"),
    script_name("a script with a space", "two words"),
    script_name("a script that is an option", "-rf"),
    script_name("a script that nobody can type", "evil\u202e"),
    script_target("a script that runs code at once", "os:system('evil')"),
    script_target("a script whose module is a statement", "sample;import os:main"),
    script_target("a script whose attribute is a call", "sample:main()"),
    script_target("a script without an attribute", "sample"),
    script_target("a script without a module", ":main"),
    script_target("a script that leaves its call", "sample:main) or (evil"),
    points(
        "a script whose target has a second line",
        "[console_scripts]\ntool = sample:main\n  import os\n",
        "the script `tool` is `sample:main\nimport os`; expected `module:attribute`",
    ),
    points(
        "two scripts of one name in one section",
        "[console_scripts]\ntool = a:b\ntool = c:d\n",
        "entry_points.txt cannot be read: While reading from '<string>' [line  3]: option 'tool' in section "
        "'console_scripts' already exists",
    ),
    points(
        "two scripts of one name in two sections",
        "[console_scripts]\ntool = a:b\n[gui_scripts]\ntool = c:d\n",
        "it has two scripts named `tool`",
    ),
    points(
        "entry points without a section",
        "tool = a:b\n",
        "entry_points.txt cannot be read: File contains no section headers.\nfile: '<string>', line: 1\n'tool = a:b\\n'",
    ),
    points(
        "an entry point without a target",
        "[console_scripts]\ntool\n",
        "entry_points.txt cannot be read: Source contains parsing errors: '<string>'\n\t[line  2]: 'tool\\n'",
    ),
    points("entry points that are not UTF-8", b"[console_scripts]\n\xff = a:b\n", f"`{POINTS}` is not UTF-8"),
)

DATA = "sample-1.0.data"
SITE = "opt/venv/lib/python3.13/site-packages"


def landing(title: str, cause: str, **files: bytes) -> Case:
    return Case(title, lambda: wheel(dict(files)), (cause,))


def only_an_installer(name: str) -> Case:
    path = f"{DIST_INFO}/{name}"
    return Case(
        f"a wheel that brings {name}", lambda: wheel({path: b""}), (f"it has `{path}`, which only an installer writes",)
    )


PLACES = (
    landing(
        "a scheme that nobody knows", f"`{DATA}/evil/x` is for the unknown scheme `evil`", **{f"{DATA}/evil/x": b""}
    ),
    landing("a file for no scheme", f"`{DATA}/x` is for the unknown scheme `x`", **{f"{DATA}/x": b""}),
    landing(
        "a scheme in capitals", f"`{DATA}/Scripts/x` is for the unknown scheme `Scripts`", **{f"{DATA}/Scripts/x": b""}
    ),
    landing(
        "a file that is a scheme", f"`{DATA}/scripts` is for the unknown scheme `scripts`", **{f"{DATA}/scripts": b""}
    ),
    only_an_installer("INSTALLER"),
    only_an_installer("REQUESTED"),
    only_an_installer("direct_url.json"),
    landing(
        "two files that land at one path",
        f"two of its files land at `/{SITE}/{MODULE}`",
        **{f"{DATA}/purelib/{MODULE}": b"evil"},
    ),
    landing(
        "a data file over a module",
        f"two of its files land at `/{SITE}/{MODULE}`",
        **{f"{DATA}/data/lib/python3.13/site-packages/{MODULE}": b"evil"},
    ),
    landing(
        "a script over an entry point",
        "two of its files land at `/opt/venv/bin/tool`",
        **{f"{DATA}/scripts/tool": b"evil", POINTS: b"[console_scripts]\ntool = a:b\n"},
    ),
    landing(
        "a file below an entry point",
        "`/opt/venv/bin/tool` would be a file and a directory",
        **{f"{DATA}/scripts/tool/evil": b"evil", POINTS: b"[console_scripts]\ntool = a:b\n"},
    ),
    landing(
        "a file below a file",
        f"`/{SITE}/{MODULE}` would be a file and a directory",
        **{f"{DATA}/platlib/{MODULE}/evil": b"evil"},
    ),
    landing(
        "a script that is too large to change",
        f"the script `{DATA}/scripts/big` has 8388617 bytes",
        **{f"{DATA}/scripts/big": b"#!python\n" + bytes(8 * 1024 * 1024)},
    ),
)

CASES = (*RECORDS, *DESCRIPTIONS, *ENTRY_POINTS, *PLACES)


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_a_hostile_wheel_is_refused_with_its_reason(case: Case) -> None:
    check(case)


def test_every_case_has_a_title_of_its_own() -> None:
    titles = [case.title for case in CASES]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(
    "filename", ["sample.whl", "sample-1.0.whl", "sample-1.0-py3-none-any.zip", "../sample-1.0-py3-none-any.whl", ""]
)
def test_a_name_that_no_wheel_has_is_refused(filename: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        open_bytes(wheel(), filename)
    assert caught.value.message == f"`{filename}` is not the name of a wheel"
