"""A plan as people read it, and as a document (`docs/json.md`)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from tare.flow.build.plan import Download, PlannedImage
from tare.oci.config import RunConfig
from tare.plan.plan import HostFile, Link, PlannedFile, PlannedLayer, Segment
from tare.report.slim import losses, slim_json, slim_lines
from tare.report.text import megabytes, table
from tare.wheels.scheme import InstalledFile

SCHEMA = "tare.plan/1"


def plan_text(planned: PlannedImage, *, files: bool) -> str:
    """Return the plan: what the image starts from, its layers with the reasons, and how it runs."""
    plan = planned.plan
    rows = [("layer", "unpacked", "files", "what and why")]
    for digest, _, unpacked in planned.base_layers:
        rows.append(("base", megabytes(unpacked), "", f"{plan.base} ({digest[:19]}…)"))
    for layer in plan.layers:
        count = sum(1 for _ in layer.all_files())
        rows.append((layer.kind, megabytes(layer.unpacked), str(count), _what(layer)))
    lines = [f"{plan.platform} on {plan.base}", "", table(rows, right=frozenset({1, 2})), ""]
    lines += _run_lines(plan.run, planned.entrypoint_reason)
    if planned.download.files:
        lines.append(f"fetches  {_download(planned.download)}")
    if planned.slim is not None:
        lines += ["", f"left out (--slim={planned.slim})", *slim_lines(planned.dropped, planned.shortened)]
        lines += [f"  no longer there, by {line}" for line in losses(planned.dropped)]
        lines.append("")
    lines += [f"note: {note}" for note in plan.notes]
    if files:
        lines += ["", *_file_lines(plan.layers)]
    return "\n".join(lines) + "\n"


def _download(download: Download) -> str:
    files = f"{download.files} file{'' if download.files == 1 else 's'}"
    if download.unknown == download.files:
        return f"{files} of unknown size, unless the cache has them"
    more = f" and {download.unknown} of unknown size" if download.unknown else ""
    return f"{files}, {megabytes(download.size)}{more}, unless the cache has them"


def _what(layer: PlannedLayer) -> str:
    names = ", ".join(layer.distributions[:6]) + (
        f" and {len(layer.distributions) - 6} more" if len(layer.distributions) > 6 else ""
    )
    return f"{names}: {layer.why}" if names else layer.why


def _run_lines(run: RunConfig, reason: str) -> list[str]:
    words = (*(run.entrypoint or ()), *(run.cmd or ()))
    lines = [f"runs     {shlex.join(words) if words else 'nothing'}   ({reason})"]
    lines.append(f"as       {run.user or 'root'} in {run.working_dir or '/'}")
    if run.exposed_ports:
        lines.append(f"ports    {', '.join(run.exposed_ports)}")
    return lines


def _file_lines(layers: Sequence[PlannedLayer]) -> list[str]:
    rows = [("mode", "bytes", "path", "from")]
    for layer in layers:
        for segment in layer.segments:
            rows += [
                (f"{file.mode:o}", str(file.size), _place(layer, file), _origin(segment, file.source))
                for file in segment.files
            ]
        rows += [(f"{file.mode:o}", str(file.size), _place(layer, file), _source(file)) for file in layer.files]
    return table([_shown(row) for row in rows], right=frozenset({0, 1})).splitlines()


def _place(layer: PlannedLayer, file: InstalledFile | PlannedFile) -> str:
    """Return where *file* lies, which the base's links may decide."""
    return f"/{layer.ground.place(file.path)}"


def _shown(row: tuple[str, str, str, str]) -> tuple[str, str, str, str]:
    """Return *row* without what would move the cursor: names of files may have anything in them."""
    path, source = ("".join(each if each.isprintable() else "?" for each in text) for text in row[2:])
    return row[0], row[1], path, source


def _origin(segment: Segment, source: object) -> str:
    return "written by tare" if isinstance(source, bytes) else segment.filename


def _source(file: PlannedFile) -> str:
    if isinstance(file.source, Link):
        return f"-> {file.source.target}"
    return file.source.path if isinstance(file.source, HostFile) else "written by tare"


def plan_json(planned: Sequence[PlannedImage]) -> str:
    """Return the document, with a plan for each platform."""
    document = {"schema": SCHEMA, "plans": [_plan(each) for each in planned]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _plan(planned: PlannedImage) -> dict[str, object]:
    plan = planned.plan
    run = plan.run
    return {
        "platform": str(plan.platform),
        "base": {
            "reference": plan.base,
            "digest": plan.base_digest,
            "layers": [
                {"digest": digest, "size": size, "unpacked": unpacked} for digest, size, unpacked in planned.base_layers
            ],
        },
        "layers": [_layer(layer) for layer in plan.layers],
        "run": msgspec.to_builtins(run),
        "entrypoint_reason": planned.entrypoint_reason,
        **(
            {"slim": {"level": planned.slim, "rules": slim_json(planned.dropped, planned.shortened)}}
            if planned.slim is not None
            else {}
        ),
        "notes": list(plan.notes),
        "download": msgspec.to_builtins(planned.download),
    }


def _layer(layer: PlannedLayer) -> dict[str, object]:
    files = [
        {"path": _place(layer, file), "mode": f"{file.mode:04o}", "size": file.size, "from": _origin(segment, file.source),
         "distribution": segment.name}
        for segment in layer.segments
        for file in segment.files
    ]  # fmt: skip
    files += [
        {
            "path": _place(layer, file),
            "mode": f"{file.mode:04o}",
            "size": file.size,
            "from": _source(file),
            "distribution": "",
        }
        for file in layer.files
    ]
    return {
        "kind": layer.kind,
        "why": layer.why,
        "distributions": list(layer.distributions),
        "unpacked": layer.unpacked,
        "directories": [f"/{path}" for path in layer.all_directories()],
        "files": files,
    }
