"""What is signed here is accepted by git, gpg and ssh-keygen themselves."""

import os
import re
import subprocess

import pytest

from shared.git.signing import (
    EncryptedKey,
    SeveralKeys,
    UnusableKey,
    WrongPassphrase,
    by_openpgp,
    by_ssh,
)

TEXT = b"tree 0\n\nmessage \xff\n"


def run(*command, stdin=b"", **environment):
    done = subprocess.run(
        command, input=stdin, capture_output=True, env=os.environ | environment, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """Keys that gpg made, by the name of their owner; the passphrase of encrypted ones is their name."""
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    loopback = ("gpg", "--batch", "--quiet", "--pinentry-mode=loopback")
    for name, kind, passphrase in (("plain", "ed25519", ""), ("locked", "rsa2048", "locked")):
        run(
            *loopback,
            f"--passphrase={passphrase}",
            "--quick-gen-key",
            name,
            kind,
            "sign",
            "never",
            GNUPGHOME=str(home),
        )

    def export(*names):
        return run(
            *loopback, "--passphrase=locked", "--armor", "--export-secret-keys", *names, GNUPGHOME=str(home)
        )

    yield home, export
    run("gpgconf", "--kill", "all", GNUPGHOME=str(home))


@pytest.mark.parametrize(
    ("name", "passphrase"), [("plain", None), ("plain", "unneeded"), ("locked", "locked")]
)
def test_gpg_accepts_what_is_signed(ring, tmp_path, name, passphrase):
    home, export = ring
    signature = by_openpgp(export(name), passphrase)(TEXT)
    assert signature.startswith("-----BEGIN PGP SIGNATURE-----\n")
    (tmp_path / "sig").write_text(signature)
    run("gpg", "--batch", "--verify", str(tmp_path / "sig"), "-", stdin=TEXT, GNUPGHOME=str(home))


@pytest.mark.parametrize("passphrase", ["", "secret"])
def test_a_primary_key_may_be_elsewhere(tmp_path, passphrase):
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    gpg = ("gpg", "--batch", "--quiet", "--pinentry-mode=loopback", f"--passphrase={passphrase}")
    environment = {"GNUPGHOME": str(home)}
    try:
        run(*gpg, "--quick-gen-key", "bot", "ed25519", "sign,cert", "never", **environment)
        listed = run(*gpg, "--list-keys", "--with-colons", **environment).decode()
        primary = re.search(r"\b[0-9A-F]{40}\b", listed)[0]
        run(*gpg, "--quick-add-key", primary, "ed25519", "sign", "never", **environment)
        key = run(*gpg, "--armor", "--export-secret-subkeys", "bot", **environment)
        signature = by_openpgp(key, passphrase or None)(TEXT)
        (tmp_path / "sig").write_text(signature)
        run("gpg", "--batch", "--verify", str(tmp_path / "sig"), "-", stdin=TEXT, **environment)
        if passphrase:
            with pytest.raises(EncryptedKey):
                by_openpgp(key, None)
            with pytest.raises(WrongPassphrase):
                by_openpgp(key, "other")
    finally:
        run("gpgconf", "--kill", "all", **environment)


def test_keys_that_can_not_sign_say_why(ring):
    _, export = ring
    with pytest.raises(SeveralKeys):
        by_openpgp(export("plain", "locked"), "locked")
    with pytest.raises(EncryptedKey):
        by_openpgp(export("locked"), None)
    with pytest.raises(WrongPassphrase) as caught:
        by_openpgp(export("locked"), "other")
    assert "\n" not in str(caught.value)
    with pytest.raises(UnusableKey) as caught:
        by_openpgp(b"no key", None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ed25519", ()),
        ("ecdsa", ("-b", "256")),
        ("ecdsa", ("-b", "384")),
        ("ecdsa", ("-b", "521")),
        ("rsa", ("-b", "2048")),
        ("rsa", ("-b", "2048", "-m", "PEM")),
    ],
)
@pytest.mark.parametrize("passphrase", ["", "long secret"])
def test_ssh_keygen_accepts_what_is_signed(tmp_path, kind, options, passphrase):
    key = tmp_path / "key"
    run("ssh-keygen", "-q", "-t", kind, *options, "-N", passphrase, "-f", str(key))
    signature = by_ssh(key.read_bytes(), passphrase or None)(TEXT)
    (tmp_path / "allowed").write_text(f"me {key.with_suffix('.pub').read_text()}")
    (tmp_path / "sig").write_text(signature)
    run(
        "ssh-keygen", "-Y", "verify", "-f", str(tmp_path / "allowed"), "-I", "me", "-n", "git",
        "-s", str(tmp_path / "sig"), stdin=TEXT,
    )  # fmt: skip
    if passphrase:
        with pytest.raises(EncryptedKey):
            by_ssh(key.read_bytes(), None)
        with pytest.raises(WrongPassphrase):
            by_ssh(key.read_bytes(), "other")


def test_weak_keys_are_refused(tmp_path):
    run("ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", str(tmp_path / "key"))
    with pytest.raises(UnusableKey, match="less than 2048 bits"):
        by_ssh((tmp_path / "key").read_bytes(), None)
    with pytest.raises(UnusableKey):
        by_ssh(b"no key", None)
