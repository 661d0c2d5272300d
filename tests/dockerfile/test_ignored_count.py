"""An ignore without a reason is found once, and what is ignored is counted as what it is."""

from __future__ import annotations

import json

from command import Place


def test_an_ignore_without_a_reason_is_one_finding(place: Place) -> None:
    text = b"FROM python:3.13-slim-trixie\n# tare: ignore[TP201]\nRUN pip install x==1\n"
    (place.app / "Dockerfile").write_bytes(text)

    _, out, _ = place("lint", "--no-hadolint", "--json", "Dockerfile")
    document = json.loads(out)

    assert [each["code"] for each in document["findings"]].count("TP901") == 1
    assert document["ignored"] >= 0
