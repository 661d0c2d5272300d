"""What is encrypted cannot be unpacked, and is told as that; a defect of ours is not taken for one of the archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tare.errors import IntegrityError
from tare.flow.build.archives import UNSOUND, unpacked


def test_an_encrypted_member_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a-1.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a-1/setup.py", "")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # general purpose flags of the central directory
    path.write_bytes(data)

    with pytest.raises(IntegrityError) as caught:
        unpacked(path, path.name, tmp_path / "place", "")

    assert caught.value.causes == ("'a-1/setup.py' is encrypted",)


def test_a_defect_is_not_taken_for_an_unsound_archive() -> None:
    assert not isinstance(RecursionError(), UNSOUND)
    assert isinstance(NotImplementedError(), UNSOUND)
