"""Connections: TLS contexts and proxies as urllib3 wants them."""

from __future__ import annotations

import ssl
from pathlib import Path

import urllib3

from tare.errors import NetworkError, UsageError
from tare.net.urls import locate, redacted

_CONNECTIONS = 8
"""To one host at once; more make mirrors answer 429."""


def make_pool(proxy: str | None, ca_file: Path | None) -> urllib3.PoolManager:
    """Return a pool that goes through *proxy*, and trusts *ca_file* or what the system trusts."""
    context = tls_context(ca_file)
    if proxy is None:
        return urllib3.PoolManager(maxsize=_CONNECTIONS, ssl_context=context)
    try:
        there = locate(proxy)
    except NetworkError as error:
        raise UsageError(
            f"the proxy `{redacted(proxy)}` cannot be used",
            causes=(error.causes[0] if error.causes else error.message,),
            hints=("Name an HTTP proxy in `HTTPS_PROXY`, or exempt the host with `NO_PROXY`",),
        ) from None
    headers = None
    if there.user is not None:
        headers = urllib3.make_headers(proxy_basic_auth=f"{there.user}:{there.password}")
    return urllib3.ProxyManager(
        there.url, maxsize=_CONNECTIONS, ssl_context=context, proxy_headers=headers, proxy_ssl_context=context
    )


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies, with TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        return context
    try:
        return _only(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"the certificates in `{ca_file}` cannot be read", causes=(error.strerror or str(error),)
        ) from error


def _only(ca_file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=ca_file)
    return context
