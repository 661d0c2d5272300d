"""Whatever a registry does, a command ends right or with a clean error, soon, and tells nobody what is not theirs.

`python tests/registry/test_hostile_registry.py` writes `hostile_outcomes.txt` anew, for a person to read the changes.
"""

from __future__ import annotations

import base64
import json
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fixture_registry import Registry
from hostile_cases import CASES, LAYER, Case, Needs, Stage
from loopback_server import Exchange, Reply, Server, serving
from samples import FAST, PASSWORD, USER, Waits, a_registry, client, noise, reference_to, sample_image, seed, told

from tare.errors import TareError
from tare.stores.cache import Cache, hash_file
from tare.stores.registry import manifests, referrers, tags
from tare.stores.registry.destination import RegistryDestination
from tare.stores.registry.downloads import download
from tare.stores.registry.repository import Registries
from tare.stores.registry.settings import CredentialSources
from tare.stores.registry.source import RegistrySource

OUTCOMES = Path(__file__).with_name("hostile_outcomes.txt")
DEADLINE = 12.0
"""Seconds for a case, of which most take a few hundredths: sleeps take no time here, silence does."""

PATIENCE = 300.0
"""Seconds that all sleeps of a case would take: the deadline of one request, and every case fails in one."""

IMAGE = sample_image()
LARGE = sample_image("large", sizes=(3_000_000, 500))
LAYER_DIGEST = IMAGE.layers[0].descriptor.digest
_BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def thief(exchange: Exchange) -> None:
    """Ask for a password, whatever comes, and have things to hand out that others redirect to."""
    path = exchange.request.path
    if path == "/layer":
        with IMAGE.layers[0].open() as stream:
            exchange.send(Reply(200, None, stream.read()))
    elif path == "/noise":
        exchange.send(Reply(200, None, noise("thief", IMAGE.layers[0].descriptor.size)))
    elif path == "/back":
        exchange.send(Reply(307, {"Location": f"{_back[-1]}/v2/team/app/blobs/{LAYER_DIGEST}"}))
    elif path == "/upload":
        exchange.send(Reply(201))
    else:
        exchange.send(Reply(401, {"WWW-Authenticate": 'Basic realm="please"'}, b"{}"))


_back: list[str] = []


class Outcome:
    def __init__(self) -> None:
        self.verdict: object = "ok"
        self.text = "ok"
        self.seconds = 0.0
        self.slept = 0.0
        self.problems: list[str] = []


def run(case: Case) -> Outcome:
    outcome = Outcome()
    with serving(thief) as other, a_registry() as registry, tempfile.TemporaryDirectory() as directory:
        _back.append(registry.url)
        _arrange(case, Stage(registry, other))
        started = time.monotonic()
        warnings: list[str] = []
        waits = Waits()
        try:
            _do(case, registry, Path(directory), _client(case, registry, waits, warnings))
        except TareError as error:
            outcome.verdict = error.exit_code
            outcome.text = f"exit {error.exit_code}\n{_plain(told(error), registry, other)}"
        outcome.seconds = time.monotonic() - started
        outcome.slept = sum(waits.slept)
        outcome.text += "".join(f"\nwarned: {_plain(text, registry, other)}" for text in warnings)
        outcome.problems = list(_problems(case, outcome, registry, other, Path(directory)))
    return outcome


def _arrange(case: Case, stage: Stage) -> None:
    stage.registry.auth = case.auth
    stage.registry.users[USER] = PASSWORD
    if case.operation not in {"push", "copy"}:
        seed(stage.registry, IMAGE)
    if case.operation == "copy":
        seed(stage.registry, IMAGE, "library/base")
    pattern = LAYER_DIGEST if case.pattern == LAYER else case.pattern
    action = case.action.make(stage) if isinstance(case.action, Needs) else case.action
    stage.registry.rule(case.method, pattern, action, case.times)
    if case.also is not None:
        case.also(stage)


def _client(case: Case, registry: Registry, waits: Waits, warnings: list[str]) -> Registries:
    auth = json.dumps({"auths": {registry.name: {"auth": _BASIC}}})
    chunked: dict[str, Any] = {"always_chunk": True, "chunk": 1_100_000} if case.method == "PATCH" else {}
    if "stays silent" in case.name:
        chunked["limits"] = msgspec.structs.replace(FAST, answer=0.2)
    return client(waits, warnings, deadline=PATIENCE, credentials=CredentialSources(inline=auth), threads=1, **chunked)


def _large(case: Case) -> bool:
    return case.method == "PATCH" or "3 MB" in case.name or "before its end" in case.name


def _do(case: Case, registry: Registry, directory: Path, registries: Registries) -> None:
    here = reference_to(registry)
    if case.operation == "push":
        RegistryDestination(registries, here).write(LARGE if _large(case) else IMAGE)
    elif case.operation == "copy":
        base = RegistrySource(registries, reference_to(registry, "library/base")).read()
        RegistryDestination(registries, here).write(base)
    elif case.operation == "pin":
        RegistrySource(registries, msgspec.structs.replace(here, tag=None, digest=IMAGE.digest)).read()
    elif case.operation == "pull":
        _check(RegistrySource(registries, here).read().layers[0].open().read())
    elif case.operation == "download":
        layer = RegistrySource(registries, here).read().layers[0]
        _check(download(layer, Cache(directory)).path.read_bytes())
    elif case.operation == "tags":
        assert list(tags.tags(registries.open(here))) == ["1"]
    elif case.operation == "referrers":
        assert referrers.referrers(registries.open(here), IMAGE.digest) == ()
    else:
        manifests.delete(registries.open(here, doing="delete"), IMAGE.digest)


def _check(data: bytes) -> None:
    with IMAGE.layers[0].open() as stream:
        assert data == stream.read()


def _problems(case: Case, outcome: Outcome, registry: Registry, other: Server, directory: Path) -> Iterator[str]:
    """Yield what must not have happened, whatever the verdict is."""
    secrets = (PASSWORD, _BASIC, *registry.tokens)
    for seen in other.requests:
        if "authorization" in seen.headers or "cookie" in seen.headers or any(s in str(seen.headers) for s in secrets):
            yield f"the thief saw {seen.headers}"
    if any(each in outcome.text for each in secrets):
        yield "a secret was printed"
    if case.operation in {"push", "copy"}:
        yield from _problems_of_a_push(case, outcome, registry)
    for path in (directory / "blobs").rglob("*"):
        if path.is_file() and hash_file(path) != f"sha256:{path.name}":
            yield f"{path} has other bytes than its name says"
    if outcome.seconds > DEADLINE:
        yield f"it took {outcome.seconds:.1f} seconds"
    if outcome.slept > PATIENCE:
        yield f"it would have waited for {outcome.slept:.0f} seconds"


def _problems_of_a_push(case: Case, outcome: Outcome, registry: Registry) -> Iterator[str]:
    image = LARGE if _large(case) else IMAGE
    if outcome.verdict != "ok":
        if registry.tag_history and not case.tag_moves:
            yield "the tag was moved in spite of the failure"
        return
    if registry.repository("team/app").tags != {"1": image.digest}:
        yield "the tag is not where it should be"
    for blob in image.blobs:
        with blob.open() as stream:
            if registry.blobs.get(blob.descriptor.digest) != stream.read():
                yield f"the registry does not have {blob.descriptor.digest}"


def _plain(text: str, registry: Registry, other: Server) -> str:
    """Return *text* without what differs from run to run."""
    text = text.replace(registry.name, "registry").replace(other.name, "thief")
    text = re.sub(r"uploads/[0-9a-f]{16}", "uploads/<id>", text)
    for number, layer in enumerate(IMAGE.layers):
        text = text.replace(layer.descriptor.digest, f"<layer {number}>")
    text = text.replace(IMAGE.manifest.config.digest, "<config>").replace(IMAGE.digest, "<manifest>")
    return re.sub(r"sha256:[0-9a-f]{64}", "<digest>", text)


def expected() -> dict[str, str]:
    """Return the outcomes as they were read by a person."""
    blocks = OUTCOMES.read_text(encoding="utf-8").split("\n\n# ")
    return {block.partition("\n")[0]: block.partition("\n")[2].strip() for block in blocks[1:]}


EXPECTED = expected() if OUTCOMES.exists() else {}


def test_the_names_of_the_cases_differ_and_there_are_enough_of_them() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 120
    assert sorted(EXPECTED) == sorted(names)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_hostile_registry_gets_nowhere(case: Case) -> None:
    outcome = run(case)
    assert outcome.problems == []
    assert outcome.verdict == case.verdict, outcome.text
    assert outcome.text == EXPECTED[case.name]


def write() -> None:
    """Write the outcomes as they are now."""
    blocks = ["What comes of each case of `hostile_cases.py`."]
    blocks += [f"# {case.name}\n{run(case).text}" for case in CASES]
    OUTCOMES.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
