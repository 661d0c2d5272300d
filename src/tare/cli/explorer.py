"""The explorer of `tare weigh --interactive`: the files as a tree, the largest first, and the findings beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, OptionList, Static, Tree
from textual.widgets.option_list import Option
from textual.widgets.tree import TreeNode

from tare.measure.contents import Contents
from tare.measure.findings import Finding
from tare.measure.folders import Folder, Item, folders, of_finding, seen, unseen
from tare.measure.weighed import Weighed
from tare.report.text import megabytes, printable, shortened

_BAR: Final = 10
_COLORS: Final = {"safe": "green", "more": "yellow", "note": "blue"}
_MOST: Final = 500
"""Entries of one directory that are listed; the rest is one line."""


class Explorer(App[None]):
    """Shows what was weighed."""

    CSS = """
    #head { height: auto; padding: 0 1; background: $boost; }
    #tree { width: 3fr; }
    #side { width: 2fr; border-left: solid $primary; }
    #findings { height: 1fr; }
    #about { height: auto; max-height: 12; padding: 1; background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "leave"),
        Binding("f", "findings", "findings / files"),
        Binding("l", "layer", "next layer"),
        Binding("d", "dead", "dead bytes"),
        Binding("a", "all", "all files"),
    ]

    def __init__(self, contents: Contents, weighed: Weighed, name: str) -> None:
        super().__init__()
        self._read = contents
        self._weighed = weighed
        self._reference = name
        self._chosen = -1

    def compose(self) -> ComposeResult:
        """Lay the parts out."""
        yield Static(id="head")
        with Horizontal():
            yield Tree[Folder]("", id="tree")
            with Vertical(id="side"):
                yield OptionList(*map(_option, self._weighed.findings), id="findings")
                yield Static(id="about")
        yield Footer()

    def on_mount(self) -> None:
        """Begin with all files."""
        self.action_all()
        self.query_one(Tree).focus()

    def action_all(self) -> None:
        """Show every file that a container sees."""
        self._chosen = -1
        self._show("all files", seen(self._read))

    def action_layer(self) -> None:
        """Show the files of the next layer."""
        layers = self._weighed.layers
        if layers:
            self._chosen = (self._chosen + 1) % len(layers)
            layer = layers[self._chosen]
            self._show(f"layer {layer.number}: {layer.instruction}", seen(self._read, layer.number))

    def action_dead(self) -> None:
        """Show the files that no container sees."""
        self._show("dead: replaced or removed by a later layer", unseen(self._read))

    def action_findings(self) -> None:
        """Go to the findings, or back."""
        options = self.query_one(OptionList)
        (self.query_one(Tree) if options.has_focus else options).focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Explain a finding."""
        self.query_one("#about", Static).update(_about(self._weighed.findings[event.option_index]))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Show the files of a finding."""
        finding = self._weighed.findings[event.option_index]
        self._show(f"{finding.code} {finding.title}", of_finding(self._read, finding))
        self.query_one(Tree).focus()

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Folder]) -> None:
        """Fill a directory when it is opened."""
        if event.node.data is not None and not event.node.children:
            _fill(event.node, event.node.data)

    def _show(self, what: str, items: Iterable[Item]) -> None:
        root = folders(items)
        sizes = self._weighed.sizes
        pull = "" if sizes.pull is None else f"{megabytes(sizes.pull)} to pull, "
        line = f"{printable(self._reference)}   {pull}{megabytes(sizes.rootfs)} seen, {megabytes(sizes.waste)} dead"
        self.query_one("#head", Static).update(Text(f"{line}\n{shortened(printable(what), 100)}"))
        tree: Tree[Folder] = self.query_one("#tree", Tree)
        tree.clear()
        tree.root.data = root
        tree.root.set_label(Text(f"/  {megabytes(root.bytes)} in {root.files:,} file{'' if root.files == 1 else 's'}"))
        _fill(tree.root, root)
        tree.root.expand()
        tree.move_cursor(tree.root)


def _fill(node: TreeNode[Folder], folder: Folder) -> None:
    children = folder.sorted
    for child in children[:_MOST]:
        label = _label(child, folder.bytes)
        if not child.children:
            node.add_leaf(label, data=child)
        elif len(children) > 1:
            node.add(label, data=child)
        else:  # The only directory in its directory is opened with it.
            _fill(node.add(label, data=child, expand=True), child)
    if len(children) > _MOST:
        node.add_leaf(Text(f"and {len(children) - _MOST:,} more"))


def _label(folder: Folder, whole: int) -> Text:
    full = round(_BAR * folder.bytes / whole) if whole else 0
    text = Text(f"{megabytes(folder.bytes):>9} ")
    text.append("█" * full + "·" * (_BAR - full), style="cyan")
    text.append(f" {printable(folder.name)}", style="bold" if folder.children else "")
    if folder.children:
        text.append(f"/  {folder.files:,}", style="dim")
    return text


def _option(finding: Finding) -> Option:
    text = Text(f"{megabytes(finding.bytes) if finding.bytes else '':>9} ")
    text.append(f"{finding.code} ", style=_COLORS[finding.safety])
    text.append(finding.title)
    return Option(text)


def _about(finding: Finding) -> Text:
    text = Text(f"{finding.code} ", style=_COLORS[finding.safety])
    text.append(f"{finding.safety}\n{printable(finding.message)}\n\n", style="")
    text.append(f"fix: {finding.fix}\n\n")
    text.append("Enter shows the files", style="dim")
    return text
