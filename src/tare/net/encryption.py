"""TLS 1.2 or newer around a socket, with whom to trust and whom to be. `ssl` costs 8 ms, so only https loads this."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Final

from tare.errors import UsageError
from tare.net.dial import Tls, fault_of
from tare.net.wire import Fault

_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
"""What OpenSSL, of several versions, says of an answer in plain text."""

_TRUST: Final = "Name the certificates to trust in a file with `SSL_CERT_FILE`"


class _Socket(ssl.SSLSocket):
    """A socket that is not lost when its other end has gone by the time that `ssl` looks for it.

    `SSLSocket._create` takes the descriptor over, asks for the peer, and on some answers raises without closing.
    """

    def getpeername(self) -> object:
        try:
            return super().getpeername()
        except OSError as error:
            self.close()
            raise ConnectionResetError(errno.ECONNRESET, error.strerror) from None


def encrypt(sock: socket.socket, host: str, context: ssl.SSLContext, timeout: float) -> socket.socket:
    """Return *sock* encrypted. It is closed when that fails."""
    try:
        sock.settimeout(timeout)
        return context.wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        reason = f"the server's certificate is not trusted: {error.verify_message}"
        raise Fault(reason, transient=False, hints=(_TRUST,)) from None
    except ssl.SSLError as error:
        sock.close()
        if error.reason in _NOT_TLS:
            raise Fault("the server does not speak TLS", transient=False, kind="tls") from None
        reason = (error.reason or str(error)).lower().replace("_", " ")
        lasting = not isinstance(error, ssl.SSLEOFError)
        raise Fault(f"the encrypted connection failed: {reason}", transient=not lasting) from None
    except OSError as error:
        sock.close()
        raise fault_of(error, "the server went silent") from None


def make_context(tls: Tls) -> ssl.SSLContext:
    """Return the TLS context for *tls*, or raise `UsageError` when one of its files is of no use."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _Socket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    reading = "the certificates"
    try:
        if tls.ca_file or tls.ca_directory:
            reading = f"the certificates in `{tls.ca_file or tls.ca_directory}`"
            context.load_verify_locations(cafile=tls.ca_file, capath=tls.ca_directory)
        elif tls.verify:
            context.load_default_certs()
        for file in tls.extra:
            reading = f"the certificates in `{file}`"
            context.load_verify_locations(cafile=file)
        if tls.certificate:
            reading = f"the client's certificate `{tls.certificate}`"
            context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{reading} cannot be read", causes=(error.strerror or str(error),)) from None
    return context
