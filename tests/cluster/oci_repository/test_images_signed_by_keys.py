"""An image is pulled only if one of the keys of a Secret signed it."""

import json

import pytest

from shared.lang.digest import Digest
from shared.testing.cosign import CosignKey
from shared.testing.proxy import ForwardProxy
from shared.testing.registry import Gate, packed
from shared.testing.tls import Authority

VERIFY = {"provider": "cosign", "secretRef": {"name": "keys"}}


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return CosignKey(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return CosignKey(tmp_path_factory.mktemp("other"))


@pytest.mark.case("source-o18")
@pytest.mark.parametrize("bundle", [True, False], ids=["bundle", "tag"])
async def test_any_key_of_the_secret_is_enough_and_no_log_is_asked(images, ours, other, bundle):
    digest = images.push(files={"a": "1"})
    ours.sign(images.store, images.name, digest, bundle=bundle)
    keys = {"a.pub": other.public, "b.pub": ours.public, "c.pub": b"no key at all", "d.txt": b"x"}
    await images.secret("keys", **keys)
    async with ForwardProxy() as proxy:
        await images.secret("proxy", address=proxy.url)
        await images.create(verify=VERIFY, proxySecretRef={"name": "proxy"})
        ready = await images.ready()
        # The registry is the only host that anybody spoke with.
        assert set(proxy.targets) == {images.gate.host}
    verified = images.condition(ready, "SourceVerified")
    assert (verified["status"], verified["reason"]) == ("True", "Succeeded")
    assert verified["message"] == f"verified signature of revision latest@{digest}"
    assert await images.files(ready) == {"a": b"1"}


@pytest.mark.case("source-o19")
async def test_an_unsigned_revision_is_not_pulled_and_the_old_one_stays(images, ours):
    ours.sign(images.store, images.name, images.push(files={"a": "1"}))
    await images.secret("keys", **{"a.pub": ours.public})
    await images.create(verify=VERIFY)
    before = await images.ready()
    pulled = images.gate.seen("GET", "/blobs/")
    digest = images.push(files={"a": "2"})
    asked = images.looks_for_signatures()
    await images.reconcile()
    reference = f"{images.gate.host}/{images.name}@{digest}"
    text = (
        "failed to verify the signature using provider 'cosign': "
        f"no matching signatures were found for '{reference}'"
    )
    failed = await images.fails("VerificationError", text)
    verified = images.condition(failed, "SourceVerified")
    assert (verified["status"], verified["reason"]) == ("False", "VerificationError")
    assert verified["message"] == images.condition(failed, "Ready")["message"]
    assert failed["status"]["artifact"] == before["status"]["artifact"]
    assert images.condition(failed, "ArtifactOutdated")["status"] == "True"
    assert images.gate.seen("GET", "/blobs/") == pulled
    assert await images.files(failed) == {"a": b"1"}
    (event,) = await images.events("VerificationError")
    assert event["type"] == "Warning"
    assert event["message"] == verified["message"]
    # Nobody asks for it, and still it is tried again until the signature is there.
    ours.sign(images.store, images.name, digest)
    ready = await images.ready()
    assert images.looks_for_signatures() > asked
    assert await images.files(ready) == {"a": b"2"}
    assert images.condition(ready, "SourceVerified")["status"] == "True"


async def test_a_first_revision_by_a_stranger_is_never_served(images, ours, other):
    digest = images.push(files={"a": "1"})
    for bundle in (True, False):
        other.sign(images.store, images.name, digest, bundle=bundle)
    await images.secret("keys", **{"a.pub": ours.public})
    await images.create(verify=VERIFY)
    failed = await images.fails("VerificationError", "key 'a.pub': ")
    assert "artifact" not in failed["status"]
    assert images.gate.seen("GET", f"/blobs/{Digest.of(packed({'a': '1'}))}") == 0


async def test_a_signature_of_another_image_does_not_count(images, ours):
    signed, digest = images.push("signed", {"a": "1"}), images.push("other", {"a": "2"})
    ours.sign(images.store, images.name, signed, bundle=False)
    signature = await copied(
        images, f"{signed}.sig".replace(":", "-", 1), f"{digest}.sig".replace(":", "-", 1)
    )
    assert signature == 200
    await images.secret("keys", **{"a.pub": ours.public})
    await images.create(ref={"tag": "other"}, verify=VERIFY)
    await images.fails("VerificationError", "invalid or missing digest in claim")


async def test_a_secret_without_keys_is_said_to_be_so(images):
    images.push(files={"a": "1"})
    await images.create(verify=VERIFY)
    await images.fails("VerificationError", f"failed to get secret '{images.namespace}/keys'")
    await images.secret("keys", **{"a.crt": "x"})
    await images.fails("VerificationError", f"no public keys found in secret '{images.namespace}/keys'")


@pytest.mark.case("source-o21")
async def test_without_verify_the_condition_goes_and_nothing_is_pulled(images, ours):
    ours.sign(images.store, images.name, images.push(files={"a": "1"}))
    await images.secret("keys", **{"a.pub": ours.public})
    await images.create(verify=VERIFY)
    before = await images.ready()
    pulled, asked = images.gate.seen("GET", "/blobs/"), images.looks_for_signatures()
    await images.change(verify=None)
    after = await images.ready()
    assert images.condition(before, "SourceVerified")["status"] == "True"
    assert images.condition(after, "SourceVerified")["status"] == ""
    assert after["status"]["artifact"] == before["status"]["artifact"]
    assert (images.gate.seen("GET", "/blobs/"), images.looks_for_signatures()) == (pulled, asked)


@pytest.mark.case("source-o22")
async def test_what_is_verified_is_only_verified_again_for_another_spec(images, ours):
    ours.sign(images.store, images.name, images.push(files={"a": "1"}))
    await images.secret("keys", **{"a.pub": ours.public})
    await images.create(verify=VERIFY, interval="1s")
    await images.ready()
    asked = images.looks_for_signatures()
    assert asked > 0
    await images.events("ArtifactUpToDate", at_least=2)
    await images.reconcile()
    assert images.looks_for_signatures() == asked
    await images.change(timeout="61s")
    again = await images.ready()
    assert images.looks_for_signatures() > asked
    assert images.condition(again, "SourceVerified")["observedGeneration"] == 2


async def test_what_is_served_already_has_to_be_signed_when_that_is_demanded_later(images, ours, other):
    ours.sign(images.store, images.name, images.push(files={"a": "1"}))
    await images.secret("keys", **{"a.pub": other.public})
    await images.create()
    before = await images.ready()
    await images.change(verify=VERIFY)
    failed = await images.fails("VerificationError")
    assert failed["status"]["artifact"] == before["status"]["artifact"]
    await images.secret("right", **{"a.pub": ours.public})
    await images.change(verify={"secretRef": {"name": "right"}})
    await images.ready()


async def test_signatures_are_read_with_the_login_and_the_certificates_of_the_object(images, ours):
    ours.sign(images.store, images.name, images.push(files={"a": "1"}))
    await images.secret("keys", **{"a.pub": ours.public})
    authority = Authority()
    client = authority.client("ada")
    context = authority.server_context(clients=True)
    await images.secret("tls", ca_crt=authority.pem, tls_crt=client.certificate, tls_key=client.key)
    async with Gate(images.store, tls=context, bearer=("ada", "h1dden-pass")) as gate:
        await images.pull_secret("login", gate.docker_config("ada", "h1dden-pass"))
        how = {"certSecretRef": {"name": "tls"}, "secretRef": {"name": "login"}}
        await images.create(url=gate.url(images.name), verify=VERIFY, **how)
        await images.ready()
    assert "h1dden" not in images.process.log.read_text()


async def test_insecure_goes_for_signatures_too(images, ours):
    ours.sign(images.store, images.name, images.push(files={"a": "1"}))
    await images.secret("keys", **{"a.pub": ours.public})
    async with Gate(images.store, tls=Authority().server_context(), basic=("ada", "pw")) as gate:
        await images.pull_secret("login", gate.docker_config("ada", "pw"))
        login = {"secretRef": {"name": "login"}}
        await images.create(url=gate.url(images.name), verify=VERIFY, insecure=True, **login)
        await images.ready()


async def copied(images, name, to):
    """Gives a manifest of the registry another tag."""
    media_type = "application/vnd.oci.image.manifest.v1+json"
    url = f"http://{images.store.host}/v2/{images.name}/manifests"
    status, _, body = await images.fetch(f"{url}/{name}", headers={"Accept": media_type})
    images.store.put(images.name, to, media_type, json.loads(body))
    return status
