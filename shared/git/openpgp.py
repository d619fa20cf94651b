"""Signatures by OpenPGP keys, checked with Sequoia.

A key must be good both when it signed and now: Sequoia looks at the time of the signature, and what has
expired or was revoked since is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from shared.git.signed import Signed
from shared.git.trust import SignatureRefused

if TYPE_CHECKING:
    from pysequoia import Cert
    from pysequoia.packet import Packet

_BEGIN: Final = b"-----BEGIN PGP P"
_ID: Final = 16
_PANIC: Final = "PanicException"


def verify_openpgp(signed: Signed, rings: Mapping[str, bytes], failure: str, now: datetime) -> str:
    """The id of the primary key, 16 digits, that a signature belongs to; blocks.

    Raises:
        SignatureRefused: no key of the rings made it, or that key isn't good any more.
    """
    import pysequoia  # noqa: PLC0415 - loaded with the first signature

    certificates = _certificates(rings)
    problem = f"{failure}: unable to verify payload with any of the given key rings: "
    with _refusing(lambda text: f"{problem}the signature can't be read: {text}"):
        signature = pysequoia.Sig.from_bytes(signed.signature)
    maker = signature.issuer_fingerprint or signature.issuer_key_id or ""
    with _refusing(lambda _: f"{problem}{_unmatched(maker, certificates)}"):
        checked = pysequoia.verify(signed.payload, lambda _: certificates, signature=signature)
    by_fingerprint = {certificate.fingerprint: certificate for certificate in certificates}
    problems = []
    for valid in checked.valid_sigs:
        certificate = by_fingerprint[valid.certificate]
        outdated = _outdated(certificate, valid.signing_key, now)
        if not outdated:
            return key_id(certificate)
        problems.append(outdated)
    raise SignatureRefused(problem + "; ".join(problems or ["there is no signature in it"]))


def key_id(certificate: Cert) -> str:
    """The last 16 digits of the primary key's fingerprint, in upper case."""
    return certificate.fingerprint[-_ID:].upper()


def _certificates(rings: Mapping[str, bytes]) -> list[Cert]:
    """All keys that can be read; a ring that can't be read spoils nothing but itself."""
    found: dict[str, Cert] = {}
    broken = []
    for name, ring in sorted(rings.items()):
        try:
            with _refusing(lambda text: text):
                for certificate in _split(ring):
                    known = found.get(certificate.fingerprint)
                    found[certificate.fingerprint] = known.merge(certificate) if known else certificate
        except SignatureRefused as error:
            broken.append(f"'{name}': {error}")
    if not found:
        text = "; ".join(broken) or "there are no keys in it"
        raise SignatureRefused(f"unable to read armored key ring: {text}")
    return list(found.values())


def _split(ring: bytes) -> Iterator[Cert]:
    """The keys of a ring; it may consist of several armored blocks, one after the other."""
    import pysequoia  # noqa: PLC0415 - see above

    before, *blocks = ring.split(_BEGIN)
    for block in [_BEGIN + each for each in blocks] or [before]:
        yield from pysequoia.Cert.split_bytes(block)


def _unmatched(maker: str, certificates: list[Cert]) -> str:
    known = {
        packet.fingerprint or ""
        for certificate in certificates
        for packet in _packets(certificate)
        if packet.fingerprint
    }
    if maker and not any(fingerprint.endswith(maker) for fingerprint in known):
        return f"the key {maker.upper()} that made the signature is not among them"
    return "the signature doesn't fit, or its key could not sign at that time"


def _outdated(certificate: Cert, signer: str, now: datetime) -> str:
    """What is wrong today with a key that was good when it signed; nothing if it still is."""
    if certificate.is_revoked:
        return f"the key {key_id(certificate)} was revoked"
    if certificate.expiration is not None and certificate.expiration <= now:
        return f"the key {key_id(certificate)} expired on {_day(certificate.expiration)}"
    if signer == certificate.fingerprint:
        return ""
    subkey = f"the subkey {signer[-_ID:].upper()} of {key_id(certificate)}"
    created, statements = _subkey(certificate, signer)
    if any("Revocation" in str(each.signature_type) for each in statements):
        return f"{subkey} was revoked"
    latest = max(statements, key=lambda each: each.signature_created or datetime.min.replace(tzinfo=UTC))
    if created is None or latest.key_validity_period is None:
        return ""
    end = created + latest.key_validity_period
    return f"{subkey} expired on {_day(end)}" if end <= now else ""


def _subkey(certificate: Cert, signer: str) -> tuple[datetime | None, list[Packet]]:
    """When a subkey was made, and the signatures that say what it is for."""
    created: datetime | None = None
    statements: list[Packet] = []
    here = False
    for packet in _packets(certificate):
        if packet.fingerprint is not None:
            here = packet.fingerprint == signer
            created = packet.key_created if here else created
        elif here and packet.signature_type is not None:
            statements.append(packet)
    return created, statements


def _packets(certificate: Cert) -> Iterator[Packet]:
    from pysequoia.packet import PacketPile  # noqa: PLC0415 - see above

    yield from PacketPile.from_bytes(bytes(certificate))


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


@contextmanager
def _refusing(text: Callable[[str], str]) -> Iterator[None]:
    """Errors of the library as refusals, without the traces that it adds; not even its panics get out."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError) as error:
        raise SignatureRefused(text(str(error).partition("\n")[0])) from None
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise SignatureRefused(text("it can't be processed")) from None
