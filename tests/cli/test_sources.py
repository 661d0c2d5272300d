"""Which of a project's files go into an image that has its sources."""

from __future__ import annotations

import pytest
from command import Place
from layouts import contents, entries, read_layout

SECRETS = (
    ".env",
    ".env.production",
    "deep/.env",
    "server.key",
    "certs/server.pem",
    "id_rsa",
    ".ssh/id_ed25519",
    ".netrc",
    ".aws/credentials",
    "secrets.toml",
)
NEVER = (
    ".git/HEAD",
    ".hg/store",
    ".venv/pyvenv.cfg",
    "env39/pyvenv.cfg",
    "env39/lib/x.py",
    "pkg/__pycache__/x.cpython-313.pyc",
    ".mypy_cache/x",
    ".pytest_cache/x",
    "old-image/oci-layout",
    "old-image/index.json",
)
OWN = ("main.py", "pkg/__init__.py", "pkg/data.json", "tests/test_it.py", "README.md")


def taken(place: Place, *argv: str) -> list[str]:
    """Return the project's files in the image, as they lie in the working directory."""
    ran = place.build(*argv)
    assert ran.code == 0, ran.err
    [layer] = read_layout(place.app / "dist").layers[3:]
    return sorted(name.removeprefix("app/") for name, info in entries(layer).items() if not info.isdir())


def fill(place: Place, *names: str) -> None:
    place.write({name: f"the content of {name}\n" for name in names})


def configure(place: Place, lines: str) -> None:
    (place.app / "pyproject.toml").write_text(f"[tool.tare]\n{lines}\n", encoding="utf-8")


def test_without_a_rule_everything_is_taken_but_what_is_no_part_of_a_program(place: Place) -> None:
    fill(
        place, *OWN, *SECRETS, *NEVER, "Dockerfile", "Makefile", ".gitignore", "uv.toml", "dist/x.whl", "build/lib/x.py"
    )

    assert taken(place) == sorted(OWN)


def test_dockerignore_decides_and_still_no_secret_is_taken(place: Place) -> None:
    fill(place, *OWN, *SECRETS, *NEVER, "Dockerfile", "Makefile", "notes/a.md", "notes/keep.md")
    (place.app / ".dockerignore").write_text("tests\n*.md\nnotes/*\n!notes/keep.md\n!.env\n!.git\n", encoding="utf-8")

    assert taken(place) == [
        ".dockerignore", "Dockerfile", "Makefile", "main.py", "notes/keep.md", "pkg/__init__.py", "pkg/data.json",
    ]  # fmt: skip


def test_exclude_leaves_out_and_include_takes_back(place: Place) -> None:
    fill(place, *OWN, "Makefile", "build/made.bin", "large.bin")
    configure(place, 'exclude = ["tests", "*.bin"]\ninclude = ["build/made.bin", "Makefile"]')

    assert taken(place) == [
        "Makefile", "README.md", "build/made.bin", "main.py", "pkg/__init__.py", "pkg/data.json", "pyproject.toml",
    ]  # fmt: skip


def test_a_secret_is_taken_only_by_its_own_name(place: Place) -> None:
    fill(place, "main.py", "config/app.toml", "config/server.key", "config/.env", ".env")
    configure(place, 'include = ["config", "**"]')
    assert taken(place) == ["config/app.toml", "main.py", "pyproject.toml"]

    configure(place, 'include = ["config/server.key"]')
    assert taken(place) == ["config/app.toml", "config/server.key", "main.py", "pyproject.toml"]


def test_a_working_directory_of_ones_own_has_the_files(place: Place) -> None:
    fill(place, "main.py")
    configure(place, 'workdir = "/srv/deep/app"')

    place.build()

    image = read_layout(place.app / "dist")
    assert list(contents(image.layers[3])) == ["srv/deep/app/main.py", "srv/deep/app/pyproject.toml"]
    assert image.run["WorkingDir"] == "/srv/deep/app"


def test_modes_are_those_of_the_owner_whatever_the_umask_and_links_stay_links(place: Place) -> None:
    fill(place, "main.py", "run.sh")
    (place.app / "run.sh").chmod(0o700)
    (place.app / "main.py").chmod(0o600)
    (place.app / "link.py").symlink_to("main.py")

    place.build()

    found = entries(read_layout(place.app / "dist").layers[3])
    assert {name: (info.mode, info.uid, info.gid, info.linkname, info.mtime) for name, info in found.items()} == {
        "app": (0o755, 0, 0, "", 315532800),
        "app/link.py": (0o777, 0, 0, "main.py", 315532800),
        "app/main.py": (0o644, 0, 0, "", 315532800),
        "app/run.sh": (0o755, 0, 0, "", 315532800),
    }


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/etc/passwd", "the symbolic link `link` leads out of the project, to `/etc/passwd`"),
        ("../../x", "the symbolic link `link` leads out of the project, to `../../x`"),
    ],
)
def test_a_link_that_leads_out_of_the_project_is_an_error(place: Place, target: str, said: str) -> None:
    fill(place, "main.py")
    (place.app / "link").symlink_to(target)

    assert place.build() == (
        2,
        "",
        "error: the project has files that cannot be in an image\n"
        f"  caused by: {said}\n\n"
        "hint: Leave them out with `exclude` in [tool.tare]\n",
    )


@pytest.mark.parametrize("cache", [".cache/tare", "kept/here"])
def test_a_cache_that_lies_in_the_project_is_no_source(place: Place, cache: str) -> None:
    fill(place, "main.py")
    built = [place.build("--cache-dir", cache).out for _ in "12"]

    assert taken(place, "--cache-dir", cache) == ["main.py"]
    assert built[0] == built[1]


def test_the_output_of_one_build_is_no_source_of_the_next(place: Place) -> None:
    fill(place, "main.py")
    first = place.build("-o", "oci:images/one").out.replace("one", "")
    second = place.build("-o", "oci:images/one").out.replace("one", "")

    assert taken(place) == ["main.py"]
    assert first == second
