"""From a Kustomization that fails to the message that people read, with real controllers all the way."""

import asyncio

import pytest

from shared.testing.flux import Flux
from shared.testing.mailbox import Mailbox


@pytest.fixture
def slack():
    """What stands in for Slack."""
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture
async def flux(cluster, namespace, artifacts, suite):
    process = Flux.shared_process(suite)
    async with Flux.connected(cluster.kubeconfig, namespace, artifacts, suite, process) as flux:
        yield flux


def attachments(slack):
    return [received.json["attachments"][0] for received in slack.at("/hook")]


def finished(world):
    """Whether the end of a pass that went well was told to those who forward everything."""
    return any("Reconciliation finished" in message for message in world.messages("everything"))


async def test_a_failure_is_told_once_and_so_is_the_recovery(world, flux, slack, config_map):
    await world.secret("slack", address=f"{slack.url}/hook")
    await world.provider("slack", type="slack", channel="general", address=None, secretRef={"name": "slack"})
    await world.alert(provider="slack", eventMetadata={"cluster": "test"})
    await world.provider("everything")
    await world.alert("everything", provider="everything")
    broken = config_map("Not A Name")
    with flux.own(f"--events-addr={world.server.url}"):
        await flux.publish(broken)
        await flux.kustomization(labels=flux.mine, retryInterval="1s")
        await flux.fails("ReconciliationFailed")
        await asyncio.to_thread(slack.wait, "/hook")
        # The same failure again and again.
        await flux.turns(await asyncio.to_thread(flux.count_of_turns) + 3)
        failures = [each for each in attachments(slack) if each["color"] == "danger"]
        assert len(failures) == 1
        (failure,) = failures
        assert failure["author_name"] == f"kustomization/app.{world.namespace}"
        assert "Not A Name" in failure["text"]
        assert failure["fallback"].startswith(f"kustomization/app.{world.namespace}: ")
        fields = {field["title"]: field["value"] for field in failure["fields"]}
        assert fields["cluster"] == "test"
        assert fields["revision"].startswith("main@sha1:")

        await flux.publish(config_map("a"))
        await flux.ready()

        await asyncio.to_thread(slack.wait, "/hook", 2)
        # What ends a pass is there for commit statuses; chats are told what changed.
        recovery = attachments(slack)[1]
        assert (recovery["color"], recovery["text"]) == ("good", f"ConfigMap/{world.namespace}/a created")
        assert recovery["author_name"] == f"kustomization/app.{world.namespace}"
        await asyncio.to_thread(world.mailbox.until, lambda: finished(world), "end of the pass")
        assert len(attachments(slack)) == 2
    (first, *_) = slack.at("/hook")
    assert first.json["channel"] == "general"
    assert first.json["username"] == "kustomize-controller"
