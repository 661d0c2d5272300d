"""Every key of the memo: no two inputs that differ anywhere have one name, and so no step is taken for another.

What a layer's bytes depend on has a test of its own (`tests/build/test_layer_key.py`); this one is about the encoding, for
whatever key somebody adds.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

import tare.bases
import tare.build
import tare.flow
from tare.stores.cache import key_of


def keys() -> dict[str, type[msgspec.Struct]]:
    """Return every key below the rooms that remember something."""
    found = {}
    for package in (tare.bases, tare.build, tare.flow):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            for name, value in vars(import_module(module.name)).items():
                if name.endswith("Key") and isinstance(value, type) and value.__module__ == module.name:
                    found[f"{module.name}.{name}"] = value
    return found


KEYS = keys()


PLAIN: dict[Any, tuple[Any, Any]] = {
    str: ("text", "other"),
    int: (7, 8),
    float: (7.5, 8.5),
    bool: (False, True),
    bytes: (b"bytes", b"other"),
    object: ("anything", "other"),
}
"""By type, two values."""

UNIONS = {Union, types.UnionType}

Places = Iterator[tuple[str, Any]]


def sample(hint: Any) -> Any:  # a value of any type
    """Return a value of the type *hint*, with something in everything that can hold something."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in UNIONS:
        return sample(next(each for each in arguments if each is not type(None)))
    if origin is Literal:
        return arguments[0]
    if origin in {tuple, frozenset, list}:
        return origin([sample(each) for each in arguments if each is not Ellipsis])
    if origin is dict:
        return {sample(arguments[0]): sample(arguments[1])}
    if hint in PLAIN:
        return PLAIN[hint][0]
    return hint(**{name: sample(each) for name, each in hints_of(hint).items()})


def hints_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {name: hints[name] for name in kind.__struct_fields__}


def others(hint: Any, value: Any) -> Places:  # as above
    """Yield what *value*, of the type *hint*, would be if it differed in one place, with the place."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in UNIONS:
        yield from of_union(arguments, value)
    elif origin is Literal:
        yield from ((f":{each}", each) for each in arguments[1:])
    elif origin is tuple:
        yield from of_tuple(arguments, value)
    elif origin is dict:
        yield from of_mapping(arguments, value)
    elif origin in {frozenset, list}:
        yield ":empty", origin()
    elif hint in PLAIN:
        yield "", PLAIN[hint][1]
    else:
        for name, each in hints_of(hint).items():
            for place, other in others(each, getattr(value, name)):
                yield f".{name}{place}", msgspec.structs.replace(value, **{name: other})


def of_union(arguments: tuple[Any, ...], value: Any) -> Places:
    for each in arguments:
        if each is type(None):
            yield ":none", None
        elif type(sample(each)) is type(value):
            yield from others(each, value)
        else:
            yield f":{each}", sample(each)


def of_tuple(arguments: tuple[Any, ...], value: tuple[Any, ...]) -> Places:
    if arguments[-1] is Ellipsis:
        yield ":empty", ()
        yield ":twice", value * 2
    for number, each in enumerate(value):
        for place, other in others(arguments[number], each):
            yield f"[{number}]{place}", (*value[:number], other, *value[number + 1 :])


def of_mapping(arguments: tuple[Any, ...], value: dict[Any, Any]) -> Places:
    yield ":empty", {}
    ((name, each),) = value.items()
    yield from ((f"[renamed]{place}", {other: each}) for place, other in others(arguments[0], name))
    yield from ((f"[{name}]{place}", {name: other}) for place, other in others(arguments[1], each))


@pytest.mark.parametrize("name", KEYS)
def test_no_two_inputs_have_one_name(name: str) -> None:
    value = sample(KEYS[name])
    digests = {"": key_of(value)} | {place: key_of(other) for place, other in others(KEYS[name], value)}

    assert {place for place in digests if list(digests.values()).count(digests[place]) > 1} == set()
    assert {re.findall(r"\w+", place)[0] for place in digests if place} == set(value.__struct_fields__)


def test_the_keys_of_a_build_are_among_them() -> None:
    assert {
        "tare.build.keys.LayerKey",
        "tare.bases.debian.assemble.LayerKey",
        "tare.flow.build.preparing._PreparedKey",
        "tare.flow.build.dependencies.NeedsKey",
        "tare.flow.build.distributions._BuildKey",
        "tare.flow.build.entrypoints._Key",
        "tare.flow.build.project_wheel._BuildKey",
    } <= KEYS.keys()
