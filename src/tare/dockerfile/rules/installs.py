"""Installing: what has no version, and what is not wanted in production."""

from __future__ import annotations

from collections.abc import Iterator

from tare.dockerfile.model.installs import (
    Install,
    is_true,
)
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule


@rule("TP207")
def no_version(context: Context) -> Iterator[Hit]:
    for _, install in context.installs:
        call = install.invocation
        if call.all("-c", "--constraint", "--constraints", "--build-constraint") or install.tool == "conda":
            continue
        for requirement in install.requirements:
            if not requirement.specifier and "$" not in requirement.name:
                yield Hit(
                    span=requirement.span,
                    message=f"`{requirement.name}` has no version, so every build may get another one",
                )


@rule("TP208")
def development_groups(context: Context) -> Iterator[Hit]:
    project = context.beside.project
    for _, install in context.installs:
        if not install.syncs or (project is not None and "dev" not in project.groups and install.tool != "pipenv"):
            continue
        found = _development(install)
        if found is not None:
            message, option = found
            edits = context.add_option(install, option) if option else ()
            yield Hit(
                span=install.invocation.name_span,
                message=message,
                title=f"add `{option}`" if option else "",
                edits=edits,
            )


def _development(install: Install) -> tuple[str, str] | None:  # noqa: PLR0911 - one for each tool
    call, env = install.invocation, install.env
    if install.tool == "uv":
        if call.has("--no-dev", "--no-default-groups", "--only-group") or "dev" in call.all("--no-group"):
            return None
        if is_true(env.get("UV_NO_DEV")) or is_true(env.get("UV_NO_DEFAULT_GROUPS")):
            return None
        return "`uv sync` installs the group `dev` too", "--no-dev"
    if install.tool == "poetry":
        if call.has("--only", "--no-dev", "--without", "--only-root"):
            return None
        return "`poetry install` installs every group that is not optional", "--only main"
    if install.tool == "pdm":
        if call.has("--prod", "--production", "--no-default") or any("dev" in value for value in call.all("--without")):
            return None
        return f"`pdm {call.subcommand}` installs the development dependencies too", "--prod"
    if install.tool == "pipenv" and call.has("--dev", "-d"):
        return "`--dev` installs what only development needs", ""
    return None
