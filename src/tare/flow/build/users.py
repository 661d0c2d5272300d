"""Whether the base knows the user that an image runs as: an engine finds that out only when the image is run."""

from __future__ import annotations

from tare.errors import UsageError
from tare.flow.bases.named import Base
from tare.projects.project import Project


def check_user(project: Project, base: Base) -> None:
    """Raise `UsageError` when `user` of the project has a name that *base* does not have; numbers are always there."""
    text = project.config.user
    if text is None:
        return
    user, _, group = text.partition(":")
    for name, kind, file, known in (
        (user, "user", "/etc/passwd", base.facts.users),
        (group, "group", "/etc/group", base.facts.groups),
    ):
        if name and not name.isdigit() and name not in known:
            shown = ", ".join(f"`{each}`" for each in known[:20])
            raise UsageError(
                f"the {kind} `{name}` is not in the base `{base.name}`",
                causes=(f'[tool.tare] says `user = "{text}"`; its `{file}` has {shown or "no names"}',),
                hints=("Use a number, such as `10001:10001`: it need not be in the base",),
            )
