"""The real notification-controller against a real API server, and a service that keeps what it is told."""

import pytest

from shared.testing.gitea import run_gitea
from shared.testing.mailbox import Mailbox
from shared.testing.notifications import EventServer, Notifications


@pytest.fixture(scope="session")
def mailbox():
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def gitea(tmp_path_factory):
    with run_gitea(tmp_path_factory.mktemp("gitea")) as server:
        yield server


@pytest.fixture(scope="session")
def event_server(suite):
    server = EventServer(suite)
    server.process.start()
    yield server
    assert server.process.running, server.process.tail()
    assert server.process.stop() == 0, server.process.tail()
    assert "unexpected error" not in server.process.log.read_text()


@pytest.fixture
async def world(cluster, namespace, suite, event_server, mailbox):
    async with Notifications.connected(cluster.kubeconfig, namespace, suite, event_server, mailbox) as world:
        yield world
