"""Which events are for chats, for whoever forwards everything, and for Git hosts."""

import asyncio

import pytest

from shared.testing.inbox import Inbox, Reply
from shared.testing.mailbox import Mailbox

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REVISION = f"main@sha1:{COMMIT}"
STATUSES = f"/api/v3/repos/org/repo/statuses/{COMMIT}"
READ = f"/api/v3/repos/org/repo/commits/{COMMIT}/statuses"


@pytest.fixture
def host():
    """A Git host without any statuses."""
    with Mailbox(Inbox(reply=Reply(200, b"[]"))) as mailbox:
        yield mailbox


@pytest.fixture
async def told(world, host):
    """A Provider of each kind, with an Alert on everything."""
    await world.secret("git", token="ghp_t0ken")
    await world.provider("git", type="github", address=f"{host.url}/org/repo", secretRef={"name": "git"})
    await world.provider("slack", type="slack")
    await world.provider("forward")
    for name in ("git", "slack", "forward"):
        await world.alert(name, provider=name)
    return world


def texts(world):
    return [received.json["attachments"][0]["text"] for received in world.mailbox.at(world.path("slack"))]


@pytest.mark.case("notification-22")
async def test_an_update_of_a_status_is_for_git_hosts_and_whoever_forwards_everything(told, host):
    await told.post("update", metadata={"revision": REVISION, "commit_status": "update"})
    await asyncio.to_thread(host.wait, STATUSES)
    (status,) = host.at(STATUSES)
    assert status.json["state"] == "success"
    assert status.json["context"].startswith("kustomization/app/")
    assert len(host.at(READ)) == 1
    await told.told(1, "forward")
    assert told.messages("forward") == ["update"]
    # The next event about the same object would come behind the first one.
    await told.post("plain")
    await told.told(1, "slack")
    assert texts(told) == ["plain"]


@pytest.mark.case("notification-23")
async def test_without_a_commit_only_failures_set_a_status(told, host):
    await told.post("info", metadata={"revision": REVISION})
    await told.post("broken", severity="error", reason="BuildFailed", metadata={"revision": REVISION})
    await asyncio.to_thread(host.wait, STATUSES)
    await told.told(2, "slack")
    assert texts(told) == ["info", "broken"]
    # Deliveries about one object keep their order, so nothing was posted before that.
    (status,) = host.at(STATUSES)
    assert (status.json["state"], status.json["description"]) == ("failure", "build failed")
    dropped = "event dropped for commit status providers due to missing commit metadata key"
    lines = [line for line in told.server.process.log.read_text().splitlines() if dropped in line]
    assert [line for line in lines if f'"{told.namespace}/git"' in line]
