"""Signatures as notation makes them: authorities, signers, and signed images in a registry."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.lang.digest import Digest
from shared.lang.json import dumps
from shared.oci.manifest import OCI_INDEX, OCI_MANIFEST
from shared.testing.registry import RegistryStore

SIGNATURE: Final = "application/vnd.cncf.notary.signature"
PAYLOAD: Final = "application/vnd.cncf.notary.payload.v1+json"
JWS: Final = "application/jose+json"
COSE: Final = "application/cose"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def name(common: str) -> x509.Name:
    """A subject in an organization of ours."""
    parts = {
        NameOID.COUNTRY_NAME: "DE",
        NameOID.STATE_OR_PROVINCE_NAME: "BE",
        NameOID.ORGANIZATION_NAME: "Example",
        NameOID.COMMON_NAME: common,
    }
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])


class Signer:
    """A certificate for code, and the authority that gave it."""

    def __init__(
        self,
        *,
        algorithm: str = "ES256",
        uses: Iterable[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CODE_SIGNING,),
        ends: timedelta = timedelta(days=1),
        revocable: bool = False,
    ) -> None:
        """`algorithm` is ES256 or PS256; `revocable` lets the certificate name a list of revoked ones."""
        self.algorithm = algorithm
        self.authority_key = ec.generate_private_key(ec.SECP256R1())
        self.key: Key = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        self.authority = (
            self._builder(name("root"), name("root"), self.authority_key.public_key(), timedelta(days=9))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self.authority_key, SHA256())
        )
        builder = (
            self._builder(name("signer"), name("root"), self.key.public_key(), ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(list(uses)), critical=False)
        )
        if revocable:
            place = x509.UniformResourceIdentifier("http://crl.example.com/list")
            point = x509.DistributionPoint([place], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        self.certificate = builder.sign(self.authority_key, SHA256())

    @property
    def anchor(self) -> bytes:
        """The authority's certificate, in PEM."""
        return self.authority.public_bytes(Encoding.PEM)

    def envelope(
        self,
        target: Mapping[str, Any],
        *,
        header: Mapping[str, Any] | None = None,
        payload: bytes | None = None,
    ) -> dict[str, Any]:
        """A signature of a descriptor; keys of the protected header may be others, or gone (None)."""
        protected: dict[str, Any] = {
            "alg": self.algorithm,
            "cty": PAYLOAD,
            "crit": ["io.cncf.notary.signingScheme"],
            "io.cncf.notary.signingScheme": "notary.x509",
            "io.cncf.notary.signingTime": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        protected |= header or {}
        said = _base64(dumps({key: value for key, value in protected.items() if value is not None}))
        content = _base64(payload if payload is not None else dumps({"targetArtifact": dict(target)}))
        chain = (self.certificate, self.authority)
        return {
            "payload": content,
            "protected": said,
            "header": {"x5c": [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in chain]},
            "signature": _base64(self._sign(f"{said}.{content}".encode())),
        }

    def cose(
        self,
        target: Mapping[str, Any],
        *,
        header: Mapping[Any, Any] | None = None,
        payload: bytes | None = None,
    ) -> bytes:
        """A signature of a descriptor in COSE; keys of the protected header may be others, or gone (None)."""
        protected: dict[Any, Any] = {
            1: {"ES256": -7, "PS256": -37}[self.algorithm],
            2: ["io.cncf.notary.signingScheme"],
            3: PAYLOAD,
            "io.cncf.notary.signingScheme": "notary.x509",
            "io.cncf.notary.signingTime": cbor2.CBORTag(1, int(datetime.now(UTC).timestamp())),
        }
        protected |= header or {}
        said = cbor2.dumps({key: value for key, value in protected.items() if value is not None})
        content = payload if payload is not None else dumps({"targetArtifact": dict(target)})
        signed = cbor2.dumps(["Signature1", said, b"", content])
        chain = [each.public_bytes(Encoding.DER) for each in (self.certificate, self.authority)]
        return cbor2.dumps(cbor2.CBORTag(18, [said, {33: chain}, content, self._sign(signed)]))

    def sign(
        self,
        store: RegistryStore,
        repository: str,
        digest: Digest,
        size: int,
        *,
        cose: bool = False,
        **how: Any,
    ) -> None:
        """Puts a signature of an image beside it, and a tag that leads to it."""
        target = {"mediaType": OCI_MANIFEST, "digest": str(digest), "size": size}
        if cose:
            attach(store, repository, digest, self.cose(target, **how), COSE)
        else:
            attach(store, repository, digest, dumps(self.envelope(target, **how)))

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    @staticmethod
    def _builder(subject: x509.Name, issuer: x509.Name, key: Any, ends: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + ends)
        )


def attach(
    store: RegistryStore, repository: str, digest: Digest, envelope: bytes, media_type: str = JWS
) -> None:
    """Puts an envelope beside an image, and a tag that leads to it."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": SIGNATURE,
        "config": store.describe(repository, SIGNATURE, b"{}"),
        "layers": [store.describe(repository, media_type, envelope)],
    }
    signature = store.put(repository, "", OCI_MANIFEST, manifest)
    described = {
        "mediaType": OCI_MANIFEST,
        "digest": str(signature),
        "size": len(dumps(manifest)),
        "artifactType": SIGNATURE,
    }
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [described]}
    store.put(repository, str(digest).replace(":", "-"), OCI_INDEX, index)


def policy(level: str = "strict", **statement: Any) -> bytes:
    """A trust policy with one statement about all repositories."""
    more = {} if level == "skip" else {"trustStores": ["ca:example"], "trustedIdentities": ["*"]}
    one = {"name": "all", "registryScopes": ["*"], "signatureVerification": {"level": level}} | more
    return dumps({"version": "1.0", "trustPolicies": [one | statement]})


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign")
    unused = dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=not signs_certificates, key_cert_sign=signs_certificates, **unused)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
