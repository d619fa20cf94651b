"""Chains of certificates: whether each stands for the one before it, and whom they lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

_PARTS: Final[Mapping[x509.ObjectIdentifier, str]] = {
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COMMON_NAME: "CN",
    NameOID.STREET_ADDRESS: "STREET",
}
_OTHER_USES: Final = frozenset(
    (
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.OCSP_SIGNING,
    )
)


class ChainRefused(Exception):
    """A chain isn't sound; says where."""


def check_chain(chain: Sequence[x509.Certificate]) -> None:
    """Whether a chain leads from a certificate for code to one that signed itself.

    Raises:
        ChainRefused: it doesn't.
    """
    if len(chain) > 1:
        _check_leaf(chain[0])
    else:
        _check_usage(chain[0])
    for depth, (below, above) in enumerate(pairwise(chain)):
        _check_issued(below, above)
        _check_authority(above, depth)
    _check_issued(chain[-1], chain[-1])


def anchored(chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]) -> bool:
    """Whether a certificate of the chain is one that is trusted."""
    trusted = {anchor.public_bytes(Encoding.DER) for anchor in anchors}
    return any(each.public_bytes(Encoding.DER) in trusted for each in chain)


def is_valid(chain: Sequence[x509.Certificate], moment: datetime) -> bool:
    """Whether all certificates are good at a moment."""
    return all(each.not_valid_before_utc <= moment <= each.not_valid_after_utc for each in chain)


def can_be_revoked(chain: Sequence[x509.Certificate]) -> bool:
    """Whether a certificate says where to ask if it was revoked; the last one is nobody's to revoke."""
    return any(_says_where(each) for each in chain[:-1])


def subject_of(certificate: x509.Certificate) -> dict[str, str]:
    """The parts of a subject by their short names."""
    return {_PARTS[part.oid]: str(part.value) for part in certificate.subject if part.oid in _PARTS}


def load_anchor(data: bytes) -> x509.Certificate:
    """The first certificate in PEM, or one in DER.

    Raises:
        ValueError: there is none.
    """
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_certificate(data)
    return x509.load_der_x509_certificate(data)


def _check_issued(below: x509.Certificate, above: x509.Certificate) -> None:
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise ChainRefused("a certificate of the chain was not issued by the next one") from None


def _check_leaf(certificate: x509.Certificate) -> None:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        if basic.value.ca:
            raise ChainRefused("the signing certificate is that of an authority")
    except x509.ExtensionNotFound:
        pass
    except ValueError:
        raise ChainRefused("the signing certificate can't be read") from None
    _check_usage(certificate)


def _check_usage(certificate: x509.Certificate) -> None:
    """A certificate that signs code signs nothing else."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        if not usage.critical or not usage.value.digital_signature:
            raise ChainRefused("the signing certificate is not for digital signatures")
    except (x509.ExtensionNotFound, ValueError):
        raise ChainRefused("the signing certificate doesn't say what its key is for") from None
    try:
        extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if ExtendedKeyUsageOID.CODE_SIGNING not in extended or any(use in _OTHER_USES for use in extended):
        raise ChainRefused("the signing certificate is not for code, or for something else, too")


def _check_authority(certificate: x509.Certificate, below: int) -> None:
    """`below` is how many authorities there are between it and the signing certificate."""
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        raise ChainRefused("a certificate of the chain doesn't say that it is an authority") from None
    if not basic.ca or not usage.key_cert_sign:
        raise ChainRefused("a certificate of the chain is no authority")
    if basic.path_length is not None and basic.path_length < below:
        raise ChainRefused("the chain is longer than one of its authorities allows")


def _says_where(certificate: x509.Certificate) -> bool:
    try:
        certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints)
    except x509.ExtensionNotFound:
        pass
    except ValueError:
        return True
    else:
        return True
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return False
    except ValueError:
        return True
    return any(each.access_method == AuthorityInformationAccessOID.OCSP for each in access)
