"""The cosign program gets what it needs and nothing more, and what it says is told without secrets."""

import os
from pathlib import Path

import pytest
from yarl import URL

from shared.api.source_v1 import OCISignatureVerification
from shared.auth import BasicAuth, Proxy, RegistryLogin, TlsMaterial
from shared.lang.digest import Digest
from shared.oci import Access, Repository
from source_controller.signatures import Signatures, Subject, Verdict, VerificationFailed

IMAGE = Digest.of(b"image")
KEYS = {"a.pub": b"first", "b.pub": b"second"}
LOGIN = RegistryLogin("ada", "h1dden", "h1dden-identity", "h1dden-token")
PROXY = Proxy(URL("http://proxy.example:3128"), BasicAuth("ada", "h1dden/proxy"))


class Known:
    """Secrets, without a cluster."""

    def __init__(self, **secrets):
        self.secrets = secrets

    async def read(self, namespace, name):
        del namespace
        return "Opaque", self.secrets[name]


class Cosign:
    """Verifies with a script in place of the program, which keeps what it was told in a folder."""

    def __init__(self, folder, script, environment):
        self.record = folder / "record"
        self.record.mkdir()
        program = folder / "cosign"
        told = 'printf "%s\\n" "$@" >"$TUF_ROOT/arguments"; env >"$TUF_ROOT/environment"; '
        told += 'stat -c "%a %n" * >"$TUF_ROOT/modes"; cp * "$TUF_ROOT"; pwd >"$TUF_ROOT/pwd"\n'
        program.write_text(f"#!/bin/sh\n{told}{script}\n")
        program.chmod(0o755)
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        own = {"PATH": os.environ["PATH"], "TUF_ROOT": str(self.record), **environment}
        self.signatures = Signatures(Known(keys=KEYS), self.scratch, str(program), own)

    async def verify(self, host="registry.example", access=None, **verification):
        repository = Repository(host, "team/app")
        subject = Subject(None, repository, IMAGE, access or Access(), f"{repository}:v1")
        wanted = OCISignatureVerification.model_validate({"secretRef": {"name": "keys"}} | verification)
        return await self.signatures.verify("team", wanted, subject)

    def told(self, what):
        return (self.record / what).read_text()

    def left(self):
        return list(self.scratch.iterdir())

    def environment(self):
        return dict(line.split("=", 1) for line in self.told("environment").splitlines())


@pytest.fixture
def cosign(tmp_path):
    def make(script="exit 0", **environment):
        return Cosign(tmp_path, script, environment)

    return make


async def test_keys_are_asked_about_one_by_one_without_a_log(cosign):
    cosign = cosign("grep -q second key.pub")
    assert await cosign.verify() is Verdict.VERIFIED
    assert cosign.told("arguments").splitlines() == [
        "verify",
        "--key=key.pub",
        "--insecure-ignore-tlog=true",
        "--",
        f"registry.example/team/app@{IMAGE}",
    ]


async def test_identities_are_asked_about_one_by_one_and_both_logs_have_to_know_them(cosign):
    cosign = cosign('case "$*" in *grace*) exit 0;; *) exit 1;; esac')
    identities = [{"issuer": "i", "subject": "--ada"}, {"issuer": "", "subject": "grace"}]
    assert await cosign.verify(secretRef=None, matchOIDCIdentity=identities) is Verdict.VERIFIED
    arguments = cosign.told("arguments").splitlines()
    assert arguments[1:3] == ["--certificate-identity-regexp=grace", "--certificate-oidc-issuer-regexp=.*"]
    assert "insecure" not in " ".join(arguments)


async def test_credentials_are_only_in_files_that_nobody_else_can_read(cosign):
    cosign = cosign()
    access = Access(LOGIN, TlsMaterial(b"authorities", b"certificate", b"h1dden-key"))
    await cosign.verify(access=access)
    assert "h1dden" not in cosign.told("arguments") + cosign.told("environment")
    assert "registry.example/team/app" in cosign.told("config.json")
    assert "h1dden-identity" in cosign.told("config.json")
    assert cosign.told("tls.key") == "h1dden-key"
    assert {line.split()[0] for line in cosign.told("modes").splitlines()} == {"600"}
    assert cosign.environment()["SSL_CERT_FILE"].endswith("/ca.crt")
    # Nothing of it is left.
    assert Path(cosign.told("pwd").strip()).parent == cosign.scratch
    assert cosign.left() == []


async def test_the_environment_of_the_controller_stays_out_but_for_sigstore_tls_and_proxies(cosign):
    kept = {"SIGSTORE_ROOT_FILE": "/etc/r.pem", "SSL_CERT_DIR": "/etc/c", "https_proxy": "http://p:1"}
    cosign = cosign(**kept, AWS_SECRET_ACCESS_KEY="h1dden", COSIGN_PASSWORD="h1dden", DOCKER_CONFIG="/root")
    await cosign.verify()
    environment = cosign.environment()
    assert kept.items() <= environment.items()
    assert "h1dden" not in str(environment)
    assert environment["DOCKER_CONFIG"] == environment["HOME"] == cosign.told("pwd").strip()


async def test_the_proxy_of_the_object_replaces_the_one_of_the_controller(cosign):
    cosign = cosign(HTTPS_PROXY="http://other:1", NO_PROXY="registry.example")
    await cosign.verify(access=Access(proxy=PROXY))
    environment = cosign.environment()
    assert environment["HTTPS_PROXY"] == "http://ada:h1dden%2Fproxy@proxy.example:3128"
    assert "NO_PROXY" not in environment


@pytest.mark.parametrize(
    ("host", "access", "blocked"),
    [
        ("10.0.0.1:5000", Access(LOGIN), True),
        ("10.0.0.1:5000", Access(), False),
        ("10.0.0.1:5000", Access(LOGIN, insecure=True), False),
        ("registry.example", Access(LOGIN), False),
    ],
)
async def test_a_login_has_no_way_over_plain_http_unless_that_is_wanted(cosign, host, access, blocked):
    cosign = cosign()
    await cosign.verify(host, access)
    assert (cosign.environment().get("HTTP_PROXY") == "http://127.0.0.1:1") is blocked


@pytest.mark.parametrize(
    ("access", "options"),
    [
        (Access(), set()),
        (Access(insecure=True), {"--allow-http-registry=true", "--allow-insecure-registry=true"}),
        (Access(tls=TlsMaterial(b"ca"), insecure=True), {"--allow-http-registry=true"}),
    ],
)
async def test_certificates_are_only_ignored_where_no_authority_is_given(cosign, access, options):
    cosign = cosign()
    await cosign.verify(access=access)
    arguments = set(cosign.told("arguments").splitlines())
    assert {argument for argument in arguments if argument.startswith("--allow")} == options


async def test_what_it_says_is_told_without_secrets_and_ports(cosign):
    cosign = cosign(
        'echo "WARNING: x" >&2\n'
        'echo "Error: no h1dden in $(pwd)/key.pub: 10.0.0.1:40022->10.0.0.2:443 ada:h1dden%2Fproxy" >&2\n'
        'echo "error during command execution: no" >&2; exit 1'
    )
    with pytest.raises(VerificationFailed) as failed:
        await cosign.verify(access=Access(LOGIN, proxy=PROXY))
    reason = "no *** in key.pub: 10.0.0.2:443 ada:***"
    text = f"no matching signatures were found for 'registry.example/team/app:v1': key 'a.pub': {reason}"
    assert str(failed.value) == f"{text}; key 'b.pub': {reason}"


async def test_a_missing_program_is_named_with_the_way_out(tmp_path):
    signatures = Signatures(Known(keys=KEYS), tmp_path, "no-such-cosign", os.environ)
    subject = Subject(None, Repository("registry.example", "app"), IMAGE, Access(), "app")
    wanted = OCISignatureVerification.model_validate({"secretRef": {"name": "keys"}})
    text = "'no-such-cosign' is not there; install cosign or name its path with --cosign-binary"
    with pytest.raises(VerificationFailed, match=text):
        await signatures.verify("team", wanted, subject)


async def test_an_expression_that_is_too_long_for_a_program_is_refused(cosign):
    cosign = cosign()
    identity = {"issuer": "i", "subject": "x" * 200_000}
    with pytest.raises(VerificationFailed, match="the expressions for the identity are too long"):
        await cosign.verify(secretRef=None, matchOIDCIdentity=[identity])
