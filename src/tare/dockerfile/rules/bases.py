"""Bases: what a tag says, how long it lives, and whether the project can run on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tare.dockerfile.model.images import BaseImage, base_image, data, series_end, suites
from tare.dockerfile.model.stages import StageModel
from tare.dockerfile.parse.source import Edit, Span
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule

_PYTHON_PACKAGES: Final = frozenset({
    "python3", "python3-dev", "python3-pip", "python3-venv", "python3-full", "python-dev", "python3-minimal", "py3-pip",
    "python", "py3-setuptools", "py3-wheel", "python3-setuptools", "python3-wheel", "python3-virtualenv",
})  # fmt: skip
"""Packages of Debian and Alpine that are, or bring, the distribution's own Python."""

_SHOWN: Final = 5


def _own_bases(context: Context) -> Iterator[tuple[StageModel, BaseImage, Span]]:
    """Yield the stages that start from an image, not from a stage, with the image and where it is named."""
    for stage in context.model.stages:
        word = stage.stage.base_word
        if stage.stage.parent is None and stage.stage.base and word is not None:
            yield stage, base_image(stage.stage.base), word.span


def _tag_edit(context: Context, span: Span, old: str, new: str) -> tuple[Edit, ...]:
    """Return the edit that makes the tag *old* at the end of the word *new*, when the word is written with it."""
    word = context.text[span.start : span.end]
    if not word.endswith(f":{old}"):
        return ()
    return (Edit(start=span.end - len(old), end=span.end, text=new),)


@rule("TP001")
def floating_suite(context: Context) -> Iterator[Hit]:
    for _, image, span in _own_bases(context):
        if image.kind not in {"python", "uv"} or image.names_suite or image.digest or image.windows or not image.suite:
            continue
        if image.kind == "python" and not image.names_series:
            continue  # TP002 says more
        alpine = image.variant == "alpine"
        named = image.tag.replace("alpine", image.suite) if alpine else f"{image.tag}-{image.suite}"
        if image.kind == "uv" and not alpine:
            named = image.tag.replace("-slim", f"-{image.suite}-slim")
            named = named.replace("debian-", "") if image.suite in named else f"{image.tag}-{image.suite}"
        yield Hit(
            span=span,
            message=f"`{image.text}` names no suite, so its operating system changes by itself; today it is {image.suite}",
            title=f"name the suite: `{named}`",
            edits=_tag_edit(context, span, image.tag, named),
        )


@rule("TP002")
def floating_series(context: Context) -> Iterator[Hit]:
    for _, image, span in _own_bases(context):
        if image.kind != "python" or image.names_series or image.digest:
            continue
        tag = f"the tag `{image.tag}`" if image.tag else "no tag"
        yield Hit(span=span, message=f"`{image.text}` has {tag}, which is another series of Python every year")


@rule("TP003")
def series_past_its_end(context: Context) -> Iterator[Hit]:
    for _, image, span in _own_bases(context):
        end = series_end(image.series) if image.series and image.names_series else None
        if image.series and end and end < context.today:
            series = "{}.{}".format(*image.series)
            yield Hit(span=span, message=f"Python {series} has had no security fixes since {end:%Y-%m-%d}")


@rule("TP004")
def suite_past_its_end(context: Context) -> Iterator[Hit]:
    for _, image, span in _own_bases(context):
        if not image.suite or not image.names_suite:
            continue
        end = suites().get(image.suite, {}).get("ends")
        if end and end < context.today:
            yield Hit(span=span, message=f"{image.suite} has had no security fixes since {end:%Y-%m-%d}")
        elif image.kind == "python" and image.suite not in data()["defaults"]["built"] and not image.windows:
            built = ", ".join(data()["defaults"]["built"])
            yield Hit(span=span, message=f"images of `python` are no longer built on {image.suite}, but on {built}")


@rule("TP005")
def full_image_last(context: Context) -> Iterator[Hit]:
    final = context.model.final
    if final is None or not context.shipped:
        return
    root = context.shipped[0]
    image, word = root.image, root.stage.base_word
    if image is None or word is None or image.kind not in {"python", "uv"} or image.variant != "full" or image.windows:
        return
    if not image.interpreter:
        return
    edits: tuple[Edit, ...] = ()
    yield Hit(
        span=word.span,
        message=f"the image is made on `{image.text}`, which has compilers, headers and version control in it",
        edits=edits,
    )


@rule("TP006")
def series_not_accepted(context: Context) -> Iterator[Hit]:
    wanted = context.beside.project.requires_python if context.beside.project else None
    if not wanted:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        accepted = SpecifierSet(wanted)
    except InvalidSpecifier:
        return
    for stage, image, span in _own_bases(context):
        if image.series is None or not image.names_series or stage not in context.feeding:
            continue
        series = "{}.{}".format(*image.series)
        micros = range(100) if image.patch is None else (image.patch,)
        if not any(accepted.contains(f"{series}.{micro}", prereleases=True) for micro in micros):
            shown = series if image.patch is None else f"{series}.{image.patch}"
            yield Hit(span=span, message=f"the project needs Python `{wanted}`; the base has {shown}")


@rule("TP010")
def other_series_than_worked_on(context: Context) -> Iterator[Hit]:
    from tare.projects.python_version import FILE, named_series

    named = named_series((context.beside.read(FILE) or b"").decode("utf-8", "replace"))
    if not named:
        return
    refused = {hit.span for hit in series_not_accepted(context)}  # TP006 says more
    for stage, image, span in _own_bases(context):
        if image.series is None or not image.names_series or stage not in context.feeding or span in refused:
            continue
        if image.series not in named:
            worked, series = "{}.{}".format(*named[0]), "{}.{}".format(*image.series)
            yield Hit(span=span, message=f"`{FILE}` names Python {worked}; the base has {series}")


@rule("TP007")
def no_musl_wheel(context: Context) -> Iterator[Hit]:
    final = context.model.final
    image = final.image if final else None
    if final is None or image is None or image.libc is None or image.libc.family != "musl" or not _runs_python(context):
        return
    word = context.shipped[0].stage.base_word
    lacking = _lacking(context, image)
    if word is None or not lacking:
        return
    names = ", ".join(f"`{name}`" for name in lacking[:_SHOWN])
    more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
    verb = "has" if len(lacking) == 1 else "have"
    yield Hit(
        span=word.span,
        message=f"{names}{more} {verb} no wheel for musl in the project's lock, and would be compiled on `{image.text}`",
    )


def _runs_python(context: Context) -> bool:
    return any(install.for_application for _, install in context.installs)


def _lacking(context: Context, image: BaseImage) -> Sequence[str]:
    """Return the distributions that have a wheel for glibc and none for musl."""
    from tare.dockerfile.rules.wheels import without_musl_wheel

    return without_musl_wheel(context.beside, image)


@rule("TP008")
def floating_tool(context: Context) -> Iterator[Hit]:
    for stage in context.model.stages:
        for copy in stage.copies:
            flag = copy.instruction.flag("from")
            if flag is not None and copy.stage is None and _floats(context, copy.origin):
                yield Hit(span=flag.span, message=_floating(copy.origin))
        for run in stage.runs:
            for mount in run.instruction.mounts:
                if mount.origin and _floats(context, mount.origin):
                    yield Hit(span=mount.flag.span, message=_floating(mount.origin))
    for _, image, span in _own_bases(context):
        if image.kind == "uv" and not image.digest and image.tag in {"", "latest"}:
            yield Hit(span=span, message=_floating(image.text))


def _floats(context: Context, origin: str) -> bool:
    if any(stage.name == origin.lower() for stage in context.file.stages) or "$" in origin or origin.isdigit():
        return False
    image = base_image(origin)
    return not image.digest and image.tag in {"", "latest"} and ("/" in origin or bool(image.kind))


def _floating(text: str) -> str:
    return f"`{text}` is another version whenever a new one is published"


@rule("TP009")
def second_python(context: Context) -> Iterator[Hit]:
    for stage in context.feeding:
        if stage.image is None or stage.image.interpreter != "/usr/local/bin/python":
            continue
        for run in stage.runs:
            for call in run.calls("apt-get", "apk"):
                if call.subcommand not in {"install", "add"}:
                    continue
                for token, value in zip(call.operands, call.values, strict=True):
                    name = (value or "").partition("=")[0]
                    if name in _PYTHON_PACKAGES:
                        yield Hit(
                            span=call.place(token.start, token.end),
                            message=f"`{name}` brings the distribution's own Python beside `{stage.image.interpreter}`, which does not use it",
                        )
