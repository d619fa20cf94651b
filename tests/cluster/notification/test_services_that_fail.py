"""Services that are slow, refuse, or are not there; and the end of the process."""

import asyncio

import pytest

from shared.testing.faulty_api import Answer, FaultyApi, Rule
from shared.testing.inbox import Inbox, Reply
from shared.testing.mailbox import Mailbox

SLACK_PATH = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"


@pytest.fixture
def service():
    """A service of a test's own."""
    with Mailbox(Inbox()) as mailbox:
        yield mailbox


@pytest.mark.case("notification-25")
async def test_a_service_in_trouble_is_tried_again_and_one_that_refuses_is_not(world, service):
    service.inbox.replies = [Reply(500), Reply(500), Reply(200)]
    service.inbox.reply = Reply(400, b"no such channel")
    await world.provider(address=f"{service.url}/in-trouble")
    await world.alert()
    await world.post()
    # How long it waits between them is proven on virtual time.
    await asyncio.to_thread(service.wait, "/in-trouble", 3)
    await world.post("refused")
    event = await world.event("failed to send notification", "alert")
    assert (event["type"], event["reason"]) == ("Warning", "NotificationDispatchFailed")
    about = f"failed to send notification for Kustomization/{world.namespace}/app"
    assert event["message"] == f"{about}: request failed with status code 400: no such channel"
    assert [each.json["message"] for each in service.at("/in-trouble")] == ["said"] * 3 + ["refused"]
    assert await world.events("alert") == [event["message"]]


@pytest.mark.case("notification-26")
async def test_a_service_that_hangs_holds_up_nobody(world, service):
    service.inbox.reply = Reply(None)
    await world.provider("hangs", address=f"{service.url}/hangs")
    await world.provider()
    await world.alert("a", provider="hangs")
    await world.alert("b")
    for number in range(100):
        # No sender waits longer, and the service never answers.
        async with asyncio.timeout(10):
            assert (await world.post(str(number), involved={"name": f"app-{number}"})).status == 202
    assert len(await world.told(100)) == 100
    assert service.at("/hangs")


@pytest.mark.case("notification-27")
async def test_what_is_queued_is_delivered_before_the_process_ends(world, service):
    service.inbox.reply = Reply(200, after=0.2)
    await world.provider(address=f"{service.url}/fast")
    with world.own() as server:
        await asyncio.to_thread(server.process.await_ready)
        await world.alert()
        await asyncio.gather(*(world.post(str(number)) for number in range(20)))
        before = len(service.at("/fast"))
        code = await asyncio.to_thread(server.process.stop)
    assert code == 0
    assert before < 20
    assert sorted(int(each.json["message"]) for each in service.at("/fast")) == list(range(20))


@pytest.mark.case("notification-28")
async def test_without_the_store_senders_are_asked_to_come_back(world, cluster, tmp_path):
    await world.provider()
    await world.alert()
    with FaultyApi(cluster.kubeconfig, tmp_path) as api:
        api.disturb(Rule("GET", r"/alerts$", Answer(503)))
        with world.own(through=api.kubeconfig) as server:
            await world.post_until(503, "patient")
            assert not server.process.ready
            api.heal()
            await world.post_until(202, "patient")
            assert [body["message"] for body in await world.told()] == ["patient"]
            await asyncio.to_thread(server.process.await_ready)


@pytest.mark.case("notification-29")
async def test_addresses_and_tokens_from_secrets_are_told_to_nobody(world):
    await world.secret("slack", address=f"http://127.0.0.1:1{SLACK_PATH}?key=s3cr3t", token="xoxb-t0ken")
    await world.provider("slack", type="slack", secretRef={"name": "slack"}, address=None, timeout="1s")
    await world.alert(provider="slack")
    await world.post()
    event = await world.event("failed to send notification", "alert")
    log = world.server.process.log.read_text()
    assert "failed to send notification" in log
    for text in (event["message"], log):
        for secret in (SLACK_PATH, "T00000000", "XXXXXXXX", "s3cr3t", "xoxb-t0ken"):
            assert secret not in text
    assert "127.0.0.1" in event["message"]


@pytest.mark.case("notification-20")
async def test_other_namespaces_are_refused_where_that_is_asked_for(world, namespace):
    await world.provider()
    with world.own("--no-cross-namespace-refs") as server:
        await asyncio.to_thread(server.process.await_ready)
        source = {"kind": "Kustomization", "name": "*"}
        await world.alert("foreign", eventSources=[source | {"namespace": "elsewhere"}])
        await world.alert("both", eventSources=[source | {"namespace": "elsewhere"}, source])
        assert (await world.post("theirs", involved={"namespace": "elsewhere"})).status == 202
        event = await world.event(
            "failed to dispatch notification for Kustomization/elsewhere/app", "foreign"
        )
        assert (event["type"], event["reason"]) == ("Warning", "NotificationDispatchFailed")
        assert event["message"].endswith(
            "discarding event, access denied to cross-namespace sources: "
            f"alert '{namespace}/foreign' can't process event from 'Kustomization/elsewhere/app', "
            "cross-namespace references have been blocked"
        )
        assert (await world.post("ours")).status == 202
        assert [body["message"] for body in await world.told()] == ["ours"]


async def test_the_name_of_a_secret_is_no_way_to_another_namespace(world):
    name = f"foreign-{world.namespace}"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"}}
    secrets = await world.resource("Secret")
    await world.client.create(secrets, secret | {"stringData": {"token": "f0reign"}})
    try:
        for given in (f"../../default/secrets/{name}", f"..%2f..%2fdefault%2fsecrets%2f{name}"):
            provider = "a" if given.startswith("../") else "b"
            await world.provider(provider, secretRef={"name": given})
            await world.alert(provider, provider=provider)
            told = f"no Secret can be named '{given}'"
            event = await world.event(f"spec.secretRef.name: {told}", provider)
            assert (event["type"], event["reason"]) == ("Warning", "InvalidConfig")
        await world.post()
        for provider in "ab":
            event = await world.event("failed to initialize notifier", provider)
            assert "no Secret can be named" in event["message"]
            assert world.messages(provider) == []
    finally:
        await world.client.delete(secrets, "default", name)
