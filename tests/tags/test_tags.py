"""`tare tags` of a repository: what is asked, and everything that is said."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from textwrap import dedent

import pytest
from fixture_registry import Action, Registry, error
from make import official
from samples import a_registry, sample_image, sample_index, seed
from schemas import faults, published
from worlds import NOW, MakeWorld, hold

from tare.bases.tag_choice import Wanted
from tare.bases.tag_listing import Listing
from tare.errors import NetworkError, UsageError
from tare.flow.images.tags import Explained, explained, recorded
from tare.oci.reference import parse
from tare.report.tags import WIDTH, listing_json, listing_text

PYTHON = parse("python")


@pytest.fixture(scope="module")
def usual() -> official.Tags:
    return official.usual()


@pytest.fixture
def hub(registry: Registry, usual: official.Tags) -> Registry:
    """A mirror of Docker Hub."""
    hold(registry, "library/python", usual)
    return registry


def told(found: Explained, registry: Registry) -> str:
    text = listing_text(found).replace(registry.name, "REGISTRY")
    assert max(map(len, text.splitlines()[2:])) <= WIDTH
    return re.sub(r"\b[0-9a-f]{8}$", "DIGEST", text, flags=re.MULTILINE)


def refusing(status: int, code: str, text: str) -> Action:
    return lambda _, exchange: exchange.send(error(status, code, text))


def asked(registry: Registry) -> Counter[str]:
    return Counter(re.sub(r"^(\S+) /v2/library/python/(\w+).*", r"\1 \2", line) for line in registry.server.lines)


def test_a_repository_is_a_grid_its_variants_and_what_floats(hub: Registry, make_world: MakeWorld) -> None:
    found = explained(make_world(mirrors=(hub.name,)), PYTHON, Wanted())

    assert told(found, hub) == dedent(
        """\
        python: 135 tags at REGISTRY, 2026-11-24 12:00 UTC; 3.10 and older are at their end (`--all`)

                                    3.15-rc    3.14     3.13     3.12
        trixie                      3.15.0rc1  3.14.7   3.13.15  3.12.14
        slim-trixie                 3.15.0rc1  3.14.7   3.13.15  3.12.14
        bookworm                    3.15.0rc1  3.14.7   3.13.15  3.12.14
        slim-bookworm               3.15.0rc1  3.14.7   3.13.15  3.12.14
        alpine3.24                  3.15.0rc1  3.14.7   3.13.15  3.12.14
        alpine3.23                  3.15.0rc1  3.14.7   3.13.15  3.12.14
        windowsservercore-ltsc2025  3.15.0rc1  3.14.7   3.13.15
        windowsservercore-ltsc2022  3.15.0rc1  3.14.7   3.13.15
        end of life                 2031-10    2030-10  2029-10  2028-10

        variant                     libc        wheels up to    PGO      security support ends
        trixie                      glibc 2.41  manylinux_2_41  yes      2028-08-09, long-term 2030-06-30
        slim-trixie                 glibc 2.41  manylinux_2_41  yes      2028-08-09, long-term 2030-06-30
        bookworm                    glibc 2.36  manylinux_2_36  yes      2026-06-10, long-term 2028-06-30
        slim-bookworm               glibc 2.36  manylinux_2_36  yes      2026-06-10, long-term 2028-06-30
        alpine3.24                  musl 1.2.6  musllinux_1_2   no       unknown
        alpine3.23                  musl 1.2.5  musllinux_1_2   no       2027-11-01
        windowsservercore-ltsc2025  none        win_amd64       unknown  unknown
        windowsservercore-ltsc2022  none        win_amd64       unknown  unknown

        variant                        platforms in 3.14
        trixie, slim-trixie, bookworm  amd64 arm/v5 arm64
        slim-bookworm                  amd64 arm/v5 arm64
        alpine3.24, alpine3.23         amd64 arm/v6 arm64
        windowsservercore-ltsc2025     windows/amd64 10.0.26100.4349
        windowsservercore-ltsc2022     windows/amd64 10.0.20348.3807

        tag                                     kind    is now                          moves with
        latest, 3                               shared  3.14.7-trixie and 2 of Windows  series, patch, OS
        slim, 3-slim                            simple  3.14.7-slim-trixie              series, patch, OS
        alpine, 3-alpine                        simple  3.14.7-alpine3.24               series, patch, OS
        windowsservercore, 3-windowsservercore  shared  Windows ltsc2025, ltsc2022      series, patch, OS
        3.14                                    shared  3.14.7-trixie and 2 of Windows  patch, OS
        3.14-slim                               simple  3.14.7-slim-trixie              patch, OS
        3.14-alpine                             simple  3.14.7-alpine3.24               patch, OS
        3.14-windowsservercore                  shared  Windows ltsc2025, ltsc2022      patch, OS
        A tag with an OS, such as slim-trixie or 3.14-slim-trixie, is simple, and moves with the rest.
        Even 3.14.7-slim-trixie is built again when its base changes; only a digest never moves.

        note: 3.15-rc is still no release (plan: 2026-10-01); when it is, tags without a series move to it
        note: bookworm is past its makers' security support (2026-06-10); long-term support ends 2028-06-30
        """
    )


def test_only_requests_that_registries_do_not_count_are_many(hub: Registry, make_world: MakeWorld) -> None:
    explained(make_world(mirrors=(hub.name,)), PYTHON, Wanted())
    assert asked(hub) == {"GET tags": 1, "HEAD manifests": 114, "GET manifests": 10}


def test_what_was_read_once_is_not_fetched_again(hub: Registry, make_world: MakeWorld) -> None:
    first = explained(make_world(mirrors=(hub.name,)), PYTHON, Wanted())
    hub.requests.clear()
    again = explained(make_world(mirrors=(hub.name,)), PYTHON, Wanted())
    assert again == first
    assert "GET manifests" not in asked(hub)


def test_a_series_and_a_variant_can_be_asked_for(hub: Registry, make_world: MakeWorld) -> None:
    found = explained(make_world(mirrors=(hub.name,)), PYTHON, Wanted(series="3.13", variant="slim"))

    assert told(found, hub) == dedent(
        """\
        python: 135 tags at REGISTRY, 2026-11-24 12:00 UTC

                       3.13
        slim-trixie    3.13.15
        slim-bookworm  3.13.15
        end of life    2029-10

        variant        libc        wheels up to    PGO  security support ends
        slim-trixie    glibc 2.41  manylinux_2_41  yes  2028-08-09, long-term 2030-06-30
        slim-bookworm  glibc 2.36  manylinux_2_36  yes  2026-06-10, long-term 2028-06-30

        variant                     platforms in 3.13
        slim-trixie, slim-bookworm  amd64 arm/v5 arm64

        tag        kind    is now               moves with
        3.13-slim  simple  3.13.15-slim-trixie  patch, OS
        A tag with an OS, such as slim-trixie or 3.14-slim-trixie, is simple, and moves with the rest.
        Even 3.14.7-slim-trixie is built again when its base changes; only a digest never moves.

        note: bookworm is past its makers' security support (2026-06-10); long-term support ends 2028-06-30
        """
    )


def test_everything_has_what_is_not_built_any_more(hub: Registry, make_world: MakeWorld) -> None:
    found = explained(make_world(mirrors=(hub.name,)), PYTHON, Wanted(all=True, variant="slim"))
    text = told(found, hub)

    assert text[: text.index("\n\nvariant")] == dedent(
        """\
        python: 135 tags at REGISTRY, 2026-11-24 12:00 UTC

                       3.15-rc    3.14     3.13     3.12     3.10
        slim-trixie    3.15.0rc1  3.14.7   3.13.15  3.12.14  3.10.21
        slim-bookworm  3.15.0rc1  3.14.7   3.13.15  3.12.14  3.10.21
        slim-bullseye                      3.13.9
        end of life    2031-10    2030-10  2029-10  2028-10  2026-10 (over)"""
    )
    assert found.listing.notes == (
        "3.15-rc is still no release (plan: 2026-10-01); when it is, tags without a series move to it",
        "3.10 is past its end of life (2026-10): it gets no fixes",
        "bookworm is past its makers' security support (2026-06-10); long-term support ends 2028-06-30",
        "bullseye is past its end of life (2026-08-31): it gets no fixes",
    )


def test_a_tag_that_stayed_behind_shows_what_it_really_is(registry: Registry, make_world: MakeWorld) -> None:
    """The digest decides, not the name: `3.14-slim-trixie` was not moved to 3.14.7."""
    tags = official.repository(official.Release("3.14.7", ("slim-trixie",), newest=True))
    old = official.index("3.14.6", "slim-trixie")
    hold(registry, "library/python", tags | {"3.14-slim-trixie": old, "3.14.6-slim-trixie": old})

    found = explained(make_world(mirrors=(registry.name,)), PYTHON, Wanted())

    by_name = {tag.name: tag for tag in found.listing.tags}
    assert [cell.version for cell in found.listing.cells] == [None]
    assert by_name["3.14-slim-trixie"].stands_for is None
    assert by_name["slim"].stands_for == "3.14.7-slim-trixie"


def test_a_shared_tag_is_made_of_what_its_index_has(registry: Registry, make_world: MakeWorld) -> None:
    """`3.14` still has yesterday's images for Linux: a name that it does not stand for is not shown."""
    windows = tuple(official.WINDOWS)
    tags = official.repository(official.Release("3.14.7", ("trixie", *windows), newest=True))
    behind = official.shared([official.index("3.14.6", "trixie"), official.index("3.14.7", windows[0])])
    hold(registry, "library/python", tags | {"3.14": behind})

    found = explained(make_world(mirrors=(registry.name,)), PYTHON, Wanted())

    by_name = {tag.name: tag for tag in found.listing.tags}
    assert by_name["3.14"].combines == ("3.14.7-windowsservercore-ltsc2025",)
    assert by_name["latest"].combines == (
        "3.14.7-trixie",
        "3.14.7-windowsservercore-ltsc2025",
        "3.14.7-windowsservercore-ltsc2022",
    )


def test_a_suite_that_nobody_knows_yet_is_shown_with_unknowns(registry: Registry, make_world: MakeWorld) -> None:
    tags = official.repository(official.Release("3.16.0", ("forky", "slim-forky", "trixie"), newest=True))
    hold(registry, "library/python", tags)

    text = told(explained(make_world(mirrors=(registry.name,)), PYTHON, Wanted()), registry)

    assert text[: text.index("\n\ntag")] == dedent(
        """\
        python: 16 tags at REGISTRY, 2026-11-24 12:00 UTC

                     3.16
        forky        3.16.0
        slim-forky   3.16.0
        trixie       3.16.0
        end of life  unknown

        variant     libc        wheels up to    PGO      security support ends
        forky       unknown     unknown         unknown  unknown
        slim-forky  unknown     unknown         unknown  unknown
        trixie      glibc 2.41  manylinux_2_41  yes      2028-08-09, long-term 2030-06-30

        variant                    platforms in 3.16
        forky, slim-forky, trixie  amd64 arm/v5 arm64"""
    )


def test_lists_come_page_by_page(hub: Registry, make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tare.stores.registry.tags._PAGE", 50)
    found = explained(make_world(mirrors=(hub.name,)), PYTHON, Wanted())
    assert found.listing.total == 135
    assert asked(hub)["GET tags"] == 3


def test_a_registry_that_stops_answering_leaves_platforms_unknown(hub: Registry, make_world: MakeWorld) -> None:
    hub.rule("GET", r".*/manifests/.*", refusing(403, "DENIED", "that is enough"))
    found = explained(make_world(mirrors=(hub.name,)), PYTHON, Wanted(series="3.12", variant="trixie"))

    assert [note.replace(hub.name, "REGISTRY")[:60] for note in found.notes] == [
        "the platforms of 2 images are not known: GET http://REGISTRY"
    ]
    assert [cell.platforms for cell in found.listing.cells] == [None, None]
    assert [cell.version for cell in found.listing.cells] == ["3.12.14", "3.12.14"]


def test_a_mirror_that_cannot_list_is_passed_over(registry: Registry, make_world: MakeWorld) -> None:
    with a_registry() as mirror:
        mirror.rule("GET", r".*/tags/list", refusing(404, "NAME_UNKNOWN", "no lists here"))
        seed(registry, sample_image(), "team/app", "1.0")
        world = make_world(mirrors=(f"{registry.name}={mirror.name}",))
        found = explained(world, parse(f"{registry.name}/team/app"), Wanted())
    assert (found.origin, found.listing.total) == (registry.name, 1)


def test_a_repository_that_nobody_has_says_what_everybody_answered(registry: Registry, make_world: MakeWorld) -> None:
    with a_registry() as mirror:
        world = make_world(mirrors=(f"{registry.name}={mirror.name}",))
        with pytest.raises(NetworkError) as caught:
            explained(world, parse(f"{registry.name}/team/app"), Wanted())
        causes = [
            cause.replace(mirror.name, "MIRROR").replace(registry.name, "REGISTRY") for cause in caught.value.causes
        ]
    assert causes == [
        f"GET http://{name}/v2/team/app/tags/list?…: 404 NAME_UNKNOWN: repository name not known to registry"
        for name in ("MIRROR", "REGISTRY")
    ]


def test_any_repository_is_explained_as_far_as_it_tells(registry: Registry, make_world: MakeWorld) -> None:
    for tag in ("1.2.3", "1.2", "1", "latest"):
        _hold_index(registry, "team/app", tag, "a")
    _hold_index(registry, "team/app", "1.2.2", "b")
    _hold_index(registry, "team/app", "edge", "c")
    seed(registry, sample_image("plain"), "team/app", "1.2.3-debug")
    windows = {"mixed": official.shared([official.index("3.14.7", each) for each in ("trixie", *official.WINDOWS)])}
    hold(registry, "team/app", windows)

    found = explained(make_world(), parse(f"{registry.name}/team/app"), Wanted())

    assert told(found, registry) == dedent(
        """\
        REGISTRY/team/app: 8 tags at REGISTRY, 2026-11-24 12:00 UTC

        tags                   kind    may move        platforms                 digest
        latest, 1.2.3, 1.2, 1  simple  latest, 1.2, 1  amd64 arm64               DIGEST
        1.2.3-debug            simple  no              amd64                     DIGEST
        1.2.2                  simple  no              amd64 arm64               DIGEST
        mixed                  shared  yes             amd64 arm/v5 arm64 wind…  DIGEST
        edge                   simple  yes             amd64 arm64               DIGEST
        """
    )


def test_a_repository_without_tags_says_so(registry: Registry, make_world: MakeWorld) -> None:
    registry.repository("team/empty")
    found = explained(make_world(), parse(f"{registry.name}/team/empty"), Wanted())
    assert told(found, registry).splitlines()[2:] == ["It has no tags."]


def test_few_of_very_many_tags_are_looked_up(registry: Registry, make_world: MakeWorld) -> None:
    _hold_index(registry, "team/app", "0", "a")
    digest = registry.repository("team/app").tags["0"]
    registry.repository("team/app").tags |= dict.fromkeys((f"1.{number}" for number in range(500)), digest)

    found = explained(make_world(), parse(f"{registry.name}/team/app"), Wanted())

    assert found.notes == ("301 of 501 tags were not looked up; `--all` does",)
    assert len([line for line in registry.server.lines if line.startswith("HEAD")]) == 200
    assert found.listing.tags[0].name == "1.499"


def test_series_of_another_repository_are_not_known(registry: Registry, make_world: MakeWorld) -> None:
    seed(registry, sample_image())
    with pytest.raises(UsageError, match="have no series and variants"):
        explained(make_world(), parse(f"{registry.name}/team/app"), Wanted(series="3.13"))


@pytest.mark.parametrize(
    ("wanted", "message", "cause"),
    [
        (
            Wanted(series="3.9"),
            "the repository has no series `3.9`",
            "it has 3.15, 3.14, 3.13, 3.12, 3.10",
        ),
        (
            Wanted(series="3.12", variant="windows"),
            "the repository has no variant `windows` of what is shown",
            "it has alpine3.23, alpine3.24, bookworm, slim-bookworm, slim-trixie, trixie",
        ),
    ],
)
def test_what_is_not_there_is_an_error_with_what_is(
    hub: Registry, make_world: MakeWorld, wanted: Wanted, message: str, cause: str
) -> None:
    with pytest.raises(UsageError) as caught:
        explained(make_world(mirrors=(hub.name,)), PYTHON, wanted)
    assert (caught.value.message, caught.value.causes) == (message, (cause,))


def test_the_catalogue_answers_without_a_registry(make_world: MakeWorld) -> None:
    found = recorded(make_world(offline=True), PYTHON, Wanted(series="3.14", variant="trixie"))

    assert listing_text(found) == dedent(
        """\
        python, as recorded on 2026-08-21; nothing was asked

                     3.14
        trixie       3.14.7
        slim-trixie  3.14.7
        end of life  2030-10

        variant      libc        wheels up to    PGO  security support ends
        trixie       glibc 2.41  manylinux_2_41  yes  2028-08-09, long-term 2030-06-30
        slim-trixie  glibc 2.41  manylinux_2_41  yes  2028-08-09, long-term 2030-06-30

        variant              platforms in 3.14
        trixie, slim-trixie  386 amd64 arm/v5 arm/v7 arm64 ppc64le riscv64 s390x

        A tag with an OS, such as slim-trixie or 3.14-slim-trixie, is simple, and moves with the rest.
        Even 3.14.7-slim-trixie is built again when its base changes; only a digest never moves.
        """
    )


@pytest.mark.parametrize(
    ("day", "note"),
    [
        ("2026-09-30", "3.15-rc is no release yet; when it is (plan: 2026-10-01), tags without a series move to it"),
        ("2026-11-24", "3.15-rc was no release then; by the plan, tags without a series moved to it on 2026-10-01"),
    ],
)
def test_what_was_recorded_before_a_planned_release_says_so_after_it(
    make_world: MakeWorld, day: str, note: str
) -> None:
    world = make_world()
    world.now = datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp

    assert note in recorded(world, PYTHON, Wanted()).listing.notes


def test_recorded_and_live_say_the_same_of_the_same_repository(make_world: MakeWorld, registry: Registry) -> None:
    """The rules by which the catalogue makes tags are those by which Docker makes them."""
    kept = recorded(make_world(), PYTHON, Wanted(series="3.14")).listing
    hold(registry, "library/python", official.usual())
    live = explained(make_world(mirrors=(registry.name,)), PYTHON, Wanted(series="3.14")).listing

    assert len(kept.tags) == 24
    assert _rules(kept) == _rules(live)


def _rules(listing: Listing) -> dict[str, tuple[object, ...]]:
    """Return what is said of each tag, without names that only one of two listings was asked for."""
    return {
        tag.name: (
            tag.sharing,
            {name for name in tag.same if name.startswith("3.14")},
            tag.stands_for,
            tag.moves,
            tag.combines,
        )
        for tag in listing.tags
    }


def test_nothing_is_recorded_of_other_repositories(make_world: MakeWorld) -> None:
    with pytest.raises(UsageError, match="nothing is recorded of `redis`"):
        recorded(make_world(), parse("redis"), Wanted())


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(series="3.13"), Wanted(all=True)])
def test_the_documents_fit_their_schema(hub: Registry, make_world: MakeWorld, wanted: Wanted) -> None:
    schema = published("tare.tags.1")
    world = make_world(mirrors=(hub.name,))
    for found in (explained(world, PYTHON, wanted), recorded(world, PYTHON, wanted)):
        assert faults(schema, json.loads(listing_json(found))) == []


def test_the_document_has_digests_aliases_and_what_moves(
    hub: Registry, make_world: MakeWorld, usual: official.Tags
) -> None:
    document = json.loads(listing_json(explained(make_world(mirrors=(hub.name,)), PYTHON, Wanted())))
    tags = {tag["name"]: tag for tag in document["tags"]}

    assert document["read"] == NOW.isoformat(timespec="seconds")
    assert tags["slim"] == {
        "name": "slim",
        "kind": "simple",
        "digest": usual["3.14.7-slim-trixie"].digest,
        "aliases": [
            "3.14-slim-trixie",
            "3.14.7-slim-trixie",
            "3-slim",
            "slim-trixie",
            "3-slim-trixie",
            "3.14-slim",
            "3.14.7-slim",
        ],
        "is_now": "3.14.7-slim-trixie",
        "combines": [],
        "moves_with": ["series", "patch", "suite"],
        "platforms": ["linux/amd64", "linux/arm64", "linux/arm/v5"],
    }
    assert tags["3.12"]["kind"] == "shared"


def _hold_index(registry: Registry, repository: str, tag: str, name: str) -> None:
    hold(registry, repository, {tag: sample_index(name)})
