"""OpenPGP signatures of an archive's `InRelease`: verified always, with Sequoia."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tare.bases.debian.sources import Keyring
from tare.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from pysequoia import Cert

_SIGNED: Final = b"-----BEGIN PGP SIGNED MESSAGE-----"


def verified(document: bytes, keyrings: tuple[Keyring, ...], fingerprints: tuple[str, ...], *, what: str) -> bytes:
    """Return what is signed in *document*, and nothing that stands around it.

    *fingerprints*, if there are any, are the only keys that may sign. *what* names the document.
    """
    import pysequoia

    if not document.startswith(_SIGNED):
        raise IntegrityError(f"{what} is not signed", causes=("it does not begin as a signed message does",))
    certificates = [cert for ring in keyrings for cert in _certificates(ring)]
    signers: list[str] = []

    def store(identifiers: list[str]) -> list[Cert]:
        signers.extend(identifiers)
        return certificates

    try:
        result = pysequoia.verify(document, store)
    except Exception as error:  # noqa: BLE001  # pysequoia's own exceptions are not exported
        raise _unverified(what, signers, keyrings, error) from None
    found = {name for sig in result.valid_sigs for name in (sig.certificate.lower(), sig.signing_key.lower())}
    if not found or (fingerprints and found.isdisjoint(fingerprints)):
        raise IntegrityError(
            f"{what} is signed by a key that may not sign it",
            causes=(f"expected {', '.join(fingerprints)}, got {', '.join(sorted(found)) or 'none'}",),
        )
    return result.bytes or b""


def _certificates(ring: Keyring) -> list[Cert]:
    from pysequoia import Cert

    try:
        return Cert.split_bytes(ring.data)
    except Exception as error:  # noqa: BLE001  # as above
        raise UsageError(f"the keyring `{ring.name}` cannot be read", causes=(str(error).partition("\n")[0],)) from None


def _unverified(what: str, signers: list[str], keyrings: tuple[Keyring, ...], error: Exception) -> IntegrityError:
    names = ", ".join(f"`{ring.name}`" for ring in keyrings)
    causes = [str(error).partition("\n")[0]]
    if signers:
        causes.append(f"it names the keys {', '.join(signers[:4])}")
    causes.append(f"the keys of {names or 'no keyring'} were tried")
    return IntegrityError(
        f"the signature of {what} is not valid",
        causes=tuple(causes),
        hints=("Bring `debian-archive-keyring` up to date, or name a keyring with `TARE_DEBIAN_KEYRING`",),
    )
