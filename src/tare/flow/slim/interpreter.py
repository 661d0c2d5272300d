"""Which interpreter an image runs its program with, and so which modules it finds."""

from __future__ import annotations

from collections.abc import Iterator

from tare.bases.tree import Tree
from tare.flow.bases.named import layer_openers
from tare.oci.image import Image
from tare.oci.tar import TarReader


def interpreter_of(image: Image, base: str) -> str:
    """Return the interpreter of the virtual environment that the command of *image* lies in, or that comes first in PATH.

    Where there is none, it is the command itself if that is an interpreter, and else that of the *base*.
    """
    run = image.config.config
    command = next(iter((*(run.entrypoint or ()), *(run.cmd or ()))), "")
    tree = _names(image)
    found = (
        f"{each}/python" for each in _directories(command, run.environment().get("PATH", "")) if _is_one(tree, each)
    )
    named = command if command.startswith("/") and command.rpartition("/")[2].startswith("python") else ""
    return next(found, named or base)


def _directories(command: str, path: str) -> Iterator[str]:
    if command.startswith("/"):
        yield command.rpartition("/")[0]
    yield from (each.rstrip("/") for each in path.split(":") if each.startswith("/"))


def _is_one(tree: Tree, directory: str) -> bool:
    """Whether *directory* has the programs of a virtual environment."""
    parent = directory.rpartition("/")[0]
    return tree.is_file(f"{parent}/pyvenv.cfg") and tree.real(f"{directory}/python") is not None


def _names(image: Image) -> Tree:
    tree = Tree()
    for blob, open_layer in zip(image.layers, layer_openers(image), strict=True):
        with open_layer() as stream:
            tree.apply(TarReader(stream, what=f"layer {blob.descriptor.digest}"), lambda *_: True)
    return tree
