"""What a build says could be left out."""

from __future__ import annotations

from command import Place, locked
from make.zips import Entry

FILES: dict[str, bytes | Entry] = {
    "p/__init__.py": b"",
    "p/tests/test_a.py": Entry(name="p/tests/test_a.py", data=bytes(150_000)),
    "p/_c.pyx": b"1" * 120_000,
    "p/_c.h": b"2" * 10,
}


def test_a_build_says_what_of_its_wheels_nothing_runs(place: Place) -> None:
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([place.wheels.add("p", files=FILES)])})
    line = (
        "270.0 kB of it could be left out with `--slim`, since nothing that runs reads it: 150.0 kB tests, 120.0 kB C and "
        "Cython sources\n"
    )

    assert line in place.build().err
    assert line in place.build().err, "remembered with the rest"
    assert place.document("build", *place.target)["savings"] == {
        "bytes": 270_010,
        "kinds": {"test": 150_000, "source": 120_000, "header": 10},
    }


def test_little_is_not_worth_a_line(place: Place) -> None:
    release = place.wheels.add("p", files={"p/tests/test_a.py": b"1" * 99_000})
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([release])})

    assert "could be left out" not in place.build().err
