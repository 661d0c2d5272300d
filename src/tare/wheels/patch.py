"""A wheel with other contents under the same names: what a changed line of a project needs, instead of its backend."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping

from tare.wheels.wheel import Wheel

_DATE = (1980, 1, 1, 0, 0, 0)


def replace(wheel: Wheel, contents: Mapping[str, bytes]) -> bytes:
    """Return *wheel* as a new archive in which the members named in *contents* have these bytes.

    RECORD is written again. Nothing is compressed: a wheel of a project is read once and thrown away.
    """
    rows: list[tuple[str, str, str]] = []
    out = io.BytesIO()
    record = f"{wheel.dist_info}/RECORD"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for member in wheel.archive.members:
            if member.name.startswith(record):
                continue
            data = contents.get(member.name)
            if data is None:
                data = b"".join(wheel.content(member))
            _add(archive, member.name, data, executable=member.executable)
            stated = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append((member.name, f"sha256={stated}", str(len(data))))
        _add(archive, record, _record([*rows, (record, "", "")]), executable=False)
    return out.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes, *, executable: bool) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system = 3
    info.external_attr = (0o100755 if executable else 0o100644) << 16
    archive.writestr(info, data)


def _record(rows: list[tuple[str, str, str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
