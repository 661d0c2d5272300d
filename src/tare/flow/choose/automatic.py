"""`--base auto`: the base that `tare choose` recommends."""

from __future__ import annotations

import msgspec

from tare.errors import TargetError
from tare.flow.choose.candidates import candidates, spread
from tare.flow.choose.choose import choose
from tare.flow.request import Request
from tare.flow.world import World
from tare.plan.choice.choice import Choice
from tare.projects.project import Project


def decided(world: World, project: Project, requests: tuple[Request, ...]) -> tuple[Request, ...]:
    """Return *requests*, one for each platform, with the base that suits all of them best, and say which it is.

    A base that cannot be reached is no base to build on, whatever the catalogue says of it.
    """
    choice = _chosen(world, project, requests)
    if choice.recommended is None:
        causes = tuple(f"`{each.base}`: {' '.join(each.obstacles)}" for each in choice.candidates)
        raise TargetError(
            "no base that can be reached suits the project",
            causes=causes,
            hints=("`tare choose` has the whole story; name a base with `--base`",),
        )
    world.reporter.note(f"the base is `{choice.recommended}`: {' '.join(choice.reasons)}")
    return tuple(msgspec.structs.replace(request, base=choice.recommended) for request in requests)


def _chosen(world: World, project: Project, requests: tuple[Request, ...]) -> Choice:
    """Return the choice among what can be reached. What is recommended was read, not only looked up in the catalogue: a
    build will read it anyway, and could find a library missing.
    """
    template = msgspec.structs.replace(requests[0], base="")
    platforms = tuple(request.platform for request in requests)
    wanted = spread(candidates(world, project, template), platforms)
    whole: frozenset[str] = frozenset()
    while True:
        choice = choose(world, project, wanted, reachable=True, whole=whole)
        unread = {each.base for each in choice.candidates if each.suitable and each.origin == "manifest"} - whole
        if choice.recommended not in unread:
            return choice
        whole |= {choice.recommended}
