"""A service that gives temporary keys is asked with a form and answers in XML."""

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from shared.auth import BasicAuth
from shared.testing.bucket_server import sts_answer
from source_controller.bucket.library import S3Credentials
from source_controller.bucket.store import StoreError
from source_controller.bucket.sts import InvalidEndpoint, ldap_credentials, sts_endpoint

LOGIN = BasicAuth("ada & co", "p=w&d+ ")
BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb">]><a><AccessKeyId>&b;</AccessKeyId></a>'


class Service:
    def __init__(self):
        self.asked = []
        self.reply = None
        self.url = None

    async def answer(self, request):
        self.asked.append((request.method, str(request.rel_url), dict(await request.post())))
        return self.reply


@pytest.fixture
async def service():
    service, application = Service(), web.Application()
    application.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = URL("http://{}:{}/sts?x=1".format(*runner.addresses[0]))
    yield service
    await runner.cleanup()


@pytest.fixture
async def ask(service):
    async with aiohttp.ClientSession() as session:

        async def ask(reply, login=LOGIN):
            service.reply = reply
            return await ldap_credentials(session, service.url, login, None, None)

        yield ask


async def test_a_login_goes_into_the_form_and_keys_come_back(service, ask):
    reply = sts_answer({"AccessKeyId": "a", "SecretAccessKey": "s<&>", "SessionToken": "t"})
    assert await ask(reply) == S3Credentials("a", "s<&>", "t")
    assert service.asked[0][:2] == ("POST", "/sts?x=1")
    assert service.asked[0][2] == {
        "Action": "AssumeRoleWithLDAPIdentity",
        "Version": "2011-06-15",
        "LDAPUsername": LOGIN.username,
        "LDAPPassword": LOGIN.password,
    }


async def test_nobody_asks_with_an_empty_login(service, ask):
    await ask(sts_answer({"AccessKeyId": "a", "SecretAccessKey": "s"}), None)
    assert (service.asked[0][2]["LDAPUsername"], service.asked[0][2]["LDAPPassword"]) == ("", "")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (
            lambda: web.Response(status=403, text="<E><Error><Code>Denied</Code></Error></E>"),
            "^403 Denied, check",
        ),
        (lambda: web.Response(status=500, text="oh no"), "^500, check"),
        (lambda: web.Response(status=307, headers={"Location": "http://127.0.0.1:1/"}), "^307"),
        (lambda: web.Response(text="<a/>"), "no keys"),
        (lambda: web.Response(text="no xml"), "no keys"),
        (lambda: sts_answer({"AccessKeyId": "a"}), "no keys"),
        (lambda: web.Response(text=BOMB), "document type"),
        (lambda: web.Response(text="x" * 300_000), "more than 262144 bytes"),
    ],
)
async def test_anything_else_gives_no_keys(ask, reply, why):
    with pytest.raises(StoreError, match=why) as caught:
        await ask(reply())
    assert LOGIN.password not in str(caught.value)


@pytest.mark.parametrize("text", ["https://", "https://:x", "https://h:99999", "ftp://h", "http://[::1", "h"])
def test_an_endpoint_needs_a_scheme_and_a_host(text):
    with pytest.raises(InvalidEndpoint):
        sts_endpoint(text)
