"""Patterns of `.dockerignore`: a table from what Docker documents, and properties that hold for all of them."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tare.errors import ProjectError
from tare.projects import dockerignore

NAMES = st.text("ab.", min_size=1, max_size=3).filter(lambda name: name.strip("."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def excluded(patterns: str, *paths: str) -> list[str]:
    compiled = dockerignore.patterns(patterns.split("\n"), ".dockerignore")
    return [path for path in paths if compiled.excludes(path)]


@pytest.mark.parametrize(
    ("patterns", "out", "kept"),
    [
        # https://docs.docker.com/build/concepts/context/#dockerignore-files
        ("*/temp*", ["somedir/temporary.txt", "somedir/temp"], ["temp", "a/b/temp"]),
        ("*/*/temp*", ["somedir/subdir/temporary.txt"], ["somedir/temp", "a/b/c/temp"]),
        ("temp?", ["tempa", "tempb"], ["temp", "tempab", "a/tempa"]),
        ("**/*.go", ["a.go", "a/b/c.go"], ["a.gox"]),
        ("*.md\n!README.md", ["NEWS.md"], ["README.md", "docs/a.md"]),
        ("*.md\n!README*.md\nREADME-secret.md", ["README-secret.md", "a.md"], ["README.md", "README-all.md"]),
        ("*.md\nREADME-secret.md\n!README*.md", ["a.md"], ["README.md", "README-secret.md"]),
        # every pattern starts at the root
        ("foo/bar", ["foo/bar", "foo/bar/x/y"], ["a/foo/bar", "foo", "foo/barx"]),
        ("/foo/bar", ["foo/bar"], ["a/foo/bar"]),
        ("foo/", ["foo", "foo/x"], ["a/foo"]),
        ("./foo/../bar", ["bar/x"], ["foo/x"]),
        # a directory takes what is in it along, and an exception may bring some of it back
        ("build", ["build/a", "build/a/b"], ["src/build"]),
        ("build\n!build/keep", ["build/a"], ["build/keep", "build/keep/a"]),
        ("*\n!src", ["a", "b/src"], ["src", "src/a/b"]),
        ("*\n!src/**/*.py", ["src/a.txt", "src/a/b.txt"], ["src/a.py", "src/a/b/c.py"]),
        # `**` is any number of directories, none too
        ("**", ["a", "a/b"], []),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a/c"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb", "a/bx"]),
        ("**/b", ["b", "x/b", "x/y/b/c"], ["xb", "x/bx"]),
        ("a**", ["a", "ab", "ab/c"], ["b"]),
        # sets, escapes, and what is special elsewhere
        ("[a-c].txt", ["a.txt", "c.txt"], ["d.txt", "a-c.txt"]),
        ("[^a-c].txt", ["d.txt"], ["a.txt", "/.txt"]),
        ("a[]b]c", ["a]c", "abc"], ["axc"]),
        (r"a\*b", ["a*b"], ["axb"]),
        ("a+(b).{c}$", ["a+(b).{c}$"], ["aab.c"]),
        ("a b", ["a b"], ["a"]),
        # what says nothing
        ("", [], ["a"]),
        (".", [], ["a"]),
        ("/", [], ["a"]),
        ("# a comment\n#b\nc", ["c"], ["b", "#b", "a"]),
        (" padded \n", ["padded"], [" padded "]),
    ],
)  # fmt: skip
def test_patterns_are_those_of_docker(patterns: str, out: list[str], kept: list[str]) -> None:
    assert excluded(patterns, *out, *kept) == out


@pytest.mark.parametrize(
    ("text", "cause"),
    [("a\n!\n", "line 2: `!` excepts nothing"), ("a[b\n", "`a[b`: a set of characters does not end at position 1")],
)
def test_a_pattern_that_is_none_is_refused(text: str, cause: str) -> None:
    with pytest.raises(ProjectError) as caught:
        dockerignore.parse(text, ".dockerignore")

    assert (caught.value.message, caught.value.causes) == ("`.dockerignore` cannot be read", (cause,))


@given(st.lists(st.tuples(PATHS, st.booleans()), max_size=5), PATHS)
def test_the_last_pattern_that_matches_a_path_or_a_directory_of_it_decides(
    patterns: list[tuple[str, bool]], path: str
) -> None:
    lines = [f"{'' if excludes else '!'}{pattern}" for pattern, excludes in patterns]
    above = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 2)]
    deciding = [excludes for pattern, excludes in patterns if pattern in above]

    assert bool(excluded("\n".join(lines), path)) == (deciding[-1] if deciding else False)


@given(st.text("ab*?.", min_size=1, max_size=5).filter(lambda text: "**" not in text and text.strip(".")), NAMES)
def test_within_a_name_wildcards_are_those_of_a_shell(pattern: str, name: str) -> None:
    assert bool(excluded(pattern, name)) == fnmatchcase(name, pattern)


@given(
    st.text("ab*?.", min_size=1, max_size=5).filter(lambda text: "**" not in text and text.strip(".")),
    st.booleans(),
    PATHS,
)
def test_anywhere_means_each_part_of_a_path(pattern: str, anywhere: bool, path: str) -> None:  # noqa: FBT001
    first, *more = path.split("/")
    parts = [first, *more] if anywhere else [first]

    found = bool(excluded(f"**/{pattern}" if anywhere else pattern, path))

    assert found == any(fnmatchcase(part, pattern) for part in parts)


@given(st.text("a/*?[]!.\\ ", max_size=8), PATHS)
def test_every_text_is_read_or_refused(text: str, path: str) -> None:
    try:
        compiled = dockerignore.patterns([text], ".dockerignore")
    except ProjectError:
        return
    compiled.excludes(path)


@given(st.lists(st.text("ab/*!", min_size=1, max_size=5), max_size=4), PATHS, NAMES)
def test_a_directory_that_is_left_out_need_be_entered_only_for_an_exception(
    lines: list[str], directory: str, name: str
) -> None:
    try:
        compiled = dockerignore.patterns(lines, ".dockerignore")
    except ProjectError:
        return
    if compiled.excludes(directory) and not compiled.may_match_below(directory, excluding=False):
        assert compiled.excludes(f"{directory}/{name}")
