"""Who may read a repository of charts, and that nobody else sees the login."""

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
