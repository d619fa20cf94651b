"""Images that notation signed, and policies that say what a signature has to be."""

import pytest

from shared.oci.manifest import OCI_MANIFEST
from shared.testing.notation import Signer, attach, policy


@pytest.fixture(scope="module")
def signer():
    return Signer()


class Signed:
    """An image, its signer, and an object that demands a signature."""

    def __init__(self, images, signer):
        self.images = images
        self.signer = signer
        self.digest = images.push(files={"a": "1"})
        url = f"/v2/{images.name}/manifests/{self.digest}"
        self.size = len(images.store._send("GET", url, headers={"Accept": OCI_MANIFEST}))

    def sign(self, signer=None, **how):
        (signer or self.signer).sign(self.images.store, self.images.name, self.digest, self.size, **how)

    async def demand(self, level="strict", **statement):
        secret = {"trustpolicy.json": policy(level, **statement), "root.crt": self.signer.anchor}
        await self.images.secret("trust", **secret)
        await self.images.create(verify={"provider": "notation", "secretRef": {"name": "trust"}})

    async def refused(self, text):
        obj = await self.images.fails("VerificationError", text)
        assert self.images.condition(obj, "SourceVerified")["status"] == "False"
        assert "artifact" not in obj["status"]


@pytest.fixture
def image(images, signer):
    return Signed(images, signer)


@pytest.mark.case("source-o23")
async def test_under_skip_nothing_is_looked_at(image, images):
    await image.demand("skip")
    obj = await images.ready()
    assert images.condition(obj, "SourceVerified")["status"] == ""


@pytest.mark.parametrize("cose", [False, True])
async def test_a_trusted_signature_is_told(image, images, cose):
    image.sign(cose=cose)
    await image.demand()
    obj = await images.ready()
    verified = images.condition(obj, "SourceVerified")
    assert (verified["status"], verified["reason"]) == ("True", "Succeeded")
    assert verified["message"] == f"verified signature of revision latest@{image.digest}"


async def test_without_a_signature_nothing_is_pulled(image, images):
    await image.demand()
    await image.refused("no matching signatures were found for '")
    image.sign()
    await images.ready()


async def test_a_stranger_is_refused(image):
    image.sign(Signer())
    await image.demand()
    await image.refused("authenticity: signature is not produced by a trusted signer")


async def test_under_audit_a_stranger_is_ignored(image, images):
    image.sign(Signer())
    await image.demand("audit")
    obj = await images.ready()
    assert images.condition(obj, "SourceVerified")["status"] == ""
    assert "verification check for type 'authenticity' failed for '" in images.process.log.read_text()


async def test_a_signature_of_something_else_is_refused(image):
    image.size += 1
    image.sign()
    await image.demand("audit")
    await image.refused("integrity: what was signed is not this image")


async def test_another_kind_of_envelope_is_told(image, images):
    attach(images.store, images.name, image.digest, b"x", "text/plain")
    await image.demand()
    await image.refused("an envelope of the type 'text/plain' is not known")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"root.crt": "x"}, "'trustpolicy.json' not found in secret '"),
        ({"trustpolicy.json": "{"}, "error occurred while parsing trustpolicy.json: "),
        ({"trustpolicy.json": policy()}, "no certificates found in secret '"),
        ({"trustpolicy.json": policy(), "a.pem": "x"}, "the key 'a.pem' of secret '"),
        ({"trustpolicy.json": policy(registryScopes=["h/a"]), "a.crt": None}, "no applicable trust policy"),
    ],
)
async def test_a_secret_that_cant_be_used_is_told(image, images, data, text):
    found = {key: image.signer.anchor if value is None else value for key, value in data.items()}
    await images.secret("trust", **found)
    await images.create(verify={"provider": "notation", "secretRef": {"name": "trust"}})
    await image.refused(text)


async def test_without_a_secret_nothing_can_be_verified(image, images):
    await images.create(verify={"provider": "notation"})
    await image.refused("verification secret cannot be empty: '")
