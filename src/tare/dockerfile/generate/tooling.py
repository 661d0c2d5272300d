"""Where the tool of a generated Dockerfile comes from: the image of uv, uv, or pip. It never reaches the image."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tare.dockerfile.generate.instructions import Instruction, Mount, cache, env, instruction, run, secret, wrapped
from tare.dockerfile.generate.recipe import Install, Pinned, Recipe

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian and Alpine keep the certificates of authorities."""

PIP_CACHE = "/var/cache/pip"
UV_CACHE = "/var/cache/uv"
_NETRC = "/run/secrets/netrc"
_PLACE = "/opt/tool"
_UV = "/mnt"
"""Where uv is mounted while it installs another tool: a directory that bases have (FHS 3.0, 3.12)."""


def begin(recipe: Recipe, name: str = "") -> Instruction:
    """Return the `FROM` of a stage."""
    words = ("AS", name) if name else ()
    return instruction("FROM", str(recipe.base), *words, comments=named(recipe.base))


def named(image: Pinned) -> tuple[str, ...]:
    """Return a comment with the tag, which nobody reads in a line with a digest."""
    return (image.reference,) if image.digest else ()


def secrets(recipe: Recipe, install: Install) -> Iterator[Mount]:
    """Yield what a step that asks an index may be given."""
    if install.netrc:
        yield secret("netrc", _NETRC)
    if recipe.certificates:
        yield secret("certificates", BUNDLE)


def is_mounted_whole(install: Install) -> bool:
    """Whether the tool is all that its image has."""
    return install.image is not None and install.tool.name == "uv"


def tool_stage(recipe: Recipe, install: Install) -> Iterator[Instruction]:
    """Yield a stage that has the tool and nothing else, for one that is in no image."""
    yield begin(recipe, "tool")
    yield _made(recipe, install)


def tool_mount(install: Install) -> Mount:
    """Return the tool, for a step of the stage that runs."""
    if is_mounted_whole(install):
        return _mounted(str(install.image), _PLACE)
    return Mount(kind="bind", options=(("from", "tool"), ("source", _PLACE), ("target", _PLACE)))


def tool_in_build(recipe: Recipe, install: Install) -> Iterator[Instruction]:
    """Yield what puts the tool into the stage that builds, with its settings."""
    if install.image is not None:
        target = f"{_PLACE}/bin/" if is_mounted_whole(install) else "/usr/local/bin/"
        yield instruction("COPY", f"--from={install.image}", "/uv", target, comments=named(install.image))
    uv = {} if install.image is None or is_mounted_whole(install) else _of_uv()
    yield env({"PATH": f"{_PLACE}/bin:$PATH", **uv, **settings(recipe, install)})
    if not is_mounted_whole(install):
        yield _made(recipe, install, mounted=False)


def tool_path(install: Install) -> str:
    """Return the directory of the mounted tool's programs."""
    return _PLACE if is_mounted_whole(install) else f"{_PLACE}/bin"


def settings(recipe: Recipe, install: Install) -> dict[str, str]:
    """Return the variables that the tool is run with."""
    values = {**({"PIP_CACHE_DIR": PIP_CACHE} if install.image is None else {}), **install.tool.env}
    return values | _access(recipe, install)


def _access(recipe: Recipe, install: Install) -> dict[str, str]:
    values = {"NETRC": _NETRC} if install.netrc else {}
    if recipe.certificates:
        values |= {"PIP_CERT": BUNDLE} if install.image is None else {}
        values |= {"REQUESTS_CA_BUNDLE": BUNDLE, "SSL_CERT_FILE": BUNDLE}
    return values


def _of_uv() -> dict[str, str]:
    return {"UV_CACHE_DIR": UV_CACHE, "UV_LINK_MODE": "copy"}


def _made(recipe: Recipe, install: Install, *, mounted: bool = True) -> Instruction:
    """Return the step that makes an environment for the tool alone. What *mounted* it needs is not set in the stage."""
    needed = install.tool.requirement
    if needed is None:
        return run([f"python -m venv {_PLACE}"])
    if install.image is None:
        own = exported({"PIP_CACHE_DIR": PIP_CACHE, **_access(recipe, install)}) if mounted else ()
        installs = f"{_PLACE}/bin/pip install --no-compile {shlex.quote(needed)}"
        return run((*own, f"python -m venv {_PLACE}", installs), [cache(PIP_CACHE), *secrets(recipe, install)])
    own = exported({"PATH": f"{_UV}:$PATH", **_of_uv(), **_access(recipe, install)}) if mounted else ()
    uv = [_mounted(str(install.image), _UV)] if mounted else []
    installs = f"uv pip install --python {_PLACE}/bin/python {shlex.quote(needed)}"
    commands = (*own, f"python -m venv --without-pip {_PLACE}", installs)
    comments = named(install.image) if mounted else ()
    return run(commands, [*uv, cache(UV_CACHE), *secrets(recipe, install)], comments)


def exported(values: dict[str, str]) -> tuple[str, ...]:
    """Return the command that sets *values* for those behind it, and for nothing in the image."""
    spelled = (f'{name}="{value}"' if "$" in value else f"{name}={value}" for name, value in values.items())
    return (wrapped(f"export {' '.join(spelled)}"),) if values else ()


def _mounted(image: str, target: str) -> Mount:
    return Mount(kind="bind", options=(("from", image), ("target", target)))
