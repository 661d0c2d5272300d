"""What a registry, or something between it and us, may do in the place of an honest answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from fixture_registry import Action, Registry
from loopback_server import Exchange, Reply


def say(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Action:
    """Answer with this."""

    def action(_: Registry, exchange: Exchange) -> None:
        exchange.send(Reply(status, headers, body))

    return action


def refuse(status: int, code: str, message: str = "no") -> Action:
    """Answer with an error of the specification's form."""
    return say(status, None, f'{{"errors":[{{"code":"{code}","message":"{message}"}}]}}'.encode())


def raw(data: bytes) -> Action:
    """Answer with these bytes, and hang up."""

    def action(_: Registry, exchange: Exchange) -> None:
        for _piece in exchange.request.pieces():
            pass
        exchange.send_raw(data)

    return action


def honest_but(change: Callable[[Reply], None]) -> Action:
    """Do what was asked, and then answer with a changed answer."""

    def action(registry: Registry, exchange: Exchange) -> None:
        reply = registry.honest(exchange.request)
        change(reply)
        exchange.send(reply)

    return action


def with_headers(**headers: str) -> Action:
    """Answer honestly, with other headers. An empty one is left out."""

    def change(reply: Reply) -> None:
        for name, value in headers.items():
            reply.headers[name.replace("_", "-")] = value

    return honest_but(change)


def with_body(change: Callable[[bytes], bytes], *, length: int | None = None) -> Action:
    """Answer honestly, with another body. *length* is what the header says, if it lies."""

    def altered(reply: Reply) -> None:
        body = b"".join(reply.pieces())
        reply.body = change(body)
        reply.length = len(change(body)) if length is None else length

    return honest_but(altered)


def flipped(data: bytes) -> bytes:
    """Return *data* with one bit changed in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def cut(after: int, *, hard: bool = False) -> Action:
    """Answer honestly, but end the connection after so many bytes of the body; *hard*, with a reset."""

    def action(registry: Registry, exchange: Exchange) -> None:
        reply = registry.honest(exchange.request)
        exchange.sock.sendall(reply.head() + b"".join(reply.pieces())[:after])
        if hard:
            time.sleep(0.02)  # a reset overtakes what was not read yet
            exchange.reset()
        exchange.closed = True

    return action


def lost_answer(registry: Registry, exchange: Exchange) -> None:
    """Do what was asked, and never say so."""
    registry.honest(exchange.request)
    exchange.reset()


def hang_up(_: Registry, exchange: Exchange) -> None:
    """End the connection without an answer."""
    for _piece in exchange.request.pieces():
        pass
    exchange.closed = True


def reset(_: Registry, exchange: Exchange) -> None:
    exchange.reset()


def reset_within(size: int) -> Action:
    """Read so many bytes of the request's body, keep them as honest registries do, and reset."""

    def action(registry: Registry, exchange: Exchange) -> None:
        upload = registry.uploads.get(exchange.request.path.rpartition("/")[2])
        left = size
        for piece in exchange.request.pieces():
            if upload is not None:
                upload.write(piece[:left])
            left -= len(piece)
            if left <= 0:
                break
        exchange.reset()

    return action


def silence(seconds: float) -> Action:
    """Say nothing for a while, and then hang up."""

    def action(registry: Registry, exchange: Exchange) -> None:
        registry.server.stopping.wait(seconds)
        exchange.closed = True

    return action


def drip(*, head: bool, step: float = 0.05, seconds: float = 20.0) -> Action:
    """Answer honestly, but a byte at a time: from the *head* on, or only the body."""

    def action(registry: Registry, exchange: Exchange) -> None:
        reply = registry.honest(exchange.request)
        data = reply.head() + b"".join(reply.pieces())
        start = 0 if head else len(reply.head())
        exchange.sock.sendall(data[:start])
        until = time.monotonic() + seconds
        for number in range(start, len(data)):
            if registry.server.stopping.wait(step) or time.monotonic() > until:
                break
            exchange.sock.sendall(data[number : number + 1])
        exchange.closed = True

    return action


def endless(head: bytes, piece: bytes, *, limit: int = 64 * 1024 * 1024) -> Action:
    """Answer without an end."""

    def action(_: Registry, exchange: Exchange) -> None:
        exchange.sock.sendall(head)
        for _number in range(limit // len(piece)):
            exchange.sock.sendall(piece)
        exchange.closed = True

    return action


def answer_early(reply: Reply) -> Action:
    """Answer before the request's body was read, and hang up."""

    def action(_: Registry, exchange: Exchange) -> None:
        exchange.sock.sendall(reply.head() + b"".join(reply.pieces()))
        time.sleep(0.05)
        exchange.closed = True

    return action


def framed(head: str, body: bytes = b"") -> Action:
    """Answer with a head that is written line by line."""
    return raw(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)


def reframed(make: Callable[[Reply, bytes], bytes]) -> Action:
    """Answer with what *make* makes of the honest answer and its body, and hang up."""

    def action(registry: Registry, exchange: Exchange) -> None:
        reply = registry.honest(exchange.request)
        exchange.send_raw(make(reply, b"".join(reply.pieces())))

    return action


def in_chunks(body: bytes, size: int, *, extension: str = "", trailers: str = "") -> bytes:
    """Return *body* in the chunked transfer coding."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(f"{len(piece):x}{extension}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return chunks + f"0\r\n{trailers}\r\n".encode()


def as_chunks(
    change: Callable[[bytes], bytes] = lambda coded: coded, *, extension: str = "", trailers: str = ""
) -> Action:
    """Answer honestly in chunks. *change* is applied to what then goes out."""

    def make(reply: Reply, body: bytes) -> bytes:
        reply.length = None
        reply.headers["Transfer-Encoding"] = "chunked"
        return reply.head() + change(in_chunks(body, 1000, extension=extension, trailers=trailers))

    return reframed(make)
