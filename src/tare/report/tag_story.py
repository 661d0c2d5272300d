"""One tag as people read it, and as a document (`docs/tags.md`)."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator

import msgspec

from tare.bases.catalogue.catalogue import Catalogue
from tare.bases.story import Member, Step, Story
from tare.bases.tag_names import TagName, parse
from tare.oci import media_types
from tare.report.tags import _MOVES, SCHEMA, WIDTH, platform_text, stands_for, tag_document
from tare.report.text import megabytes, printable, shortened, table

_KINDS = {
    media_types.INDEX: "an OCI index",
    media_types.DOCKER_LIST: "a Docker manifest list",
    media_types.MANIFEST: "an OCI image",
    media_types.DOCKER_MANIFEST: "a Docker image",
}
_PREDICATES = (
    ("https://spdx.dev/", "bill of materials (SPDX)"),
    ("https://cyclonedx.org/", "bill of materials (CycloneDX)"),
    ("https://slsa.dev/provenance", "provenance (SLSA)"),
)
_prefixes = re.compile(r"(?:/bin/sh -c #\(nop\)\s*|RUN /bin/sh -c |/bin/sh -c )")
_buildkit = re.compile(r"\s*# buildkit$")


def story_text(story: Story, catalogue: Catalogue) -> str:
    """Return the story: the index, what this machine would take of it, and what that is made of."""
    lines = [f"{story.reference} is {_kind(story.media_type)} at {story.origin}", ""]
    lines += table(list(_facts(story, catalogue))).splitlines()
    if story.members is not None:
        lines += ["", *_members(story)]
    lines += ["", *_layers(story)]
    lines += ["", *(f"note: {shortened(printable(note), 300)}" for note in story.notes)] if story.notes else []
    return "\n".join(lines) + "\n"


def _kind(media_type: str) -> str:
    return _KINDS.get(media_type, f"a `{printable(media_type)}`")


def _facts(story: Story, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    yield "digest", story.digest
    name = parse(story.tag.name) if story.tag else None
    if story.tag is not None and name is not None:
        yield "tag", f"{story.tag.sharing}; {_movement(story)}"
        yield from _known(story, name, catalogue)
    if story.members is not None:
        yield "image", f"{story.image} ({_kind(story.image_media_type).partition(' ')[2]})"
    yield "platform", platform_text(story.platform)
    yield "config", _config(story)
    yield "runs", _runs(story)
    if story.facts is None:
        yield "size", f"{megabytes(story.pull)} to pull; unpacked is unknown without reading layers (`--facts` does)"
    else:
        yield "size", f"{megabytes(story.pull)} to pull, {megabytes(sum(story.facts.unpacked))} unpacked"
        yield "read", _read(story)


def _movement(story: Story) -> str:
    tag = story.tag
    if tag is None or not tag.moves:
        return "names one release on one OS; it is built again when its base changes"
    now = stands_for(tag)
    return (f"now {now}; " if now != "unknown" else "") + f"moves with {', '.join(_MOVES[each] for each in tag.moves)}"


def _known(story: Story, name: TagName, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield what the catalogue knows of the series, and of the operating system where it is clear which."""
    texts = [name.text, *((story.tag.same + story.tag.combines) if story.tag else ())]
    names = [found for text in texts if (found := parse(text))]
    windows = story.platform.os == "windows"
    exact = next((each for each in names if each.os and (each.kind == "windows") == windows), None)
    version = story.python_version or ""
    series = catalogue.find_series(name.series or ".".join(version.split(".")[:2]))
    os = catalogue.find_os(exact.os) if exact else None
    variant = catalogue.find_variant(exact.variant) if exact else None
    ends = [f"CPython {series.name} {series.eol}"] if series else []
    if os is not None and os.eol:
        ends.append(f"{os.name} {os.eol}" + (f" (long-term {os.lts})" if os.lts else ""))
    if ends:
        yield "ends", ", ".join(ends)
    if os is not None and os.libc and story.facts is None:
        pgo = {True: "with PGO", False: "without PGO", None: ""}[variant.pgo if variant else None]
        yield "recorded", ", ".join(part for part in (os.libc, f"wheels up to {os.wheel_tag}", pgo) if part)


def _read(story: Story) -> str:
    facts = story.facts
    python = facts.python if facts else None
    if facts is None or python is None:
        return f"{facts.libc or 'no C library'}, no Python" if facts else ""
    build = [f"{'with' if value else 'without'} {name}" for name, value in (("PGO", python.pgo), ("LTO", python.lto)) if value is not None]  # fmt: skip
    return ", ".join([f"CPython {python.version} at {python.executable}", str(facts.libc or "no C library"), *build])


def _config(story: Story) -> str:
    made = f", made {printable(story.settings.created[:10])}" if story.settings.created else ""
    return f"{story.config.digest[:19]}… ({megabytes(story.config.size)}){made}"


def _runs(story: Story) -> str:
    run = story.settings.config
    words = shlex.join((*(run.entrypoint or ()), *(run.cmd or ())))
    version = f", PYTHON_VERSION {printable(story.python_version)}" if story.python_version else ""
    text = f"{printable(words) or 'nothing'} as {printable(run.user or 'root')} in {printable(run.working_dir or '/')}"
    return shortened(text, WIDTH - 12 - len(version)) + version


def _members(story: Story) -> Iterator[str]:
    """Yield the entries of the index; attestations are counted, and explained for the image that is told."""
    found = story.members or ()
    images = [member for member in found if member.role == "image"]
    rows = [(_platform(member), f"{member.digest[:19]}…", _mark(member, story)) for member in images]
    yield f"The index has {_count(len(images), 'image')}:"
    yield from (f"  {line}" for line in table(rows).splitlines())
    others = Counter(member.role for member in found if member.role != "image")
    if others["attestation"]:
        yield f"and {_count(others['attestation'], 'attestation')}, which no machine runs{_attested(story)}"
    if others["unknown"]:
        yield f"and {_count(others['unknown'], 'entry').replace('entrys', 'entries')} that tare does not know"


def _platform(member: Member) -> str:
    return printable(platform_text(member.platform)) if member.platform else "unknown"


def _mark(member: Member, story: Story) -> str:
    if not member.chosen:
        return ""
    return f"what {story.machine} pulls" if story.fits else "told here"


def _attested(story: Story) -> str:
    if story.attestation is None:
        return "; none is about the image told here"
    kinds = [
        next((words for start, words in _PREDICATES if text.startswith(start)), printable(text))
        for text in dict.fromkeys(story.attestation.predicates)
    ]
    return f"; this image's: {', '.join(kinds) or 'nothing that it names'}"


def _layers(story: Story) -> Iterator[str]:
    kinds = Counter(layer.media_type for layer in story.layers)
    yield f"{_count(len(story.layers), 'layer')}, {', '.join(printable(kind) for kind in kinds)}:"
    if story.agrees:
        rows = [("", "size", "made by"), *_steps(story)]
    else:
        rows = [("", "size", "digest")]
        rows += [(str(n), megabytes(each.size), f"{each.digest[:19]}…") for n, each in enumerate(story.layers, 1)]
    yield from (shortened(f"  {line}", WIDTH) for line in table(rows, right=frozenset({0, 1})).splitlines())
    if story.steps and not story.agrees:
        yield f"Its history has {_count(len(story.steps), 'line')}, which do not tell which layer is whose."


def _steps(story: Story) -> Iterator[tuple[str, str, str]]:
    number = 0
    for step in story.steps:
        number += step.layer is not None
        size = megabytes(step.layer.size) if step.layer else ""
        yield str(number) if step.layer else "", size, instruction(step)


def instruction(step: Step) -> str:
    """Return what made a layer, without what builders put around it."""
    text = printable(step.created_by or step.comment or "unknown")
    return _buildkit.sub("", _prefixes.sub("RUN " if "#(nop)" not in text[:24] else "", text, count=1))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def story_json(story: Story) -> str:
    """Return the document about one tag."""
    run = story.settings.config
    document = {
        "schema": SCHEMA,
        "reference": story.reference,
        "origin": story.origin,
        "digest": story.digest,
        "media_type": story.media_type,
        "size": story.size,
        "tag": tag_document(story.tag) if story.tag else None,
        "index": None if story.members is None else [_member(member) for member in story.members],
        "image": {
            "digest": story.image,
            "media_type": story.image_media_type,
            "platform": str(story.platform),
            "os_version": story.platform.os_version,
            "config": {
                "digest": story.config.digest,
                "size": story.config.size,
                "created": story.settings.created,
                "user": run.user,
                "working_dir": run.working_dir,
                "entrypoint": list(run.entrypoint or ()),
                "cmd": list(run.cmd or ()),
                "python_version": story.python_version,
            },
            "layers": [
                {"digest": each.digest, "size": each.size, "media_type": each.media_type} for each in story.layers
            ],
            "history": [_step(step, story) for step in story.steps],
            "attestation": msgspec.to_builtins(story.attestation),
            "annotations": story.annotations,
        },
        "sizes": {"pull": story.pull, "unpacked": sum(story.facts.unpacked) if story.facts else None},
        "facts": msgspec.to_builtins(story.facts),
        "notes": list(story.notes),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _member(member: Member) -> dict[str, object]:
    platform = member.platform
    return {
        "role": member.role,
        "digest": member.digest,
        "media_type": member.media_type,
        "size": member.size,
        "platform": str(platform) if platform else None,
        "os_version": platform.os_version if platform else None,
        "about": member.about,
        "chosen": member.chosen,
    }


def _step(step: Step, story: Story) -> dict[str, object]:
    layers = [layer.digest for layer in story.layers]
    return {
        "created_by": step.created_by,
        "created": step.created,
        "comment": step.comment,
        "layer": layers.index(step.layer.digest) if step.layer else None,
    }
