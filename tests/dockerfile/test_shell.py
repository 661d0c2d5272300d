"""Scripts are split into the simple commands in them."""

from __future__ import annotations

import pytest

from tare.dockerfile.shell.commands import commands


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("a b", [["a", "b"]]),
        ("a && b || c; d & e | f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a 'b && c' \"d ; e\" f\\ g", [["a", "b && c", "d ; e", "f g"]]),
        ("a # b && c\nd", [["a"], ["d"]]),
        ("a#b", [["a#b"]]),
        ("A=1 B='2 3' a", [["a"]]),
        ("A=1", [[]]),
        ("if a; then b; elif c; then d; else e; fi", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("for x in 1 2; do a $x; done", [["for", "x", "in", "1", "2"], ["a", "$x"]]),
        ("while ! a; do b; done", [["a"], ["b"]]),
        ("case $x in y|z) a;; *) b;; esac; c", [["a"], ["b"], ["c"]]),
        ("(a; b) && { c; }", [["a"], ["b"], ["c"]]),
        ("f() { a; }; f", [["f"], ["a"], ["f"]]),
        ("a $(b c) d", [["b", "c"], ["a", "$(b c)", "d"]]),
        ("a `b c`", [["b", "c"], ["a", "`b c`"]]),
        ('a "$(b "c d")"', [["b", "c d"], ["a", '$(b "c d")']]),
        ("a $((1 + 2))", [["a", "$((1 + 2))"]]),
        ("a > b 2>&1 < c >> d", [["a"]]),
        ("a 2>/dev/null b", [["a", "b"]]),
        ("cat <<END > f\na && b\nEND\nc", [["cat"], ["c"]]),
        ("cat <<-'END'\n\ta\n\tEND\nb", [["cat"], ["b"]]),
        ("a \\\n  b \\\r\n  c", [["a", "b", "c"]]),
        ("a 'b", [["a", "b"]]),
        ("&& ;; |", []),
        ("a ${b:-c d} e", [["a", "${b:-c d}", "e"]]),
        ("[ -f a ] && b", [["[", "-f", "a", "]"], ["b"]]),
    ],
)
def test_a_script_is_split(script: str, expected: list[list[str]]) -> None:
    found = list(commands(script))

    assert [list(command.argv) for command in found] == expected


def test_every_word_stands_where_it_says() -> None:
    script = "A=1 pip install \"a b\" $(cat 'c d') && sh -c 'e' <<END\nx\nEND\n. f"

    for command in commands(script):
        for word in command.words:
            assert script[word.start : word.end] == word.raw


def test_operators_and_assignments_are_kept() -> None:
    first, second = commands("A=1 B=$A a || b")

    assert (first.assignments, first.after, second.after) == ((("A", "1"), ("B", "$A")), "", "||")
