"""A project's own files, for an image that has its sources: which of them, in what order, with which mode.

Rules, first to last; the first one that says something about a file decides:

1. `exclude` of `[tool.tare]` leaves out.
2. What is never taken (`sources.toml`: version control, virtual environments, caches, secrets, images) is left out,
   unless a pattern of `include` names it, or something in it: `include = ["config"]` does not take `config/server.key`.
3. `include` of `[tool.tare]` takes.
4. `.dockerignore` leaves out where there is one, otherwise the default of `sources.toml`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tare.errors import MachineError, ProjectError
from tare.projects import dockerignore, files, memo
from tare.projects.dockerignore import Patterns
from tare.projects.project import Project

IGNORE_FILE = ".dockerignore"

_MARKS = frozenset({"pyvenv.cfg", "oci-layout", "CACHEDIR.TAG"})
"""A directory with one of these is a virtual environment, an image, or a cache (https://bford.info/cachedir/), perhaps
our own: made by a tool, and no source."""


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file, or a symbolic link, that goes into the image."""

    path: str
    """Relative to the project's root, with `/`."""

    size: int
    """Bytes; zero of a link."""

    mode: int
    """`0o755` when its owner may execute it, `0o644` otherwise, whatever the umask was; `0o777` of a link."""

    link: str | None = None
    """What a symbolic link points at, as it is written; it stays inside the project."""


_State = tuple[int, int, int, int, bool]
"""The answers of the four lists for a directory, and whether `include` has named it, or something above it that is
never taken."""

_ROOT: _State = (-1, -1, -1, -1, False)


class Rules:
    """What decides which files are taken."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str], never: Patterns, ignore: Patterns) -> None:
        self._exclude = dockerignore.patterns(exclude, "exclude")
        self._include = dockerignore.patterns(include, "include")
        # `**` matches what is never taken, but does not name it.
        naming = [pattern for pattern in include if pattern.rstrip("/").rpartition("/")[2].strip("*")]
        self._naming = dockerignore.patterns(naming, "include")
        self._never = never
        self._ignore = ignore

    def below(self, state: _State, path: str, name: str) -> _State:
        """Return the answers for *path*, given those for its directory."""
        exclude, include, never, ignore, named = state
        hidden = self._never.match(path, name, never)
        if self._never.holds(hidden):
            named = named or self._naming.match(path, name) >= 0
        return (
            self._exclude.match(path, name, exclude),
            self._include.match(path, name, include),
            hidden,
            self._ignore.match(path, name, ignore),
            named,
        )

    def takes(self, state: _State) -> bool:
        """Return whether what has *state* is taken."""
        exclude, include, never, ignore, named = state
        if self._exclude.holds(exclude):
            return False
        if self._never.holds(never):
            return named
        return self._include.holds(include) or not self._ignore.holds(ignore)

    def enters(self, state: _State, path: str) -> bool:
        """Return whether anything in the directory *path*, which has *state*, may be taken."""
        if self._exclude.holds(state[0]):
            return self._exclude.may_match_below(path, excluding=False)
        if self.takes(state) or self._include.may_match_below(path, excluding=True):
            return True
        return not self._never.holds(state[2]) and self._ignore.may_match_below(path, excluding=False)

    def wants(self, state: _State) -> bool:
        """Return whether `include` has asked for what has *state*."""
        return state[4] or (self._include.holds(state[1]) and not self._exclude.holds(state[0]))


def collect(project: Project, *, memo_directory: str | None = None) -> tuple[SourceFile, ...]:
    """Return the files of *project*, sorted by path; of a script, the script alone.

    The tables of `sources.toml` are remembered in *memo_directory*, since a TOML reader takes longer than the walk.
    """
    if project.script is not None:
        status = os.stat(project.script)
        return (SourceFile(path=files.name(project.script), size=status.st_size, mode=_mode(status.st_mode)),)
    return walk(project.root, rules(project, table(memo_directory)))


def rules(project: Project, table: Mapping[str, Sequence[str]]) -> Rules:
    """Return the rules for *project*; *table* is `sources.toml`, by section."""
    never = [*table["never"], *table["secrets"], *(f"!{pattern}" for pattern in table["except"])]
    path = os.path.join(project.root, IGNORE_FILE)
    if os.path.isfile(path):
        ignore = dockerignore.Patterns(dockerignore.parse(files.text(path), IGNORE_FILE))
    else:
        ignore = dockerignore.patterns(table["default"], "sources.toml")
    include, exclude = project.config.include, project.config.exclude
    return Rules(include, exclude, dockerignore.patterns(never, "sources.toml"), ignore)


def walk(root: str, rule: Rules) -> tuple[SourceFile, ...]:
    """Return the files below *root* that *rule* takes, sorted by path."""
    found: list[SourceFile] = []
    problems: list[str] = []
    waiting: list[tuple[str, _State]] = [("", _ROOT)]
    while waiting:
        directory, state = waiting.pop()
        entries = _entries(os.path.join(root, directory) if directory else root)
        if directory and not _MARKS.isdisjoint(entry.name for entry in entries) and not rule.wants(state):
            continue
        for entry in entries:
            path = f"{directory}/{entry.name}" if directory else entry.name
            own = rule.below(state, path, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if rule.enters(own, path):
                    waiting.append((path, own))
            elif rule.takes(own):
                found += _files(root, path, entry, problems)
    if problems:
        raise ProjectError(
            "the project has files that cannot be in an image",
            causes=tuple(sorted(problems)),
            hints=("Leave them out with `exclude` in [tool.tare]",),
        )
    return tuple(sorted(found, key=lambda file: file.path))


def is_marked(directory: str) -> bool:
    """Return whether a tool has marked *directory* as its own: a virtual environment, an image or a cache."""
    return not _MARKS.isdisjoint(entry.name for entry in _entries(directory))


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError as error:
        raise MachineError(f"cannot read `{directory}`", causes=((error.strerror or "").lower(),)) from error


def _files(root: str, path: str, entry: os.DirEntry[str], problems: list[str]) -> Iterator[SourceFile]:
    """Yield the file or link *entry*; a socket, a pipe or a device is no source."""
    if not path.isascii() and not _is_unicode(path):
        problems.append(f"the name of `{ascii(path)[1:-1]}` is not UTF-8")
    elif entry.name.startswith(".wh."):
        problems.append(f"`{path}` would hide other files of the image: in a layer such a name is a whiteout")
    elif entry.is_symlink():
        target = os.readlink(os.path.join(root, path))
        if _stays(root, path, target):
            yield SourceFile(path=path, size=0, mode=0o777, link=target.replace(os.sep, "/"))
        else:
            problems.append(f"the symbolic link `{path}` leads out of the project, to `{target}`")
    elif entry.is_file(follow_symlinks=False):
        status = entry.stat(follow_symlinks=False)
        yield SourceFile(path=path, size=status.st_size, mode=_mode(status.st_mode))


def _is_unicode(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stays(root: str, path: str, target: str) -> bool:
    """Return whether the link *path* to *target* stays below *root*, by its words and on the disk."""
    if os.path.isabs(target):
        return False
    lexical = os.path.normpath(os.path.join(os.path.dirname(path), target))
    top = os.path.realpath(root)
    real = os.path.realpath(os.path.join(root, path))
    return lexical.split(os.sep)[0] != ".." and (real == top or real.startswith(os.path.join(top, "")))


def _mode(mode: int) -> int:
    return 0o755 if mode & stat.S_IXUSR else 0o644


def table(memo_directory: str | None) -> dict[str, list[str]]:
    """Return the patterns of `sources.toml` by section, and the exceptions of its secrets."""
    path = os.path.join(os.path.dirname(__file__), "sources.toml")
    data = files.read_bytes(path)

    def decoded() -> bytes:
        table = files.toml(path, data)
        patterns = {section: table[section]["patterns"] for section in ("never", "secrets", "default")}
        return msgspec.json.encode({**patterns, "except": table["secrets"]["except"]})

    known = memo.remembered(memo_directory, memo.key("sources", (data,)), decoded)
    return msgspec.json.decode(known, type=dict[str, list[str]])
