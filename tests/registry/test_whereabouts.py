"""Where blobs lie: what a run sees, and what is remembered for the next."""

from __future__ import annotations

from pathlib import Path

from tare.oci import media_types
from tare.oci import reference as references
from tare.oci.descriptor import Descriptor
from tare.oci.digest import sha256
from tare.stores.cache import Cache
from tare.stores.registry.whereabouts import Whereabouts

LARGE = Descriptor(media_type=media_types.LAYER_GZIP, digest=sha256(b"large"), size=2_000_000)
SMALL = Descriptor(media_type=media_types.LAYER_GZIP, digest=sha256(b"small"), size=2_000)
HERE = "registry.example"


def names(known: Whereabouts, descriptor: Descriptor, registry: str = HERE) -> list[str]:
    return [str(reference) for reference in known.of(descriptor.digest, registry)]


def bring(cache: Cache, *repositories: str) -> None:
    """Bring both blobs to each of *repositories*, each in a run of its own."""
    for repository in repositories:
        known = Whereabouts(lambda: cache)
        for descriptor in (LARGE, SMALL):
            known.brought(descriptor, references.parse(f"{HERE}/{repository}"))
        known.save(HERE)


def test_large_blobs_are_remembered_and_small_ones_are_not(tmp_path: Path) -> None:
    bring(Cache(tmp_path), "a")
    known = Whereabouts(lambda: Cache(tmp_path))
    assert (names(known, LARGE), names(known, SMALL)) == ([f"{HERE}/a"], [])
    assert names(known, LARGE, "elsewhere.example") == []


def test_the_last_two_places_are_remembered(tmp_path: Path) -> None:
    bring(Cache(tmp_path), "a", "b", "c", "b")
    assert names(Whereabouts(lambda: Cache(tmp_path)), LARGE) == [f"{HERE}/b", f"{HERE}/c"]


def test_what_a_run_saw_comes_first_and_once(tmp_path: Path) -> None:
    bring(Cache(tmp_path), "a")
    known = Whereabouts(lambda: Cache(tmp_path))
    for text in (f"{HERE}/base:1", f"{HERE}/a:2", f"{HERE}/base:3"):
        known.note(LARGE.digest, references.parse(text))
    assert names(known, LARGE) == [f"{HERE}/base", f"{HERE}/a"]


def test_nothing_is_written_when_nothing_large_was_brought(tmp_path: Path) -> None:
    known = Whereabouts(lambda: Cache(tmp_path))
    known.brought(SMALL, references.parse(f"{HERE}/a"))
    known.save(HERE)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_is_as_none(tmp_path: Path) -> None:
    Cache(tmp_path).remember("whereabouts", sha256(HERE.encode()), b"[1, 2]")
    assert names(Whereabouts(lambda: Cache(tmp_path)), LARGE) == []


def test_without_a_cache_a_run_knows_what_it_saw() -> None:
    known = Whereabouts()
    known.brought(LARGE, references.parse(f"{HERE}/a"))
    known.save(HERE)
    assert names(known, LARGE) == [f"{HERE}/a"]
