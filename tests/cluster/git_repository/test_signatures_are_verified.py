"""What a GitRepository verifies before it serves anything: commits, tags, or both, and with which keys."""

import pytest

from shared.testing.signing import PgpKey, SshKey, sign_head, sign_tag
from shared.testing.source import SECRETS

KEYS = {"secretRef": {"name": "keys"}}


def verify(mode="HEAD"):
    return {"mode": mode, **KEYS}


def verified(obj):
    found = [each for each in obj["status"]["conditions"] if each["type"] == "SourceVerified"]
    return found[0] if found else None


async def put_keys(source, **entries):
    """Exchanges the keys in the Secret."""
    await source.client.delete(SECRETS, source.namespace, "keys")
    await source.secret("keys", **{name.replace("_", "."): text for name, text in entries.items()})


@pytest.mark.case("source-g35")
@pytest.mark.parametrize("mode", ["HEAD", "head"])
async def test_a_commit_by_a_trusted_openpgp_key_is_served(source, mode):
    key = PgpKey()
    source.upstream.commit({"a": "1"})
    commit = sign_head(source.upstream, key)
    await source.secret("keys", **{"ada.asc": key.public})
    await source.repository(verify=verify(mode))
    obj = await source.ready()
    assert verified(obj)["status"] == "True"
    assert verified(obj)["reason"] == "Succeeded"
    assert verified(obj)["message"] == f"verified signature of\n\t- commit '{commit}' with key '{key.id}'"
    assert obj["status"]["sourceVerificationMode"] == "HEAD"
    assert len(key.id) == 16
    again = await source.reconcile()
    assert again["status"]["conditions"] == obj["status"]["conditions"]
    await source.change(verify=None)
    await source.until(lambda now: "sourceVerificationMode" not in now["status"] and verified(now) is None)


@pytest.mark.case("source-g36")
async def test_an_ssh_signature_without_ssh_keys_keeps_the_former_artifact(source, tmp_path):
    pgp, ssh = PgpKey(), SshKey(tmp_path)
    source.upstream.commit({"a": "1"})
    sign_head(source.upstream, pgp)
    await source.secret("keys", **{"ada.asc": pgp.public})
    await source.repository(verify=verify())
    before = await source.ready()
    source.upstream.commit({"a": "2"})
    commit = sign_head(source.upstream, ssh)
    await source.reconcile()
    text = (
        f"signature verification of commit '{commit}' failed: SSH signature detected but no SSH public keys "
        "found in secret (keys with .sshpub suffix)"
    )
    obj = await source.fails("InvalidCommitSignature", text)
    assert (verified(obj)["status"], verified(obj)["reason"]) == ("False", "InvalidCommitSignature")
    assert verified(obj)["message"] == source.condition(obj, "Ready")["message"] == text
    assert obj["status"]["artifact"] == before["status"]["artifact"]
    assert await source.files(obj) == {"a": b"1"}
    source.upstream.commit({"a": "3"})
    await source.fails("InvalidCommitSignature", "failed: unsupported signature type: empty")
    await put_keys(source, ada_asc=pgp.public, ada_sshpub=ssh.public)
    sign_head(source.upstream, ssh)
    assert await source.files(await source.ready()) == {"a": b"3"}


@pytest.mark.case("source-g37")
async def test_a_tag_has_to_be_named_and_to_be_signed(source):
    key = PgpKey()
    source.upstream.commit({"a": "1"})
    source.upstream.tag("light")
    unsigned = source.upstream.tag("v1", message="release")
    await source.secret("keys", **{"ada.asc": key.public})
    await source.repository(verify=verify("Tag"))
    text = "cannot verify tag object's signature if a tag reference is not specified"
    obj = await source.stalls("InvalidVerificationMode", text)
    assert verified(obj)["reason"] == "InvalidVerificationMode"
    await source.change(ref={"branch": None, "tag": "light"})
    text = "cannot verify signature of tag 'light' since it is not signed"
    obj = await source.fails("InvalidGitObject", text)
    assert source.condition(obj, "Stalled")["status"] == ""
    assert source.condition(obj, "Reconciling")["reason"] == "ProgressingWithRetry"
    await source.change(ref={"tag": "v1"})
    await source.fails("InvalidGitObject", f"tag 'v1@{unsigned}' since it is not signed")
    tag = sign_tag(source.upstream, "v1", key)
    obj = await source.ready()
    assert verified(obj)["message"] == f"verified signature of\n\t- tag 'v1@{tag}' with key '{key.id}'"
    assert obj["status"]["sourceVerificationMode"] == "Tag"
    sign_tag_by_other(source)
    await source.reconcile()
    await source.fails("InvalidTagSignature", "signature verification of tag 'v1@")


def sign_tag_by_other(source):
    source.upstream.tag("v1", message="release")
    sign_tag(source.upstream, "v1", PgpKey())


@pytest.mark.case("source-g38")
@pytest.mark.parametrize(
    "ref", [{"tag": "v1.0.0"}, {"semver": ">=1.0.0"}, {"name": "refs/tags/v1.0.0"}, {"name": "pinned"}]
)
async def test_a_tag_and_its_commit_may_be_signed_by_different_kinds_of_keys(source, tmp_path, ref):
    pgp, ssh = PgpKey(), SshKey(tmp_path)
    source.upstream.commit({"a": "1"})
    commit = sign_head(source.upstream, ssh)
    source.upstream.tag("v1.0.0", message="release")
    tag = sign_tag(source.upstream, "v1.0.0", pgp)
    if ref == {"name": "pinned"}:
        ref = {"name": "refs/tags/v1.0.0", "commit": commit}
    await source.secret("keys", **{"ada.asc": pgp.public, "ada.sshpub": ssh.public})
    await source.repository(ref=ref, verify=verify("TagAndHEAD"))
    obj = await source.ready()
    assert verified(obj)["message"] == (
        f"verified signature of\n\t- tag 'v1.0.0@{tag}' with key '{pgp.id}'"
        f"\n\t- commit '{commit}' with key '{ssh.id}'"
    )
    assert obj["status"]["sourceVerificationMode"] == "TagAndHEAD"


@pytest.mark.case("source-g39")
async def test_other_keys_are_a_reason_to_look_again(source):
    key, other = PgpKey(), PgpKey()
    source.upstream.commit({"a": "1"})
    sign_head(source.upstream, key)
    await source.secret("keys", **{"ada.asc": key.public})
    await source.repository(verify=verify())
    before = await source.ready()
    await put_keys(source, ada_asc=other.public)
    await source.reconcile()
    obj = await source.fails("InvalidCommitSignature", "is not among them")
    assert verified(obj)["status"] == "False"
    assert obj["status"]["artifact"] == before["status"]["artifact"]
    await source.client.delete(SECRETS, source.namespace, "keys")
    await source.fails("VerificationError", "public keys secret error: ")
    await source.secret("keys", **{"ada.asc": key.public})
    obj = await source.ready()
    assert verified(obj)["status"] == "True"
    assert obj["status"]["artifact"] == before["status"]["artifact"]


async def test_signatures_demanded_later_are_looked_for_in_what_is_served_already(source):
    key = PgpKey()
    source.upstream.commit({"a": "1"})
    await source.repository()
    before = await source.ready()
    await source.secret("keys", **{"ada.asc": key.public})
    await source.change(verify=verify())
    obj = await source.fails("InvalidCommitSignature", "unsupported signature type: empty")
    assert obj["status"]["artifact"] == before["status"]["artifact"]
    assert "sourceVerificationMode" not in obj["status"]
