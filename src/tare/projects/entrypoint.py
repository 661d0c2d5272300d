"""What to run: found from what the project says and from what it is made of, always with the reason.

The first that answers: `[tool.tare]`, a script, `project.scripts`, a known framework with a server that is locked,
`__main__.py`, `main.py` and its like, the only module there is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from tare.projects import files
from tare.projects.frameworks import HINT, Entrypoint, Module, Reader, modules_of, nothing, served
from tare.projects.names import normalize
from tare.projects.project import Project

_MAIN_MODULES = ("main.py", "app.py", "run.py", "server.py")


def find(project: Project, sources: Sequence[str], read: Reader, locked: Collection[str]) -> Entrypoint:
    """Return what to run of *project*, whose files are *sources*, with the distributions *locked*."""
    config = project.config
    if config.entrypoint is not None or config.cmd is not None:
        key = "entrypoint" if config.entrypoint is not None else "cmd"
        argv = (*(config.entrypoint or ()), *(config.cmd or ()))
        return Entrypoint(argv=argv, reason=f"[tool.tare] has `{key}`")
    if project.script is not None:
        name = files.name(project.script)
        return Entrypoint(argv=("python", name), reason=f"`{name}` is the script")
    modules = tuple(modules_of(project, sources))
    found = _from_scripts(project) or served(modules, read, frozenset(locked))
    if found is not None and (found.argv or found.warning is None):
        return found
    plain = _from_modules(project, modules)
    if found is None:
        return plain
    return msgspec.structs.replace(plain, warning=found.warning) if plain.argv else found


def _from_scripts(project: Project) -> Entrypoint | None:
    """Return the console script, when there is one or one is named as the project; they exist in a wheel only."""
    if not project.has_build_system:
        return None
    scripts = project.scripts
    if len(scripts) == 1:
        name = next(iter(scripts))
        return Entrypoint(argv=(name,), reason=f"`{name}` is the only script of the project")
    own = [name for name in scripts if normalize(name) == normalize(project.name or "")]
    if own:
        return Entrypoint(argv=(own[0],), reason=f"the script `{own[0]}` is named as the project")
    if scripts:
        names = ", ".join(f"`{name}`" for name in sorted(scripts))
        return nothing("several scripts", f"the project has the scripts {names}: {HINT}")
    if project.gui_scripts:
        return nothing("graphical scripts only", f"the project has graphical scripts only: {HINT}")
    return None


def _from_modules(project: Project, modules: Sequence[Module]) -> Entrypoint:
    """Return what runs a package's `__main__`, `main.py` or its like, or the only module."""
    mains = [module for module in modules if module.dotted.endswith(".__main__") and module.depth == 1]
    own = [module for module in mains if normalize(module.dotted.partition(".")[0]) == normalize(project.name or "")]
    if len(mains) == 1 or own:
        module = (own or mains)[0]
        package = module.dotted.partition(".")[0]
        return _plain(("python", "-m", package), module, f"the package `{package}` has a `__main__`")
    if project.has_build_system:
        return nothing("nothing says what to run", f"the project has no script and no `__main__`: {HINT}")
    flat = {module.path.removeprefix("src/"): module for module in modules if module.depth == 0}
    for name in ("__main__.py", *_MAIN_MODULES):
        if name in flat:
            article = "an" if name.startswith("a") else "a"
            return _plain(("python", flat[name].path), flat[name], f"there is {article} `{flat[name].path}`")
    if len(flat) == 1:
        module = next(iter(flat.values()))
        return _plain(("python", module.path), module, f"`{module.path}` is the only module")
    return nothing("nothing says what to run", f"nothing says what to run: {HINT}")


def _plain(argv: tuple[str, ...], module: Module, reason: str) -> Entrypoint:
    is_package = argv[1] == "-m"
    return Entrypoint(argv=argv, reason=reason, pythonpath=(module.base,) if module.base and is_package else ())
