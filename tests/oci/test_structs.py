"""Decoders that many threads may ask for at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tare

_RACE = """
import sys, threading
from tare.oci import manifest
raw = b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'
sys.setswitchinterval(1e-6)
together = threading.Barrier(8)
def work():
    together.wait()
    manifest.parse(raw, what="it")
threads = [threading.Thread(target=work) for _ in range(8)]
[each.start() for each in threads]
[each.join() for each in threads]
"""


def test_the_first_documents_of_a_process_can_come_all_at_once() -> None:
    """Without the lock, msgspec 0.22.0 ends about one in ten of these processes with a segmentation fault."""
    for _ in range(8):
        path = str(Path(tare.__file__).parent.parent)
        subprocess.run([sys.executable, "-c", _RACE], check=True, timeout=60, env={"PYTHONPATH": path})
