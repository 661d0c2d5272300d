"""The explorer, driven as a person would, without a terminal."""

from __future__ import annotations

import asyncio
import sys

import pytest
from command import Place
from textual.widgets import Static, Tree
from weighing import sample

from tare.cli.explorer import Explorer
from tare.measure.contents import read_image
from tare.measure.weigh import weigh_image


def labels(app: Explorer) -> list[str]:
    """Return what the tree shows at its top, without bars."""
    root = app.query_one("#tree", Tree).root
    return [
        str(root.label),
        *(
            " ".join(word for word in str(child.label).split() if "·" not in word and "█" not in word)
            for child in root.children
        ),
    ]


def head(app: Explorer) -> str:
    return str(app.query_one("#head", Static).render()).splitlines()[1]


def explore(*steps: tuple[str, ...]) -> list[tuple[list[str], str]]:
    """Return what is shown after each of *steps*, which are keys."""
    image = sample()
    contents = read_image(image, what="an image")
    app = Explorer(contents, weigh_image(contents, image), "oci:image")

    async def run() -> list[tuple[list[str], str]]:
        found = []
        async with app.run_test(size=(120, 40)) as pilot:
            for keys in steps:
                await pilot.press(*keys)
                await pilot.pause()
                found.append((labels(app), head(app)))
        return found

    return asyncio.run(run())


def test_all_files_layers_and_dead_files_are_shown_in_turn() -> None:
    whole = (["/  17.2 kB in 7 files", "17.2 kB usr/ 6", "9 B app/ 1"], "all files")
    below = (["/  17.2 kB in 6 files", "17.2 kB usr/ 6"], "layer 0: ADD file:12 in /")
    above = (["/  9 B in 1 file", "9 B app/ 1"], "layer 1: RUN rm -rf /var/lib/apt/lists/*")
    dead = (["/  3.0 kB in 1 file", "3.0 kB var/ 1"], "dead: replaced or removed by a later layer")

    assert explore((), ("l",), ("l",), ("l",), ("d",), ("a",)) == [whole, below, above, below, dead, whole]


def test_a_findings_files_are_shown_when_it_is_chosen() -> None:
    [shown] = explore(("f", "down", "enter"))

    assert shown == (["/  3.0 kB in 1 file", "3.0 kB var/ 1"], "TW002 Removed by a later layer")


def test_a_directory_opens_with_all_below_that_leaves_no_choice() -> None:
    image = sample()
    contents = read_image(image, what="an image")
    app = Explorer(contents, weigh_image(contents, image), "oci:image")

    async def run() -> list[str]:
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("down", "enter")
            await pilot.pause()
            shown, waiting = [], [app.query_one("#tree", Tree).root.children[0]]
            while waiting:
                node = waiting.pop()
                shown.append(node.data.name if node.data else "")
                waiting += reversed(node.children)
            return shown

    assert asyncio.run(run()) == ["usr", "lib", "python3.13", "site-packages", "os.py"]


def test_without_a_terminal_there_is_nothing_to_explore(place: Place) -> None:
    assert place("weigh", "oci:x", "--interactive") == (
        2,
        "",
        "error: `--interactive` needs a terminal\n\nhint: Leave it out, or use `--json`\n",
    )


def test_without_the_extra_its_name_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual", None)

    assert place("weigh", "oci:x", "--interactive") == (
        2,
        "",
        "error: cannot explore `oci:x` in the terminal\n"
        "  caused by: the library `textual` is not installed\n\n"
        "hint: Install it with `pip install 'pytare[tui]'`\n",
    )
