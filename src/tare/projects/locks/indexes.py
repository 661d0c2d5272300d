"""Where a project's files are to be had, besides the default index: each tool has its own table for that.

A URL here may carry credentials. It goes to uv through its standard input, and nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from tare.projects import files, script
from tare.projects.project import Project

_variable = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """An index of distributions."""

    url: str
    """With user information, if there is any: print it through `redacted`."""

    name: str | None = None

    default: bool = False
    """Whether it replaces the default index."""

    is_page: bool = False
    """Whether it is a page or directory with links to files, not an index (PEP 503)."""

    def __repr__(self) -> str:
        from tare.projects.redaction import redacted

        return f"Index(name={self.name!r}, url={redacted(self.url)!r})"


def of_project(project: Project, env: Mapping[str, str]) -> tuple[Index, ...]:
    """Return where the files of *project* are to be had, besides what *env* says, for whoever downloads them."""
    kind = project.lock.kind if project.lock else None
    if kind == "requirements" and project.lock is not None:
        from tare.projects.locks import requirements_file

        return of_requirements(requirements_file.parse(project.lock.path, env).options)
    if kind == "pipfile" and project.lock is not None:
        return of_pipfile(files.json(project.lock.path).get("_meta", {}).get("sources", ()), env)
    manifest = _manifest(project)
    if kind == "poetry":
        return of_poetry(manifest, env)
    return of_pdm(manifest, env) if kind == "pdm" else of_uv(manifest)


def _manifest(project: Project) -> Mapping[str, Any]:
    if project.script is not None:
        return script.metadata(project.script, files.read_bytes(project.script)) or {}
    return files.toml(project.manifest) if project.manifest else {}


def lines(found: Iterable[Index]) -> tuple[str, ...]:
    """Return *found* as lines of a requirements file."""
    options = []
    for index in found:
        option = "--find-links" if index.is_page else "--index-url" if index.default else "--extra-index-url"
        options.append(f"{option} {index.url}")
    return tuple(options)


def of_poetry(manifest: Mapping[str, Any], env: Mapping[str, str]) -> tuple[Index, ...]:
    """Return the sources of `[tool.poetry]`, with the credentials that Poetry reads from the environment."""
    found = []
    replaced = False
    for source in _tables(manifest, "poetry"):
        url, name = source.get("url"), str(source.get("name", ""))
        if not isinstance(url, str):
            continue  # the default index, by its name
        variable = re.sub(r"[^A-Za-z0-9]", "_", name).upper()
        user = env.get(f"POETRY_HTTP_BASIC_{variable}_USERNAME")
        password = env.get(f"POETRY_HTTP_BASIC_{variable}_PASSWORD")
        is_first = source.get("priority", "primary") in {"primary", "default"} and not replaced
        replaced = replaced or is_first
        found.append(Index(url=with_user(url, user, password), name=name, default=is_first))
    return tuple(found)


def of_pdm(manifest: Mapping[str, Any], env: Mapping[str, str]) -> tuple[Index, ...]:
    """Return the sources of `[tool.pdm]`; the one called `pypi` replaces the default index."""
    found = []
    for source in _tables(manifest, "pdm"):
        if isinstance(source.get("url"), str):
            url = with_user(
                filled(source["url"], env), _filled(source.get("username"), env), _filled(source.get("password"), env)
            )
            name = str(source.get("name", ""))
            found.append(Index(url=url, name=name, default=name == "pypi", is_page=source.get("type") == "find_links"))
    return tuple(found)


def of_pipfile(sources: Iterable[Mapping[str, Any]], env: Mapping[str, str]) -> tuple[Index, ...]:
    """Return the sources of a `Pipfile.lock`; the first replaces the default index."""
    found: list[Index] = []
    for source in sources:
        if isinstance(source.get("url"), str):
            name = str(source.get("name", ""))
            found.append(Index(url=filled(source["url"], env), name=name, default=not found))
    return tuple(found)


def of_uv(manifest: Mapping[str, Any]) -> tuple[Index, ...]:
    """Return the indexes of `[tool.uv]`, which uv reads itself; whoever downloads needs them too."""
    settings = manifest.get("tool", {}).get("uv", {})
    return of_settings(settings) if isinstance(settings, dict) else ()


def of_configuration(paths: Iterable[str]) -> tuple[Index, ...]:
    """Return the indexes of uv's own configuration, which lies in *paths*, there or not."""
    found: list[Index] = []
    for path in paths:
        if os.path.isfile(path):
            document = files.toml(path)
            found += of_uv(document) if files.name(path) == "pyproject.toml" else of_settings(document)
    return tuple(found)


def of_settings(settings: Mapping[str, Any]) -> tuple[Index, ...]:
    """Return the indexes of a `uv.toml`, or of the table `[tool.uv]`."""
    found = [Index(url=url, is_page=True) for url in _texts(settings.get("find-links"))]
    found += [Index(url=url, default=True) for url in _texts(settings.get("index-url"))]
    found += [Index(url=url) for url in _texts(settings.get("extra-index-url"))]
    pip = settings.get("pip")
    found += of_settings({**pip, "pip": None}) if isinstance(pip, dict) else ()
    tables = settings.get("index")
    return (*found, *(_of_table(each) for each in (tables if isinstance(tables, list) else ()) if _has_url(each)))


def _has_url(table: object) -> bool:
    return isinstance(table, dict) and isinstance(table.get("url"), str)


def _of_table(table: Mapping[str, Any]) -> Index:
    return Index(
        url=table["url"],
        name=table.get("name") if isinstance(table.get("name"), str) else None,
        default=table.get("default") is True,
        is_page=table.get("format") == "flat",
    )


def _texts(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(each for each in values if isinstance(each, str))


def of_requirements(options: Iterable[str]) -> tuple[Index, ...]:
    """Return the indexes among the *options* of a requirements file."""
    names = {"--index-url", "--extra-index-url", "--find-links"}
    pairs = (option.partition(" ") for option in options)
    return tuple(
        Index(url=url, default=name == "--index-url", is_page=name == "--find-links")
        for name, _, url in pairs
        if name in names
    )


def with_user(url: str, user: str | None, password: str | None) -> str:
    """Return *url* with the user information given, unless it has its own."""
    scheme, separator, rest = url.partition("://")
    if not separator or user is None or "@" in rest.partition("/")[0]:
        return url
    secret = f":{quote(password, safe='')}" if password is not None else ""
    return f"{scheme}://{quote(user, safe='')}{secret}@{rest}"


def filled(text: str, env: Mapping[str, str]) -> str:
    """Return *text* with `$NAME` and `${NAME}` filled in from *env*, where it has them."""
    return _variable.sub(lambda found: env.get(found[1] or found[2], found[0]), text)


def _filled(value: object, env: Mapping[str, str]) -> str | None:
    return filled(value, env) if isinstance(value, str) else None


def _tables(manifest: Mapping[str, Any], tool: str, key: str = "source") -> list[Mapping[str, Any]]:
    values = manifest.get("tool", {}).get(tool, {}).get(key, [])
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
