"""An image is pulled only if somebody signed it whom an issuer knows, and whom the spec names."""

import pytest

from shared.lang import json
from shared.testing.sigstore import Sigstore

ADA, ISSUER = "ada@example.org", "https://login.example.org"
ROOT = {"trustedRootSecretRef": {"name": "root"}}


@pytest.fixture(scope="module")
def sigstore():
    return Sigstore()


@pytest.fixture(params=["bundle", "tag"])
def sign(request, images, sigstore):
    """Signs images in one of the two formats."""

    def signed(digest, who):
        how = sigstore.sign_bundle if request.param == "bundle" else sigstore.sign
        how(images.store, images.name, digest, who)

    return signed


def identity(subject, issuer):
    return {"subject": subject, "issuer": issuer}


async def trust(images, root):
    await images.secret("root", **{"trusted_root.json": root})


@pytest.mark.case("source-o20")
async def test_one_identity_has_to_match_in_both_parts(images, sigstore, sign):
    digest = images.push(files={"a": "1"})
    sign(digest, sigstore.identity(ADA, ISSUER))
    await trust(images, sigstore.trusted_root())
    halves = [identity(f"^{ADA}$", "^https://other"), identity("^grace@", f"^{ISSUER}$")]
    await images.create("half", verify={**ROOT, "matchOIDCIdentity": halves})
    text = "failed to verify the signature using provider 'cosign keyless': no matching signatures"
    failed = await images.fails("VerificationError", text, "half")
    assert "artifact" not in failed["status"]
    whole = [*halves, identity("^ada@", "login")]
    await images.create("whole", verify={**ROOT, "matchOIDCIdentity": whole})
    ready = await images.ready("whole")
    verified = images.condition(ready, "SourceVerified")
    assert verified["message"] == f"verified signature of revision latest@{digest}"
    await images.create("open", verify={**ROOT, "matchOIDCIdentity": [identity("^ada@", "")]})
    await images.ready("open")


async def test_neither_log_may_be_missing(images, sigstore, sign):
    await trust(images, sigstore.trusted_root())
    verify = {**ROOT, "matchOIDCIdentity": [identity(ADA, ISSUER)]}
    sign(images.push("secret", {"a": "1"}), sigstore.identity(ADA, ISSUER, published=False))
    await images.create("secret", ref={"tag": "secret"}, verify=verify)
    await images.fails("VerificationError", name="secret")
    others = json.loads(Sigstore().trusted_root())
    await images.secret("forged", **{"trusted_root.json": sigstore.trusted_root(tlogs=others["tlogs"])})
    sign(images.push("forged", {"a": "2"}), sigstore.identity(ADA, ISSUER))
    other = {**verify, "trustedRootSecretRef": {"name": "forged"}}
    await images.create("forged", ref={"tag": "forged"}, verify=other)
    await images.fails("VerificationError", name="forged")
    await images.create("sound", ref={"tag": "forged"}, verify=verify)
    await images.ready("sound")


async def test_somebody_of_another_sigstore_is_a_stranger(images, sigstore, sign):
    sign(images.push(files={"a": "1"}), sigstore.identity(ADA, ISSUER))
    await trust(images, Sigstore().trusted_root())
    await images.create(verify={**ROOT, "matchOIDCIdentity": [identity(ADA, ISSUER)]})
    await images.fails("VerificationError", "no matching signatures were found for")


async def test_without_identities_anybody_may_sign_by_a_tag_and_nobody_by_a_bundle(images, sigstore):
    who = sigstore.identity(ADA, ISSUER)
    await trust(images, sigstore.trusted_root())
    sigstore.sign(images.store, images.name, images.push("tag", {"a": "1"}), who)
    await images.create("tag", ref={"tag": "tag"}, verify=ROOT)
    await images.ready("tag")
    log = images.process.log.read_text()
    assert "anybody may have signed this, because spec.verify.matchOIDCIdentity names nobody" in log
    sigstore.sign_bundle(images.store, images.name, images.push("bundle", {"a": "2"}), who)
    await images.create("bundle", ref={"tag": "bundle"}, verify=ROOT)
    await images.fails("VerificationError", "matchOIDCIdentity names nobody", "bundle")


@pytest.mark.case("source-o25")
async def test_a_root_that_is_not_in_its_secret_is_missed_by_name(images):
    images.push(files={"a": "1"})
    await images.secret("root", **{"root.json": "{}"})
    await images.create(verify=ROOT)
    secret = f"secret '{images.namespace}/root'"
    text = f"failed to read trusted root from {secret}: 'trusted_root.json' not found in {secret}"
    await images.fails("VerificationError", text)


UNREADABLE = "unable to parse trusted root: "
NO_ADDRESS = "unable to extract Rekor URL from trusted root: no transparency log "


@pytest.mark.parametrize(
    ("root", "why"),
    [
        (b"{", UNREADABLE),
        (b"[]", UNREADABLE),
        (b'{"tlogs": [{"baseUrl": "https://rekor.example"}]}', UNREADABLE),
        (b"{}", NO_ADDRESS + "entries found in trusted root"),
        (b'{"tlogs": 1}', NO_ADDRESS + "entries found in trusted root"),
        (b'{"tlogs": [{"baseUrl": ""}]}', NO_ADDRESS + "entry with a BaseURL found in trusted root"),
    ],
)
async def test_a_root_that_is_none_is_told_from_a_missing_signature(images, root, why):
    images.push(files={"a": "1"})
    await trust(images, root)
    await images.create(verify={**ROOT, "matchOIDCIdentity": [identity(ADA, ISSUER)]})
    await images.fails("VerificationError", f"'cosign keyless': {why}")
