"""A registry in memory: the whole of the OCI distribution specification 1.1, with authentication of both kinds.

Rules make it lie: each has a method, a pattern of the path, which of the matching requests it is about, and what is
done in the place of the honest answer (`hostile.py` has those).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loopback_server import Exchange, Reply, Request, Seen, Server

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_NAME = r"[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*"
_route = re.compile(rf"/v2/({_NAME})/(blobs/uploads|blobs|manifests|tags|referrers)/?(.*)")
_tag = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_digest = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_range = re.compile(r"bytes=(\d+)-(\d*)")
_PIECE = 1024 * 1024

Action = Callable[["Registry", Exchange], None]


class Synthetic:
    """A blob that is computed: *size* bytes that never lie in memory together."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._block = b"".join(hashlib.sha256(bytes([number])).digest() * 1024 for number in range(32))
        digest = hashlib.sha256()
        for piece in self.read(0, size):
            digest.update(piece)
        self.digest = f"sha256:{digest.hexdigest()}"

    def __len__(self) -> int:
        return self._size

    def read(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            offset = start % len(self._block)
            piece = self._block[offset : offset + end - start]
            yield piece
            start += len(piece)


Blob = bytes | Synthetic


class Rule:
    """Does *action* in the place of the honest answer, for the requests that match."""

    def __init__(
        self, method: str, pattern: str, action: Action, times: Collection[int] | None = None, *, early: bool = False
    ) -> None:
        self.early = early
        """Whether it is also about requests that the honest registry would not let in."""
        self.method = re.compile(method)
        self.pattern = re.compile(pattern)
        self.times = times
        """Which of the matching requests, counted from 1; all of them by default."""
        self.action = action
        self.count = 0

    def matches(self, request: Request) -> bool:
        if not self.method.fullmatch(request.method) or not self.pattern.search(request.seen.target):
            return False
        self.count += 1
        return self.times is None or self.count in self.times


class Repository:
    """What one name holds."""

    def __init__(self) -> None:
        self.blobs: set[str] = set()
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.tags: dict[str, str] = {}


class Upload:
    def __init__(self, repository: str, *, keep: bool) -> None:
        self.repository = repository
        self.keep = keep
        self.data = bytearray()
        self.size = 0
        self.lock = threading.Lock()
        """One request at a time: one on a connection that died may still be read."""
        self.hashes = {name: hashlib.new(name) for name in ("sha256", "sha512")}

    def write(self, data: bytes) -> None:
        if self.keep:
            self.data += data
        self.size += len(data)
        for each in self.hashes.values():
            each.update(data)


class Registry:
    """The registry. Its attributes are its settings, and may be changed while it runs."""

    def __init__(self, *, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.blobs: dict[str, Blob] = {}
        self.repositories: dict[str, Repository] = {}
        self.uploads: dict[str, Upload] = {}
        self.rules: list[Rule] = []
        self.users: dict[str, str] = {}
        """Names and passwords; with some, everybody has to log in."""
        self.auth = "none"
        """`none`, `basic` or `token`."""
        self.anonymous_pull = False
        self.identity_tokens: set[str] = set()
        self.tokens: dict[str, tuple[float, frozenset[str]]] = {}
        self.token_lifetime = 300.0
        self.referrers = True
        self.mounts = True
        self.anonymous_mounts = False
        self.deletes = True
        self.chunk_minimum = 0
        self.keep_bytes = True
        """False: uploads are hashed and forgotten, for blobs that would not fit into memory."""
        self.moving_locations = False
        self.tag_history: list[tuple[str, str]] = []
        """Each move of a tag, as `repository:tag` and digest."""
        self.tokens_issued = 0
        self._lock = threading.RLock()
        self.server = Server(self._handle, context=context, host=host)

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def requests(self) -> list[Seen]:
        return self.server.requests

    def repository(self, name: str) -> Repository:
        return self.repositories.setdefault(name, Repository())

    def add_blob(self, repository: str, data: Blob) -> str:
        digest = data.digest if isinstance(data, Synthetic) else f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = data
        self.repository(repository).blobs.add(digest)
        return digest

    def add_manifest(self, repository: str, name: str, raw: bytes, media_type: str) -> str:
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        self.repository(repository).manifests[digest] = (media_type, raw)
        if not name.startswith("sha256:"):
            self.repository(repository).tags[name] = digest
        return digest

    def rule(
        self, method: str, pattern: str, action: Action, times: Collection[int] | None = None, *, early: bool = False
    ) -> None:
        self.rules.append(Rule(method, pattern, action, times, early=early))

    def revoke_tokens(self) -> None:
        self.tokens.clear()

    def _handle(self, exchange: Exchange) -> None:
        with self._lock:
            allowed = exchange.request.path == "/token" or self._refuse(exchange.request) is None
            rules = [rule for rule in self.rules if allowed or rule.early]
            rule = next((rule for rule in rules if rule.matches(exchange.request)), None)
        if rule is not None:
            rule.action(self, exchange)
        else:
            exchange.send(self.honest(exchange.request))

    def honest(self, request: Request) -> Reply:
        """Return the answer that the specification asks for."""
        if request.path == "/token":
            return self._issue(request)
        refused = self._refuse(request)
        if refused is not None:
            return refused
        if request.path in {"/v2/", "/v2"}:
            return Reply(200, body=b"{}")
        found = _route.fullmatch(request.path)
        if found is None:
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        name, kind, rest = found.groups()
        handler = {
            "blobs": self._blob,
            "blobs/uploads": self._upload,
            "manifests": self._manifest,
            "tags": self._tags,
            "referrers": self._referrers,
        }[kind]
        reply: Reply = handler(request, name, rest)
        return reply

    # Authentication

    def _refuse(self, request: Request) -> Reply | None:
        if self.auth == "none":
            return None
        given = request.headers.get("authorization", "")
        scheme, _, value = given.partition(" ")
        if self.auth == "basic":
            if scheme == "Basic" and self._user(value):
                return None
            return error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": 'Basic realm="fixture"'})
        needed = self._needed(request)
        known = self.tokens.get(value) if scheme == "Bearer" else None
        if known and known[0] > time.monotonic() and needed <= _spread(known[1]):
            return None
        challenge = f'Bearer realm="{self.url}/token",service="fixture"'
        if needed:
            challenge += f',scope="{" ".join(sorted(needed))}"'
        if known and known[0] > time.monotonic():
            challenge += ',error="insufficient_scope"'
        return error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})

    def _needed(self, request: Request) -> set[str]:
        found = _route.fullmatch(request.path)
        if found is None:
            return set()
        action = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(request.method, "push")
        if found[2] == "blobs/uploads" and action != "push":
            action = "push"
        needed = {f"repository:{found[1]}:{action}"}
        if "from" in request.query:
            needed.add(f"repository:{request.query['from']}:pull")
        return needed

    def _user(self, encoded: str) -> bool:
        user, _, password = base64.b64decode(encoded).decode().partition(":")
        return user in self.users and self.users[user] == password

    def _issue(self, request: Request) -> Reply:
        raw_query = parse_qs(urlsplit(request.seen.target).query)
        scopes = frozenset(raw_query.get("scope", []))
        if request.method == "POST":
            form = {name: values[0] for name, values in parse_qs(request.body().decode()).items()}
            if form.get("refresh_token") not in self.identity_tokens:
                return Reply(401, body=b'{"error":"invalid_grant","error_description":"unknown refresh token"}')
            scopes = frozenset(form.get("scope", "").split())
        else:
            scheme, _, value = request.headers.get("authorization", "").partition(" ")
            if scheme == "Basic" and not self._user(value):
                return Reply(401, body=b'{"details":"incorrect username or password"}')
            if not scheme:
                if not self.anonymous_pull:
                    return Reply(401, body=b'{"details":"who are you?"}')
                scopes = frozenset(scope for scope in scopes if scope.endswith(":pull"))
        token = secrets.token_urlsafe(24)
        self.tokens_issued += 1
        self.tokens[token] = (time.monotonic() + self.token_lifetime, scopes)
        return Reply(200, body=json.dumps({"token": token, "expires_in": self.token_lifetime}).encode())

    # Blobs

    def _blob(self, request: Request, name: str, digest: str) -> Reply:
        repository = self.repositories.get(name)
        if _digest.fullmatch(digest) is None:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        if repository is None or digest not in repository.blobs:
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        data = self.blobs[digest]
        if request.method == "DELETE":
            repository.blobs.discard(digest)
            return Reply(202)
        return self._bytes(request, digest, data)

    def _bytes(self, request: Request, digest: str, data: Blob) -> Reply:
        headers = {
            "Docker-Content-Digest": digest,
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
        }
        start, end, status = 0, len(data), 200
        if (wanted := request.headers.get("range")) and request.method == "GET":
            found = _range.fullmatch(wanted)
            if found is None:
                return error(416, "UNSUPPORTED", "the range is not sound")
            start = int(found[1])
            end = min(int(found[2]) + 1, len(data)) if found[2] else len(data)
            if start >= end:
                return Reply(416, {"Content-Range": f"bytes */{len(data)}"})
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
            status = 206
        body = data[start:end] if isinstance(data, bytes) else data.read(start, end)
        return Reply(status, headers, body, length=end - start)

    def _upload(self, request: Request, name: str, rest: str) -> Reply:
        if request.method == "POST" and not rest:
            return self._start(request, name)
        upload = self.uploads.get(rest)
        if upload is None or upload.repository != name:
            return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        with upload.lock:
            return self._continue(request, name, rest, upload)

    def _continue(self, request: Request, name: str, rest: str, upload: Upload) -> Reply:
        if request.method == "GET":
            return self._progress(204, rest, upload)
        if request.method == "DELETE":
            del self.uploads[rest]
            return Reply(204)
        if "content-range" in request.headers:
            start, _, end = request.headers["content-range"].partition("-")
            if int(start) != upload.size or int(end) - int(start) + 1 != request.left:
                return self._progress(416, rest, upload)
        if request.method == "PATCH":
            for piece in request.pieces():
                upload.write(piece)
            if self.moving_locations:
                del self.uploads[rest]
                rest = secrets.token_hex(8)
                self.uploads[rest] = upload
            return self._progress(202, rest, upload)
        for piece in request.pieces():
            upload.write(piece)
        del self.uploads[rest]
        return self._commit(upload, name, request.query.get("digest", ""))

    def _start(self, request: Request, name: str) -> Reply:
        digest = request.query.get("mount", "")
        source = request.query.get("from")
        if digest and self.mounts:
            holders = [each for each, held in self.repositories.items() if digest in held.blobs]
            if source in holders or (source is None and holders and self.anonymous_mounts):
                self.repository(name).blobs.add(digest)
                return self._created(name, digest)
        identifier = secrets.token_hex(8)
        upload = self.uploads[identifier] = Upload(name, keep=self.keep_bytes)
        if "digest" in request.query:
            for piece in request.pieces():
                upload.write(piece)
            del self.uploads[identifier]
            return self._commit(upload, name, request.query["digest"])
        return self._progress(202, identifier, upload)

    def _progress(self, status: int, identifier: str, upload: Upload) -> Reply:
        headers = {"Location": f"/v2/{upload.repository}/blobs/uploads/{identifier}?_state=x"}
        if upload.size or status == 204:
            headers["Range"] = f"0-{max(upload.size - 1, 0)}"
        if self.chunk_minimum:
            headers["OCI-Chunk-Min-Length"] = str(self.chunk_minimum)
        return Reply(status, headers)

    def _commit(self, upload: Upload, name: str, digest: str) -> Reply:
        algorithm, _, encoded = digest.partition(":")
        if algorithm not in upload.hashes or upload.hashes[algorithm].hexdigest() != encoded:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.blobs[digest] = bytes(upload.data)
        self.repository(name).blobs.add(digest)
        return self._created(name, digest)

    def _created(self, name: str, digest: str) -> Reply:
        return Reply(201, {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})

    # Manifests

    def _manifest(self, request: Request, name: str, reference: str) -> Reply:
        if request.method == "PUT":
            return self._put_manifest(request, name, reference)
        repository = self.repositories.get(name)
        if repository is None:
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        digest = reference if ":" in reference else repository.tags.get(reference, "")
        if digest not in repository.manifests:
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        if request.method == "DELETE":
            return self._delete_manifest(repository, reference)
        media_type, raw = repository.manifests[digest]
        return Reply(200, {"Content-Type": media_type, "Docker-Content-Digest": digest}, raw)

    def _delete_manifest(self, repository: Repository, reference: str) -> Reply:
        if not self.deletes:
            return error(405, "UNSUPPORTED", "the operation is unsupported")
        if ":" not in reference:
            del repository.tags[reference]
            return Reply(202)
        del repository.manifests[reference]
        repository.tags = {tag: digest for tag, digest in repository.tags.items() if digest != reference}
        return Reply(202)

    def _put_manifest(self, request: Request, name: str, reference: str) -> Reply:
        raw = request.body()
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        if len(raw) > 4 * 1024 * 1024:
            return error(413, "SIZE_INVALID", "manifest is larger than 4 MiB")
        if ":" in reference:
            algorithm = reference.partition(":")[0]
            if f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}" != reference:
                return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
            digest = reference
        elif _tag.fullmatch(reference) is None:
            return error(400, "TAG_INVALID", "manifest tag did not match URI")
        try:
            document = json.loads(raw)
        except ValueError:
            return error(400, "MANIFEST_INVALID", "manifest invalid")
        repository = self.repository(name)
        for each in _needs(document):
            if each["digest"] not in repository.blobs | repository.manifests.keys() and not each.get("urls"):
                return error(404, "MANIFEST_BLOB_UNKNOWN", "manifest references a manifest or blob unknown to registry")
        media_type = request.headers.get("content-type", "") or document.get("mediaType", MANIFEST)
        repository.manifests[digest] = (media_type, raw)
        if ":" not in reference:
            repository.tags[reference] = digest
            self.tag_history.append((f"{name}:{reference}", digest))
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
        if self.referrers and document.get("subject"):
            headers["OCI-Subject"] = document["subject"]["digest"]
        return Reply(201, headers)

    def _tags(self, request: Request, name: str, rest: str) -> Reply:
        if name not in self.repositories or rest != "list":
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        tags = sorted(self.repositories[name].tags)
        last = request.query.get("last", "")
        following = [tag for tag in tags if tag > last]
        page = following[: int(request.query["n"])] if "n" in request.query else following
        headers = {}
        if len(page) < len(following) and page:
            headers["Link"] = f'</v2/{name}/tags/list?n={request.query["n"]}&last={page[-1]}>; rel="next"'
        return Reply(200, headers, json.dumps({"name": name, "tags": page}).encode())

    def _referrers(self, request: Request, name: str, digest: str) -> Reply:
        if not self.referrers:
            return Reply(404, {"Content-Type": "text/plain"}, b"404 page not found\n")
        if _digest.fullmatch(digest) is None:
            return error(400, "DIGEST_INVALID", "invalid digest")
        entries = []
        for each, (media_type, raw) in self.repository(name).manifests.items():
            document = json.loads(raw)
            if (document.get("subject") or {}).get("digest") == digest:
                kind = document.get("artifactType") or document.get("config", {}).get("mediaType")
                entry: dict[str, Any] = {"mediaType": media_type, "digest": each, "size": len(raw)}
                entry |= {"artifactType": kind} if kind else {}
                entry |= {"annotations": document["annotations"]} if document.get("annotations") else {}
                entries.append(entry)
        headers = {"Content-Type": INDEX}
        if wanted := request.query.get("artifactType"):
            entries = [entry for entry in entries if entry.get("artifactType") == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        return Reply(200, headers, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode())


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Reply:
    """Return an error as the specification writes it."""
    return Reply(status, headers, json.dumps({"errors": [{"code": code, "message": message, "detail": {}}]}).encode())


def _needs(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "config" in document:
        yield document["config"]
    yield from document.get("layers", ())
    yield from document.get("manifests", ())


def _spread(scopes: frozenset[str]) -> set[str]:
    """Return *scopes* with each action by itself."""
    return {
        f"{resource}:{action}"
        for scope in scopes
        for resource, _, actions in [scope.rpartition(":")]
        for action in actions.split(",")
    }


@contextlib.contextmanager
def running(*, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Registry]:
    """Run a registry for the length of a block."""
    registry = Registry(context=context, host=host)
    try:
        yield registry
    finally:
        registry.server.close()
