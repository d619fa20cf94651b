"""Signatures of commits and tags: made by real gpg long ago, by Sequoia and by ssh-keygen just now."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.git.signatures import PublicKeys, SignatureRefused, verify_signature
from shared.git.signed import Signed, signed_commit, signed_tag
from shared.testing.signing import PgpKey, SshKey

DATA = Path(__file__).parents[2] / "data" / "signatures"
NOW = datetime.now(UTC)
THEN = datetime(2024, 1, 2, 3, 4, 6, tzinfo=UTC)
SHA1 = "0" * 40
PAYLOAD = b"tree 0\n\nmessage\n"


def vector(name):
    raw = (DATA / name).read_bytes()
    return signed_tag(raw) if name.endswith(".tag") else signed_commit(raw, SHA1)


def ring(*names):
    return PublicKeys.of({name: (DATA / name).read_bytes() for name in names})


def who(signed, keys, now=NOW):
    return verify_signature(signed, keys, "commit", now)


def why(signed, keys, now=NOW):
    with pytest.raises(SignatureRefused) as refused:
        who(signed, keys, now)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def by(key, **options):
    return Signed(PAYLOAD, key.sign(PAYLOAD, **options).encode())


@pytest.mark.parametrize("name", ["rsa.commit", "latin1.commit", "merge.commit", "rsa.tag"])
def test_what_gpg_signed_fits_to_the_byte(name):
    signed = vector(name)
    assert len(who(signed, ring("expired.asc", "rsa.asc"))) == 16
    assert "doesn't fit" in why(Signed(signed.payload + b"\n", signed.signature), ring("rsa.asc"))


def test_a_merged_tag_keeps_its_own_signature_in_what_is_signed():
    assert b"-----BEGIN PGP SIGNATURE-----" in vector("merge.commit").payload


def test_a_subkey_is_called_by_its_primary_key_and_may_not_have_expired():
    assert who(vector("subkey.commit"), ring("subkey.asc"), THEN) == "AED618D477D5F055"
    text = why(vector("subkey.commit"), ring("subkey.asc"))
    assert text.endswith("the subkey 3EB72A5C6C46F546 of AED618D477D5F055 expired on 2024-01-02")


def test_a_key_that_has_expired_or_was_revoked_since_is_good_no_more():
    assert who(vector("expired.commit"), ring("expired.asc"), THEN)
    assert "expired on 2024-01-02" in why(vector("expired.commit"), ring("expired.asc"))
    assert why(vector("rsa.commit"), ring("revoked.asc"))
    key = PgpKey(seconds=3600)
    assert who(by(key), PublicKeys.of({"a.asc": key.public.encode()})) == key.id
    later = datetime.now(UTC) + timedelta(seconds=3700)
    assert "expired" in why(by(key), PublicKeys.of({"a.asc": key.public.encode()}), later)
    assert why(by(key), PublicKeys.of({"a.asc": key.revoked().encode()}))


def test_only_keys_of_the_secret_are_trusted():
    text = why(vector("rsa.commit"), ring("expired.asc", "subkey.asc"))
    assert text.startswith(
        "unable to verify Git commit: unable to verify payload with any of the given key rings: the key "
    )
    assert "is not among them" in text


def test_rings_are_armored_blocks_in_any_number_and_under_any_name():
    both = (DATA / "expired.asc").read_bytes() + (DATA / "rsa.asc").read_bytes()
    assert who(vector("rsa.commit"), PublicKeys.of({"keys": both, "broken.asc": b"what?"}))
    assert why(vector("rsa.commit"), PublicKeys.of({"broken.asc": b"what?"})).startswith(
        "unable to read armored key ring: 'broken.asc': "
    )
    assert why(vector("rsa.commit"), PublicKeys.of({"a.sshpub": b""})) == (
        "PGP signature detected but no PGP public keys found in secret (keys with .asc suffix)"
    )


@pytest.mark.parametrize(
    ("signature", "kind"),
    [
        (b"", "empty"),
        (b"hello\n", "unknown"),
        (b"-----BEGIN SIGNED MESSAGE-----\nMII=\n-----END SIGNED MESSAGE-----\n", "x509"),
    ],
)
def test_what_is_no_known_signature_is_called_by_its_kind(signature, kind):
    assert why(Signed(PAYLOAD, signature), ring("rsa.asc")) == f"unsupported signature type: {kind}"


@pytest.mark.parametrize("rubbish", [b"", b"\n\nxxxx\n=aaaa\n", b"\n\n////\n"])
def test_rubbish_in_armor_is_refused(rubbish, tmp_path):
    key = SshKey(tmp_path)
    keys = PublicKeys.of({"a.asc": (DATA / "rsa.asc").read_bytes(), "b.sshpub": key.public.encode()})
    for kind in (b"PGP", b"SSH"):
        armored = b"-----BEGIN %b SIGNATURE-----%b-----END %b SIGNATURE-----\n" % (kind, rubbish, kind)
        assert "the signature" in why(Signed(PAYLOAD, armored), keys)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("hash_", ["sha256", "sha512"])
def test_ssh_keys_sign_with_either_hash(tmp_path, kind, hash_):
    key, other = SshKey(tmp_path, kind), SshKey(tmp_path, kind, name="other")
    signed = by(key, hash_=hash_)
    keys = PublicKeys.of({"team.sshpub": f"# team\n\n{other.public}{key.public}".encode()})
    assert who(signed, keys) == key.id
    assert "doesn't fit" in why(Signed(PAYLOAD + b" ", signed.signature), keys)
    assert "is not among them" in why(signed, PublicKeys.of({"a.sshpub": other.public.encode()}))


def test_an_ssh_signature_for_something_else_than_git_is_refused(tmp_path):
    key = SshKey(tmp_path)
    keys = PublicKeys.of({"a.sshpub": key.public.encode()})
    assert "not made for the namespace 'git'" in why(by(key, namespace="file"), keys)


def test_lines_of_ssh_keys_may_have_options_and_a_bad_one_spoils_its_entry_only(tmp_path):
    key = SshKey(tmp_path)
    line = f'no-pty,command="echo ssh-rsa AAAA" {key.public}'
    assert who(by(key), PublicKeys.of({"a.sshpub": line.encode(), "b.sshpub": b"ssh-rsa x"})) == key.id
    spoiled = PublicKeys.of({"a.sshpub": f"{key.public}ssh-ed25519 rubbish\n".encode()})
    assert why(by(key), spoiled).startswith("unable to parse authorized keys: 'a.sshpub': ")
    assert why(by(key), PublicKeys.of({"a.asc": b""})) == (
        "SSH signature detected but no SSH public keys found in secret (keys with .sshpub suffix)"
    )


def test_each_kind_of_hash_has_its_own_header():
    raw = b"tree 1\ngpgsig-sha256 long\n more\ngpgsig short\nencoding x\n\ngpgsig text\n"
    assert signed_commit(raw, "0" * 40) == Signed(b"tree 1\nencoding x\n\ngpgsig text\n", b"short\n")
    assert signed_commit(raw, "0" * 64).signature == b"long\nmore\n"


def test_the_signature_of_a_tag_is_the_last_one_in_its_message():
    armor = b"-----BEGIN SSH SIGNATURE-----\n"
    quoted = b"object 1\n\n" + armor + b"quoted\n"
    assert signed_tag(quoted + armor + b"real\n") == Signed(quoted, armor + b"real\n")
    assert signed_tag(b"object 1\n\nhello\n") == Signed(b"object 1\n\nhello\n")
    assert signed_tag(b"object 1\n\n" + armor) == Signed(b"object 1\n\n", armor)


def test_other_keys_have_another_fingerprint():
    one = PublicKeys.of({"a.asc": b"1", "b.sshpub": b"2"})
    assert one.fingerprint == PublicKeys.of({"b.sshpub": b"2", "a.asc": b"1"}).fingerprint
    assert one.fingerprint != PublicKeys.of({"a.asc": b"1", "b.sshpub": b"3"}).fingerprint
