"""TLS with servers that go away: nothing is left open."""

from __future__ import annotations

import gc
import socket
import struct
import time
import warnings

import pytest

from tare.net.dial import Tls
from tare.net.encryption import encrypt, make_context
from tare.net.wire import Fault


def reset_by_peer() -> socket.socket:
    """Return a socket whose other end has just hung up on it, without a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    time.sleep(0.05)
    return ours


def plain_text() -> socket.socket:
    """Return a socket whose other end has said something that is not TLS, and has gone."""
    ours, theirs = socket.socketpair()
    theirs.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    theirs.close()
    return ours


@pytest.mark.parametrize("made", [reset_by_peer, plain_text])
def test_a_socket_that_cannot_be_encrypted_is_closed(made: type[socket.socket]) -> None:
    """`ssl` raises without closing when the other end is gone before it looks."""
    sock = made()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(Fault):
            encrypt(sock, "registry.example", make_context(Tls()), 1.0)
        del sock
        gc.collect()
    assert [str(each.message) for each in caught] == []


def test_a_server_that_answers_in_plain_text_is_told_from_one_that_fails() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with theirs, pytest.raises(Fault) as caught:
        encrypt(ours, "registry.example", make_context(Tls()), 1.0)
    assert (caught.value.reason, caught.value.kind) == ("the server does not speak TLS", "tls")
