"""The registry of the tests keeps to the specification itself: what its conformance suite asks, restated.

https://github.com/opencontainers/distribution-spec/tree/main/conformance is a program in Go, and was not run here.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fixture_registry import INDEX, MANIFEST, Registry
from samples import a_registry

from tare.net import address as addresses
from tare.net.http import Client

EMPTY = "sha256:" + hashlib.sha256(b"").hexdigest()


class Caller:
    """Asks without a client's care."""

    def __init__(self, registry: Registry, http: Client) -> None:
        self.registry = registry
        self._http = http

    def __call__(self, method: str, path: str, body: bytes | None = None, **fields: str) -> Any:
        """Return status, fields and body."""
        address = addresses.parse(f"{self.registry.url}/v2/{path}")
        assert address is not None
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        answer = self._http.send(method, address, headers, body)
        return answer.status, answer.fields, answer.read(10_000_000)

    def upload(self, data: bytes, digest: str) -> int:
        _, fields, _ = self("POST", "a/b/blobs/uploads/")
        status: int = self("PUT", f"{fields.get('location')[4:]}&digest={digest}", data)[0]
        return status


@pytest.fixture
def call() -> Iterator[Caller]:
    http = Client(monotonic=time.monotonic)
    with a_registry() as registry:
        yield Caller(registry, http)
        http.close()


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def code_of(body: bytes) -> str:
    return str(json.loads(body)["errors"][0]["code"])


def test_the_version_is_supported(call: Caller) -> None:
    assert call("GET", "")[0] == 200


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_blobs_are_pushed_pulled_and_deleted(call: Caller, algorithm: str) -> None:
    digest = digest_of(b"hello", algorithm)
    assert call("HEAD", f"a/b/blobs/{digest}")[0] == 404
    assert call.upload(b"hello", digest) == 201
    status, fields, body = call("GET", f"a/b/blobs/{digest}")
    assert (status, body, fields.get("docker-content-digest")) == (200, b"hello", digest)
    assert call("DELETE", f"a/b/blobs/{digest}")[0] == 202
    assert call("GET", f"a/b/blobs/{digest}")[0] == 404


def test_a_blob_in_one_request(call: Caller) -> None:
    status, fields, _ = call("POST", f"a/b/blobs/uploads/?digest={digest_of(b'one')}", b"one")
    assert (status, fields.get("location")) == (201, f"/v2/a/b/blobs/{digest_of(b'one')}")


def test_an_empty_blob(call: Caller) -> None:
    assert call.upload(b"", EMPTY) == 201
    assert call("GET", f"a/b/blobs/{EMPTY}")[2] == b""


@pytest.mark.parametrize("digest", [digest_of(b"other"), "sha256:abc", "md5:" + "0" * 32, ""])
def test_a_blob_of_another_digest_is_refused(call: Caller, digest: str) -> None:
    assert call.upload(b"hello", digest) == 400
    assert call.registry.blobs == {}


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=0-1", 206, b"01"),
        ("bytes=3-", 206, b"3456789"),
        ("bytes=8-100", 206, b"89"),
        ("bytes=10-", 416, b""),
        ("bytes=5-2", 416, b""),
    ],
)
def test_ranges(call: Caller, wanted: str, status: int, body: bytes) -> None:
    call.upload(b"0123456789", digest_of(b"0123456789"))
    found = call("GET", f"a/b/blobs/{digest_of(b'0123456789')}", Range=wanted)
    assert (found[0], found[2]) == (status, body)


def test_chunks_come_in_order(call: Caller) -> None:
    place = call("POST", "a/b/blobs/uploads/")[1].get("location")[4:]
    assert call("PATCH", place, b"345", Content_Range="3-5")[0] == 416
    status, fields, _ = call("PATCH", place, b"012", Content_Range="0-2")
    assert (status, fields.get("range")) == (202, "0-2")
    assert call("PATCH", place, b"012", Content_Range="0-2")[0] == 416
    assert call("GET", place)[0::2] == (204, b"")
    assert call("GET", place)[1].get("range") == "0-2"
    assert call("PUT", f"{place}&digest={digest_of(b'012345')}", b"345", Content_Range="3-5")[0] == 201


def test_an_upload_is_cancelled(call: Caller) -> None:
    place = call("POST", "a/b/blobs/uploads/")[1].get("location")[4:]
    assert call("DELETE", place)[0] == 204
    status, _, body = call("GET", place)
    assert (status, code_of(body)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_mounts(call: Caller) -> None:
    call.upload(b"hello", digest_of(b"hello"))
    assert call("POST", f"c/d/blobs/uploads/?mount={digest_of(b'hello')}&from=a/b")[0] == 201
    assert call("POST", f"c/d/blobs/uploads/?mount={digest_of(b'else')}&from=a/b")[0] == 202
    assert call("POST", f"e/f/blobs/uploads/?mount={digest_of(b'hello')}")[0] == 202
    call.registry.anonymous_mounts = True
    assert call("POST", f"e/f/blobs/uploads/?mount={digest_of(b'hello')}")[0] == 201


def manifest(**more: Any) -> bytes:
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": empty, "layers": [empty], **more}).encode()


def test_manifests(call: Caller) -> None:
    raw = manifest()
    status, _, body = call("PUT", "a/b/manifests/1", raw, Content_Type=MANIFEST)
    assert (status, code_of(body)) == (404, "MANIFEST_BLOB_UNKNOWN")
    call.upload(b"{}", digest_of(b"{}"))
    status, fields, _ = call("PUT", "a/b/manifests/1", raw, Content_Type=MANIFEST)
    assert (status, fields.get("docker-content-digest")) == (201, digest_of(raw))
    for name in ("1", digest_of(raw)):
        assert call("GET", f"a/b/manifests/{name}")[0::2] == (200, raw)
        assert call("HEAD", f"a/b/manifests/{name}")[1].get("content-length") == str(len(raw))
    assert call("PUT", f"a/b/manifests/{digest_of(raw, 'sha512')}", raw, Content_Type=MANIFEST)[0] == 201
    assert call("PUT", f"a/b/manifests/{digest_of(b'x')}", raw, Content_Type=MANIFEST)[0] == 400
    assert call("PUT", "a/b/manifests/.bad", raw, Content_Type=MANIFEST)[0] == 400
    assert call("PUT", "a/b/manifests/2", b"{", Content_Type=MANIFEST)[0] == 400
    assert call("PUT", "a/b/manifests/2", b" " * (4 << 20) + raw, Content_Type=MANIFEST)[0] == 413
    assert call("DELETE", "a/b/manifests/1")[0] == 202
    assert call("GET", f"a/b/manifests/{digest_of(raw)}")[0] == 200
    assert call("DELETE", f"a/b/manifests/{digest_of(raw)}")[0] == 202
    assert code_of(call("GET", f"a/b/manifests/{digest_of(raw)}")[2]) == "MANIFEST_UNKNOWN"


def test_tags_are_sorted_and_come_in_pages(call: Caller) -> None:
    call.upload(b"{}", digest_of(b"{}"))
    for tag in ("c", "a", "d", "b"):
        call("PUT", f"a/b/manifests/{tag}", manifest(), Content_Type=MANIFEST)
    assert json.loads(call("GET", "a/b/tags/list")[2]) == {"name": "a/b", "tags": ["a", "b", "c", "d"]}
    _, fields, body = call("GET", "a/b/tags/list?n=2")
    assert (json.loads(body)["tags"], fields.get("link")) == (
        ["a", "b"],
        '</v2/a/b/tags/list?n=2&last=b>; rel="next"',
    )
    _, fields, body = call("GET", "a/b/tags/list?n=2&last=b")
    assert (json.loads(body)["tags"], fields.get("link")) == (["c", "d"], "")
    assert json.loads(call("GET", "a/b/tags/list?n=0")[2])["tags"] == []
    assert call("GET", "x/y/tags/list")[0] == 404


def test_referrers(call: Caller) -> None:
    call.upload(b"{}", digest_of(b"{}"))
    subject = {"mediaType": MANIFEST, "digest": digest_of(b"missing"), "size": 7}
    first = manifest(subject=subject, artifactType="application/x-a", annotations={"k": "v"})
    second = manifest(subject=subject)
    for raw in (first, second):
        _, fields, _ = call("PUT", f"a/b/manifests/{digest_of(raw)}", raw, Content_Type=MANIFEST)
        assert fields.get("oci-subject") == subject["digest"]
    status, fields, body = call("GET", f"a/b/referrers/{subject['digest']}")
    found = json.loads(body)
    assert (status, fields.get("content-type"), found["mediaType"]) == (200, INDEX, INDEX)
    assert [(entry["digest"], entry["artifactType"], entry.get("annotations")) for entry in found["manifests"]] == [
        (digest_of(first), "application/x-a", {"k": "v"}),
        (digest_of(second), "application/vnd.oci.empty.v1+json", None),
    ]
    _, fields, body = call("GET", f"a/b/referrers/{subject['digest']}?artifactType=application/x-a")
    assert (len(json.loads(body)["manifests"]), fields.get("oci-filters-applied")) == (1, "artifactType")
    assert json.loads(call("GET", f"a/b/referrers/{digest_of(b'nobody')}")[2])["manifests"] == []
    assert call("GET", "a/b/referrers/sha256:abc")[0] == 400
