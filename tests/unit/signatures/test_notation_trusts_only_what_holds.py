"""Envelopes, chains and policies of notation, sound and tampered with."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cbor2
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.testing.notation import Signer, policy
from source_controller.signatures.notation import _failures
from source_controller.signatures.notation.envelope import COSE, JWS, open_envelope
from source_controller.signatures.notation.opened import EnvelopeRefused
from source_controller.signatures.notation.policy import Policy, PolicyRefused
from source_controller.signatures.notation.trust import load_anchor

TARGET = {"mediaType": "a/b", "digest": "sha256:" + "0" * 64, "size": 7}
SIGNER = Signer()
MADE_ELSEWHERE = Path(__file__).parents[2] / "data" / "signatures" / "notation"
SCHEME = "io.cncf.notary.signingScheme"


def wire(envelope):
    return json.dumps(envelope).encode()


def soon(**delta):
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


@pytest.mark.parametrize("algorithm", ["ES256", "PS256"])
def test_a_sound_envelope_says_what_was_signed(algorithm):
    signer = Signer(algorithm=algorithm)
    signed = open_envelope(wire(signer.envelope(TARGET)))
    assert signed.target == TARGET
    assert signed.chain == (signer.certificate, signer.authority)


@pytest.mark.parametrize("algorithm", ["ES256", "PS256"])
def test_a_sound_envelope_in_cose_says_what_was_signed(algorithm):
    signer = Signer(algorithm=algorithm)
    signed = open_envelope(signer.cose(TARGET), COSE)
    assert signed.target == TARGET
    assert signed.chain == (signer.certificate, signer.authority)
    assert abs(signed.signed_at - datetime.now(UTC)) < timedelta(minutes=1)


@settings(max_examples=60)
@given(data=st.data())
def test_any_flipped_bit_of_cose_is_noticed(data):
    envelope = cbor2.loads(SIGNER.cose(TARGET))
    part = data.draw(st.sampled_from([0, 2, 3]))
    raw = bytearray(envelope.value[part])
    at = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[at // 8] ^= 1 << (at % 8)
    parts = list(envelope.value)
    parts[part] = bytes(raw)
    with pytest.raises(EnvelopeRefused):
        open_envelope(cbor2.dumps(cbor2.CBORTag(18, parts)), COSE)


@given(st.binary(max_size=300))
def test_nothing_else_comes_of_any_input_for_cose(data):
    for text in (data, b"\xd2\x84" + data, cbor2.dumps(cbor2.CBORTag(18, [data, {}, data, data]))):
        with pytest.raises(EnvelopeRefused):
            open_envelope(text, COSE)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({1: -35}, "doesn't fit the key"),
        ({1: None}, "doesn't fit the key"),
        ({3: "text/plain"}, "payload is not of the type"),
        ({2: None}, "no list of critical"),
        ({2: [SCHEME, 7]}, "no list of critical"),
        ({2: [SCHEME, "x"], "x": 1}, "'x' is not known"),
        ({"io.cncf.notary.expiry": 7}, "has to be critical"),
        ({2: [SCHEME, "io.cncf.notary.expiry"], "io.cncf.notary.expiry": 7}, "is no time"),
    ],
)
def test_headers_of_cose_have_to_make_sense(header, why):
    with pytest.raises(EnvelopeRefused, match=why):
        open_envelope(SIGNER.cose(TARGET, header=header), COSE)


@pytest.mark.parametrize(("file", "media_type"), [("envelope.jws", JWS), ("envelope.cose", COSE)])
def test_envelopes_that_others_have_made_are_read(file, media_type):
    """Made with the Go library of the Notary Project (notation-core-go 1.3.0) and an RSA key of 3072 bits."""
    signed = open_envelope((MADE_ELSEWHERE / file).read_bytes(), media_type)
    assert signed.target == {"mediaType": "a/b", "digest": "sha256:00", "size": 7}
    assert signed.expires_at - signed.signed_at == timedelta(days=1)
    found = Policy.parse(policy()).applicable("any")
    anchor = load_anchor((MADE_ELSEWHERE / "root.pem").read_bytes())
    checks = {check for check, _ in _failures(signed, found, [anchor])}
    assert checks <= {"expiry", "authenticTimestamp"}  # they get old


@pytest.mark.parametrize("part", ["payload", "protected", "signature"])
@settings(max_examples=40)
@given(data=st.data())
def test_any_flipped_bit_is_noticed(part, data):
    envelope = SIGNER.envelope(TARGET)
    text = envelope[part]
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    at = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[at // 8] ^= 1 << (at % 8)
    changed = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    with pytest.raises(EnvelopeRefused):
        open_envelope(wire(envelope | {part: changed}))


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.dictionaries(st.sampled_from(["payload", "protected", "signature", "header", "x5c"]), inner)
            | st.lists(inner, max_size=3)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_nothing_else_comes_of_any_input(text):
    with pytest.raises(EnvelopeRefused):
        open_envelope(text)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"alg": "ES384"}, "doesn't fit the key"),
        ({"alg": "none"}, "doesn't fit the key"),
        ({"alg": "HS256"}, "doesn't fit the key"),
        ({"cty": "text/plain"}, "payload is not of the type"),
        ({SCHEME: "other"}, "signing scheme is not known"),
        ({"crit": None}, "no list of critical"),
        ({"crit": []}, "has to be critical"),
        ({"crit": [SCHEME, "x"], "x": "y"}, "'x' is not known"),
        ({"crit": [SCHEME, "io.cncf.notary.expiry"]}, "is missing"),
        ({"io.cncf.notary.expiry": soon(days=1)}, "expiry has to be critical"),
        ({"io.cncf.notary.signingTime": "today"}, "is no time"),
        ({"io.cncf.notary.verificationPlugin": "x"}, "plugins are not supported"),
        ({SCHEME: "notary.x509.signingAuthority"}, "authenticSigningTime has to be critical"),
    ],
)
def test_headers_have_to_make_sense(header, why):
    with pytest.raises(EnvelopeRefused, match=why):
        open_envelope(wire(SIGNER.envelope(TARGET, header=header)))


@pytest.mark.parametrize("chain", [[], ["x"], "x", ["AAAA"] * 11, None])
def test_certificates_have_to_be_there(chain):
    with pytest.raises(EnvelopeRefused):
        open_envelope(wire(SIGNER.envelope(TARGET) | {"header": {"x5c": chain}}))


def failing(signer, anchors=None, header=None, **statement):
    signed = open_envelope(wire(signer.envelope(TARGET, header=header)))
    found = Policy.parse(policy(**statement)).applicable("any")
    trusted = [load_anchor(data) for data in anchors or [signer.anchor]]
    return {str(check): why for check, why in _failures(signed, found, trusted)}


def test_a_trusted_signer_fails_nothing():
    assert failing(SIGNER) == {}
    assert failing(SIGNER, trustedIdentities=["x509.subject: C=DE, ST=BE, O=Example, CN=signer"]) == {}
    assert failing(SIGNER, trustedIdentities=["x509.subject: C=DE, S=BE, O=Example"]) == {}


@pytest.mark.parametrize(
    ("signer", "how", "check"),
    [
        (SIGNER, {"anchors": [Signer().anchor]}, "authenticity"),
        (SIGNER, {"trustStores": ["signingAuthority:a"]}, "authenticity"),
        (SIGNER, {"trustedIdentities": ["x509.subject: C=DE, ST=BE, O=Other"]}, "authenticity"),
        (Signer(uses=[ExtendedKeyUsageOID.SERVER_AUTH]), {}, "authenticity"),
        (
            Signer(uses=[ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH]),
            {},
            "authenticity",
        ),
        (Signer(ends=-timedelta(hours=1)), {}, "authenticTimestamp"),
        (Signer(revocable=True), {}, "revocation"),
        (
            SIGNER,
            {"header": {"crit": [SCHEME, "io.cncf.notary.expiry"], "io.cncf.notary.expiry": soon(days=-1)}},
            "expiry",
        ),
    ],
)
def test_what_does_not_hold_fails_its_check(signer, how, check):
    assert set(failing(signer, **how)) == {check}


def test_a_chain_of_strangers_fails():
    stranger = Signer()
    mixed = SIGNER.envelope(TARGET)
    other = stranger.envelope(TARGET)
    mixed["header"]["x5c"][1] = other["header"]["x5c"][1]
    signed = open_envelope(wire(mixed))
    found = Policy.parse(policy()).applicable("any")
    ((check, why),) = _failures(signed, found, [load_anchor(stranger.anchor)])
    assert (check, why) == ("authenticity", "a certificate of the chain was not issued by the next one")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "JSON object"),
        (b'{"version": "2.0"}', "unsupported version"),
        (b'{"version": "1.0", "trustPolicies": []}', "zero trust policy statements"),
        (policy(name=""), "missing a name"),
        (policy(registryScopes=[]), "needs registryScopes"),
        (policy(registryScopes=["*", "a/b"]), "needs registryScopes"),
        (policy("harsh"), "invalid verification level"),
        (policy(trustStores=[]), "missing trust stores"),
        (policy(trustStores=["a:b"]), "a trust store that is not"),
        (policy(trustedIdentities=["*", "x509.subject: C=a"]), "wildcard"),
        (policy(trustedIdentities=["did:web:a"]), "without the prefix"),
        (policy(trustedIdentities=["x509.subject: C=a, O=b"]), "lacks one of"),
        (
            policy(signatureVerification={"level": "strict", "override": {"integrity": "log"}}),
            "can not be overridden",
        ),
        (
            policy(signatureVerification={"level": "strict", "override": {"expiry": "skip"}}),
            "expiry can not be skipped",
        ),
        (
            policy(signatureVerification={"level": "strict", "override": {"x": "log"}}),
            "an override that is none",
        ),
    ],
)
def test_documents_that_are_no_policies(document, why):
    with pytest.raises(PolicyRefused, match=why):
        Policy.parse(document)


def test_a_statement_about_a_repository_comes_before_the_one_about_all():
    one = json.loads(policy("audit"))["trustPolicies"][0] | {"name": "one", "registryScopes": ["h/a"]}
    rest = json.loads(policy("strict"))["trustPolicies"][0]
    document = Policy.parse(json.dumps({"version": "1.0", "trustPolicies": [rest, one]}).encode())
    assert document.applicable("h/a").name == "one"
    assert document.applicable("h/b").name == "all"
    only = Policy.parse(json.dumps({"version": "1.0", "trustPolicies": [one]}).encode())
    assert only.applicable("h/b") is None
