"""A Sigstore of one's own: people who sign images by their identity, and a log that has seen them do it.

An authority gives certificates for a moment, one log publishes them, another one the signatures; each signs
for what it did. None of them is a server: what they would answer is put beside the image in the registry,
in both formats that cosign knows.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.lang import json
from shared.lang.digest import Digest
from shared.oci.manifest import OCI_INDEX, OCI_MANIFEST
from shared.testing.registry import RegistryStore

LOG: Final = "rekor.example"

_ISSUER: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_ISSUER_AT_FIRST: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_TIMESTAMPS: Final = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_SIMPLE_SIGNING: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
_BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_EMPTY: Final = "application/vnd.oci.empty.v1+json"
_STATEMENT: Final = "application/vnd.in-toto+json"
_LIFE: Final = timedelta(minutes=10)


class _Key:
    """A key whose holder is known by the hash of its public half."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.id = hashlib.sha256(self.public).digest()

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody with a certificate that says who they are, and the key for it."""

    certificate: x509.Certificate
    sign: Callable[[bytes], bytes]

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)


class Sigstore:
    """The authority and both logs."""

    def __init__(self) -> None:
        """Makes their keys."""
        self._authority, self._certificates, self._signatures = _Key(), _Key(), _Key()
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Headrace test identities")])
        public = self._authority.private.public_key()
        builder = self._builder(self._name, public, timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(authority=True), critical=True)
        key_id = x509.SubjectKeyIdentifier.from_public_key(public)
        builder = builder.add_extension(key_id, critical=False)
        self._root = builder.sign(self._authority.private, hashes.SHA256())

    def trusted_root(self, **changes: Any) -> bytes:
        """The `trusted_root.json` for it, perhaps with other fields."""
        since = {"start": (self._now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}

        def log(key: _Key, url: str) -> dict[str, Any]:
            details = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": since}
            public = details | {"rawBytes": _base64(key.public)}
            about = {"baseUrl": url, "hashAlgorithm": "SHA2_256", "logId": {"keyId": _base64(key.id)}}
            return about | {"publicKey": public}

        chain = {"certificates": [{"rawBytes": _base64(self._root.public_bytes(Encoding.DER))}]}
        authority = {"uri": "https://fulcio.example", "certChain": chain, "validFor": since}
        root = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self._signatures, f"https://{LOG}")],
            "certificateAuthorities": [authority | {"subject": {"commonName": "Headrace test identities"}}],
            "ctlogs": [log(self._certificates, "https://ct.example")],
        }
        return json.dumps(root | changes)

    def identity(self, subject: str, issuer: str, *, published: bool = True) -> Identity:
        """Somebody known by an address (of mail, or of anything) to an issuer, and perhaps to all."""
        key = _Key()
        is_mail = "@" in subject and "://" not in subject
        name = x509.RFC822Name(subject) if is_mail else x509.UniformResourceIdentifier(subject)
        builder = self._builder(x509.Name([]), key.private.public_key(), _LIFE)
        builder = builder.add_extension(_usage(authority=False), critical=True)
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
        builder = builder.add_extension(purpose, critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=True)
        issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._authority.private.public_key())
        builder = builder.add_extension(issued_by, critical=False)
        for oid, value in ((_ISSUER_AT_FIRST, issuer.encode()), (_ISSUER, _der(0x0C, issuer.encode()))):
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
        if published:
            seen = self._published(builder.sign(self._authority.private, hashes.SHA256()))
            builder = builder.add_extension(x509.UnrecognizedExtension(_TIMESTAMPS, seen), critical=False)
        return Identity(builder.sign(self._authority.private, hashes.SHA256()), key.sign)

    def sign(self, store: RegistryStore, repository: str, image: Digest, who: Identity) -> None:
        """Signs as cosign did first: a tag that ends in `.sig`."""
        payload = json.dumps(
            {
                "critical": {
                    "identity": {"docker-reference": repository},
                    "image": {"docker-manifest-digest": str(image)},
                    "type": "cosign container image signature",
                },
                "optional": None,
            }
        )
        signature = _base64(who.sign(payload))
        body = _hashed_entry(payload, signature, who)
        logged = {
            "SignedEntryTimestamp": _base64(self._promise(body)),
            "Payload": self._entry(body),
        }
        annotations = {
            "dev.cosignproject.cosign/signature": signature,
            "dev.sigstore.cosign/certificate": who.pem.decode(),
            "dev.sigstore.cosign/chain": self._root.public_bytes(Encoding.PEM).decode(),
            "dev.sigstore.cosign/bundle": json.dumps(logged).decode(),
        }
        layer = store.describe(repository, _SIMPLE_SIGNING, payload) | {"annotations": annotations}
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": store.describe(repository, "application/vnd.oci.image.config.v1+json", b"{}"),
            "layers": [layer],
        }
        store.put(repository, f"{_tag(image)}.sig", OCI_MANIFEST, manifest)

    def sign_bundle(self, store: RegistryStore, repository: str, image: Digest, who: Identity) -> None:
        """Signs as cosign does now: a bundle that refers to the image."""
        bundle = json.dumps(self._bundle(image, who))
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": _BUNDLE,
            "config": store.describe(repository, _EMPTY, b"{}"),
            "layers": [store.describe(repository, _BUNDLE, bundle)],
            "subject": {"mediaType": OCI_MANIFEST, "digest": str(image), "size": 0},
        }
        digest = store.put(repository, "", OCI_MANIFEST, manifest)
        described = {"mediaType": OCI_MANIFEST, "digest": str(digest), "size": len(json.dumps(manifest))}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [described]}
        # Where a registry can't be asked what refers to an image, this tag tells.
        store.put(repository, _tag(image), OCI_INDEX, index)

    def _bundle(self, image: Digest, who: Identity) -> dict[str, Any]:
        statement = json.dumps(
            {
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"digest": {"sha256": str(image).partition(":")[2]}}],
                "predicateType": "https://sigstore.dev/cosign/sign/v1",
                "predicate": {},
            }
        )
        kind = _STATEMENT.encode()
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(statement), statement)
        signature = _base64(who.sign(signed))
        envelope = {
            "payload": _base64(statement),
            "payloadType": _STATEMENT,
            "signatures": [{"sig": signature}],
        }
        body = _envelope_entry(envelope, statement, signature, who)
        logged = {
            "logIndex": "0",
            "logId": {"keyId": _base64(self._signatures.id)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(int(self._now.timestamp())),
            "inclusionPromise": {"signedEntryTimestamp": _base64(self._promise(body))},
            "inclusionProof": self._proof(body),
            "canonicalizedBody": _base64(body),
        }
        certificate = {"rawBytes": _base64(who.certificate.public_bytes(Encoding.DER))}
        return {
            "mediaType": _BUNDLE,
            "verificationMaterial": {"certificate": certificate, "tlogEntries": [logged]},
            "dsseEnvelope": envelope,
        }

    def _entry(self, body: bytes) -> dict[str, Any]:
        """What the log of signatures has about one."""
        when = int(self._now.timestamp())
        return {
            "body": _base64(body),
            "integratedTime": when,
            "logID": self._signatures.id.hex(),
            "logIndex": 0,
        }

    def _promise(self, body: bytes) -> bytes:
        return self._signatures.sign(json.dumps(self._entry(body), sort_keys=True))

    def _proof(self, body: bytes) -> dict[str, Any]:
        """That a log which has nothing else has this."""
        root = _base64(hashlib.sha256(b"\0" + body).digest())
        text = f"{LOG} - 1\n1\n{root}\n"
        signature = _base64(self._signatures.id[:4] + self._signatures.sign(text.encode()))
        return {
            "logIndex": "0",
            "rootHash": root,
            "treeSize": "1",
            "hashes": [],
            "checkpoint": {"envelope": f"{text}\n\u2014 {LOG} {signature}\n"},
        }

    def _published(self, certificate: x509.Certificate) -> bytes:
        """The extension that says when the log of certificates has seen one."""
        when = struct.pack(">Q", int(self._now.timestamp() * 1000))
        content = certificate.tbs_certificate_bytes
        entry = hashlib.sha256(self._authority.public).digest() + len(content).to_bytes(3, "big") + content
        signature = self._certificates.sign(b"\0\0" + when + b"\0\1" + entry + b"\0\0")
        stamp = b"\0" + self._certificates.id + when + b"\0\0" + b"\4\3" + _sized(signature)
        return _der(0x04, _sized(_sized(stamp)))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(minutes=5))
            .not_valid_after(self._now + life)
        )


def _hashed_entry(payload: bytes, signature: str, who: Identity) -> bytes:
    data = {"hash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}}
    signed = {"content": signature, "publicKey": {"content": _base64(who.pem)}}
    return _logged("hashedrekord", {"data": data, "signature": signed})


def _envelope_entry(envelope: dict[str, Any], payload: bytes, signature: str, who: Identity) -> bytes:
    def hashed(data: bytes) -> dict[str, str]:
        return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}

    hashes_ = {"envelopeHash": hashed(json.dumps(envelope)), "payloadHash": hashed(payload)}
    return _logged("dsse", hashes_ | {"signatures": [{"signature": signature, "verifier": _base64(who.pem)}]})


def _logged(kind: str, spec: dict[str, Any]) -> bytes:
    return json.dumps({"apiVersion": "0.0.1", "kind": kind, "spec": spec}, sort_keys=True)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _tag(image: Digest) -> str:
    return str(image).replace(":", "-")


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _der(tag: int, data: bytes) -> bytes:
    """A primitive value in DER."""
    size = len(data)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    if 128 <= size < 256:
        length = b"\x81" + bytes([size])
    return bytes([tag]) + length + data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
