"""Who may read a repository of charts, and that nobody else sees the login."""

import aiohttp
import pytest

from shared.auth import BasicAuth
from shared.testing.tls import Authority
from source_controller.helm_repository.client import (
    DownloadError,
    HelmAccess,
    HelmHttp,
    TooLarge,
    repository_url,
)

INDEX = b'{"apiVersion": "v1", "entries": {}}'


async def test_a_login_gets_in(repositories):
    repositories.http.index, repositories.http.login = INDEX, "ada:h1dden-pass"
    await repositories.create()
    await repositories.fails("Failed", "401 Unauthorized")
    await repositories.change(secretRef={"name": "login"})
    await repositories.fails("AuthenticationFailed", "failed to get authentication secret")
    await repositories.secret("login", username="ada", password="h1dden-pass")
    await repositories.ready()
    assert "h1dden" not in repositories.process.tail()


async def test_half_a_login_is_refused(repositories):
    await repositories.secret("half", username="ada")
    await repositories.create(secretRef={"name": "half"})
    await repositories.fails("AuthenticationFailed", "'password' is missing")


async def test_a_login_stays_at_home(repositories, other_host):
    other_host.index = INDEX
    repositories.http.login = "ada:h1dden-pass"
    repositories.http.redirect = f"{other_host.address}/elsewhere/index.yaml"
    await repositories.secret("login", username="ada", password="h1dden-pass")
    await repositories.create(secretRef={"name": "login"}, passCredentials=True)
    await repositories.ready()
    assert repositories.http.requests[-1].headers["Authorization"].startswith("Basic ")
    assert "Authorization" not in other_host.requests[-1].headers


async def test_circles_come_to_an_end(repositories):
    repositories.http.redirect = f"{repositories.http.address}/charts/index.yaml"
    await repositories.create()
    await repositories.fails("Failed", "stopped after 10 redirects")


async def test_certificates_are_checked_before_anything_is_asked(repositories):
    await repositories.secret("broken", ca_crt="no certificate")
    await repositories.create(certSecretRef={"name": "broken"})
    await repositories.fails("AuthenticationFailed", "failed to construct Helm client's TLS config")
    assert repositories.http.requests == []


async def test_an_authority_of_its_own_is_trusted(repositories, trusted_by_few, authority):
    trusted_by_few.index = INDEX
    await repositories.secret("other", ca_crt=Authority().pem)
    await repositories.create(url=trusted_by_few.address, certSecretRef={"name": "other"})
    await repositories.fails("Failed", "is not trusted")
    await repositories.secret("ca", ca_crt=authority.pem)
    await repositories.secret("login", username="ada", password="pw", ca_crt=Authority().pem)
    await repositories.change(certSecretRef={"name": "ca"}, secretRef={"name": "login"})
    await repositories.ready()
    await repositories.secret("old", caFile=authority.pem)
    await repositories.create("old", url=trusted_by_few.address, secretRef={"name": "old"})
    await repositories.ready("old")


@pytest.mark.parametrize("pass_credentials", [False, True])
async def test_other_hosts_of_an_index_get_the_login_only_if_told(
    http, other_host, tmp_path, pass_credentials
):
    other_host.index = b"a chart"
    access = HelmAccess(
        repository_url(http.address), login=BasicAuth("ada", "pw"), pass_credentials=pass_credentials
    )
    async with aiohttp.ClientSession() as session:
        client = HelmHttp(session, access)
        await client.download(f"{other_host.address}/web-1.tgz", tmp_path / "chart", 100)
        assert (tmp_path / "chart").read_bytes() == b"a chart"
        assert ("Authorization" in other_host.requests[-1].headers) is pass_credentials
        await client.download(client.index_url, tmp_path / "index", 100)
        assert "Authorization" in http.requests[-1].headers


async def test_a_download_has_a_limit_and_an_end(http, tmp_path):
    http.index = b"x" * 101
    async with aiohttp.ClientSession() as session:
        client = HelmHttp(session, HelmAccess(repository_url(http.address)))
        with pytest.raises(TooLarge, match="100 bytes"):
            await client.download("web-1.tgz", tmp_path / "chart", 100)
        http.status = 500
        with pytest.raises(DownloadError, match="tgz : 500"):
            await client.download("web-1.tgz", tmp_path / "chart", 100)
