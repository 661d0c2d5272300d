"""From a root to everything below it: indexes, manifests, configs and layers, each checked once.

What is read is bounded, and nothing is believed: a document that lies is a finding, and the walk goes on.
"""

from __future__ import annotations

import msgspec

from tare.oci import media_types
from tare.oci.platform import Platform
from tare.oci.validate import accounts, content, descriptors, documents, index, layers, manifest, platforms, shape
from tare.oci.validate import config as configs
from tare.oci.validate.changes import Changes
from tare.oci.validate.config import Config
from tare.oci.validate.descriptors import Stated
from tare.oci.validate.documents import Object
from tare.oci.validate.fields import Fields
from tare.oci.validate.findings import Checked, Report, shown
from tare.oci.validate.index import Entry
from tare.oci.validate.layers import Layer, Read
from tare.oci.validate.limits import Limits
from tare.oci.validate.machines import Machines
from tare.oci.validate.manifest import Manifest
from tare.oci.validate.run_config import leads_into_proc
from tare.oci.validate.source import BlobSource
from tare.oci.validate.tree import Directory, Tree
from tare.oci.validate.unpacked import Budget


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a document turned out to be, for a second descriptor of it."""

    size: int
    media_type: str
    platform: Platform | None


class Walk:
    """Checks what *source* has; findings go to *report*."""

    def __init__(self, source: BlobSource, report: Report, *, limits: Limits, workers: int) -> None:
        self._source = source
        self._report = report
        self._limits = limits
        self._reading = Read(source=source, limits=limits, budget=Budget(limits.total), workers=workers)
        self._seen: dict[str, _Seen | None] = {}
        self._opaque: set[tuple[str, int]] = set()
        self.compared: set[str] = set()
        """The digests of all content that was held against a descriptor."""
        self._layers = self._entries = self._unpacked = self._documents = 0

    @property
    def checked(self) -> Checked:
        """How much was checked so far."""
        return Checked(documents=self._documents, layers=self._layers, entries=self._entries, unpacked=self._unpacked)

    def parse(self, raw: bytes, where: str) -> Object | None:
        """Read a document; None if that cannot be done."""
        self._documents += 1
        return documents.parse(raw, where, self._report, self._limits)

    def root(self, raw: bytes, where: str) -> None:
        """Check the index or manifest that the descriptor *raw* promises."""
        value = documents.parse(raw, where, self._report, self._limits)
        if value is not None:
            stated = descriptors.check(Fields(value, where, "", self._report, code="D001"))
            if stated is not None:
                self.target(stated)

    def document(self, raw: bytes, where: str, promised: str, *, trail: tuple[str, ...] = ()) -> Platform | None:
        """Check an index or a manifest by its bytes, and all below it; return the platform of an image.

        *promised* is the media type that it was announced with, *trail* the digests of the indexes above it.
        """
        value = self.parse(raw, where)
        if value is None:
            return None
        kind = shape.of(value, promised, where, self._report)
        if kind == "index":
            self.entries(index.check(value, where, self._report), trail)
        elif kind == "manifest":
            return self._manifest(value, where)
        return None

    def entries(self, entries: list[Entry], trail: tuple[str, ...]) -> None:
        """Check what an index lists."""
        for entry in entries:
            self._entry(entry, trail)

    def target(self, stated: Stated, trail: tuple[str, ...] = ()) -> Platform | None:
        """Check the index or manifest that *stated* promises; return the platform of an image."""
        seen = self._seen.get(stated.digest)
        if seen is not None:
            self._check_again(stated, seen)
            return seen.platform
        if stated.digest in trail:
            stated.fields.fault(
                "digest", f"expected another document, found one of those above: {stated.digest}", "I006"
            )
            return None
        if len(trail) >= self._limits.depth or self._documents >= self._limits.documents:
            most = f"{self._limits.depth} indexes within each other and {self._limits.documents} documents"
            self._report.add("I007", stated.where, f"expected at most {most}, found more: this one is not checked")
            return None
        self.compared.add(stated.digest)
        raw = content.read_document(self._source, stated, self._report, most=self._limits.document, manifest=True)
        if raw is None:
            return None
        kind = shape.of_type(stated.media_type) or "document"
        platform = self.document(raw, f"{kind} {stated.digest}", stated.media_type, trail=(*trail, stated.digest))
        self._seen[stated.digest] = _Seen(size=len(raw), media_type=stated.media_type, platform=platform)
        return platform

    def _entry(self, entry: Entry, trail: tuple[str, ...]) -> None:
        stated = entry.stated
        media_type = stated.media_type
        if media_type in shape.SCHEMA_1:
            stated.fields.fault("mediaType", "expected schema version 2, found Docker's schema 1", "M014")
            self._compare(stated)
        elif shape.of_type(media_type) is None:
            message = f"`{shown(media_type)}` is no index and no manifest: it is compared, not read"
            stated.fields.fault("mediaType", message, "I005")
            self._compare(stated)
        else:
            found = self.target(stated, trail)
            if entry.platform is not None and found is not None and not entry.attestation:
                platforms.compare(stated.fields, entry.platform, found)

    def _check_again(self, stated: Stated, seen: _Seen) -> None:
        if seen.size != stated.size:
            stated.fields.fault("size", f"expected {seen.size} bytes, as the document has, found {stated.size}", "D006")
        if seen.media_type != stated.media_type:
            message = f"expected `{shown(seen.media_type)}` as elsewhere, found `{shown(stated.media_type)}`"
            stated.fields.fault("mediaType", message, "M002")

    def _compare(self, stated: Stated) -> None:
        """Check the size and digest of content that is not read, once."""
        if (stated.digest, stated.size) not in self._opaque:
            self._opaque.add((stated.digest, stated.size))
            self.compared.add(stated.digest)
            content.check_opaque(self._source, stated, self._report)

    def _manifest(self, value: Object, where: str) -> Platform | None:
        found = manifest.check(value, where, self._report)
        if found.layers is not None and len(found.layers) > self._limits.layers:
            message = f"expected at most {self._limits.layers}, found {len(found.layers)}: they are not checked"
            found.fields.fault("layers", message, "M016")
            return None
        if not found.image:
            for stated in (found.config, *(found.layers or ())):
                if stated is not None:
                    self._compare(stated)
            return None
        config = self._config(found)
        self._image(found, config)
        return config.platform if config is not None else None

    def _config(self, found: Manifest) -> Config | None:
        stated = found.config
        if stated is None:
            return None
        self.compared.add(stated.digest)
        raw = content.read_document(self._source, stated, self._report, most=self._limits.document)
        if raw is None:
            return None
        where = f"config {stated.digest}"
        value = self.parse(raw, where)
        if value is None:
            return None
        return configs.check(value, where, self._report, layers=None if found.layers is None else len(found.layers))

    def _image(self, found: Manifest, config: Config | None) -> None:
        """Check the layers of an image, or of an attestation that looks like one."""
        platform = config.platform if config is not None else None
        if platform is None or not platforms.is_unknown(platform):
            manifest.check_layers(found)
        todo: list[Layer] = []
        for number, stated in enumerate(found.layers or ()):
            if stated is None:
                continue
            if stated.media_type in media_types.COMPRESSION:
                todo.append(layers.make(number, stated, _diff_id(config, number), self._report))
            else:
                self._compare(stated)
        self._apply(todo, found, config)

    def _apply(self, todo: list[Layer], found: Manifest, config: Config | None) -> None:
        tree = Tree()
        linux = config is not None and config.platform is not None and config.platform.os == "linux"
        machines = Machines(config.platform.architecture if linux and config and config.platform else "")
        changes = Changes(tree, machines, self._limits)
        self._unpacked += layers.check(todo, changes, self._reading)
        self._layers += len(todo)
        self.compared.update(layer.stated.digest for layer in todo)
        self._entries += changes.count
        for layer in todo:
            self._report.extend(layer.report)
            self._report.extend(layer.changes)
        if linux and config is not None and found.config is not None:
            where = f"config {found.config.digest}"
            if not changes.partial:
                machines.conclude(documents.place(where, "architecture"), self._report)
                if problem := accounts.problem_of(config.run.user, tree, changes.accounts):
                    self._report.add("C020", documents.place(where, "config.User"), problem)
            self._conclude(tree, machines, config, where)

    def _conclude(self, tree: Tree, machines: Machines, config: Config, where: str) -> None:
        """Hold what the config says against the files that the layers have in the end."""
        path = _command(tree, config)
        architecture = machines.foreign(b"/".join(path)) if path else None
        if path and architecture and config.platform:
            message = (
                f"expected {config.platform.architecture}, found that `{shown(b'/'.join(path))}` is for {architecture}"
            )
            self._report.add("P008", documents.place(where, "config.Entrypoint"), message)
        real, _ = tree.resolve(_parts(config.run.working_dir))
        if leads_into_proc("/" + b"/".join(real).decode("utf-8", "replace")):
            message = (
                f"expected a directory of the image, found that `{shown(config.run.working_dir)}` leads to `/proc`"
            )
            self._report.add("C013", documents.place(where, "config.WorkingDir"), message)


def _diff_id(config: Config | None, number: int) -> str | None:
    if config is None or config.diff_ids is None or number >= len(config.diff_ids):
        return None
    return config.diff_ids[number]


def _parts(path: str) -> list[bytes]:
    return [part for part in path.encode("utf-8", "surrogatepass").split(b"/") if part]


def _command(tree: Tree, config: Config) -> list[bytes] | None:
    """Return the real path of the file that a container starts with, if it can be told."""
    run = config.run
    if not run.command:
        return None
    name = run.command[0]
    if "/" in name:
        places = [name if name.startswith("/") else f"{run.working_dir}/{name}"]
    else:
        places = [f"{directory}/{name}" for directory in run.path.split(":")]
    for path in places:
        real, node = tree.resolve(_parts(path))
        if node is not None and not isinstance(node, Directory):
            return real
    return None
