"""The real image-automation-controller between a real API server and real Git servers."""

import subprocess

import pytest

from shared.kube.resources import Resource
from shared.testing.controllers import Suite
from shared.testing.git_server import GitServer
from shared.testing.git_upstream import Upstream, git_environment
from shared.testing.source import LABEL, Sources, connected

AUTOMATIONS = Resource("image.toolkit.fluxcd.io", "v1", "imageupdateautomations", "ImageUpdateAutomation")
POLICIES = Resource("image.toolkit.fluxcd.io", "v1", "imagepolicies", "ImagePolicy")
REPOSITORIES = Resource("source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository")
MARK = "automation"
AUTHOR = {"name": "Bot", "email": "bot@example.org"}


def automation_process(suite, *flags, name="image-automation-controller"):
    return suite.controller(
        "image_controllers.automation",
        "image-automation-controller",
        [
            f"--watch-label-selector={LABEL}={MARK}",
            "--min-retry-delay=100ms",
            "--max-retry-delay=2s",
            "--log-level=debug",
            *flags,
        ],
        name=name,
    )


class Automations(Sources):
    """Automations of one namespace, the policies that they follow, and a repository that they write to."""

    def __init__(self, client, namespace, process, upstream, server):
        git = {"commit": {"author": AUTHOR}}
        defaults = {"interval": "1h", "sourceRef": {"kind": "GitRepository", "name": "app"}, "git": git}
        super().__init__(client, namespace, AUTOMATIONS, process, label=MARK, defaults=defaults)
        self.upstream, self.server = upstream, server

    async def source(self, name="app", namespace=None, **spec):
        """A GitRepository; nobody but its readers looks at it."""
        wanted = {
            "interval": "1h",
            "url": self.server.url(self.upstream.path),
            "ref": {"branch": "main"},
        } | spec
        metadata = {"name": name, "namespace": namespace or self.namespace}
        obj = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata}
        wanted = {key: value for key, value in wanted.items() if value is not None}
        return await self.client.create(REPOSITORIES, obj | {"spec": wanted}, manager="test")

    async def policy(self, name="app", tag="v2", image="registry.example.com/app", *, labels=None, **ref):
        """A policy that has chosen a tag, or chooses another one."""
        metadata = {"name": name, "namespace": self.namespace, "labels": labels or {}}
        spec = {"imageRepositoryRef": {"name": name}, "policy": {"alphabetical": {}}}
        obj = {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy", "metadata": metadata}
        await self.client.apply(POLICIES, obj | {"spec": spec}, manager="test")
        status = {"latestRef": {"name": image, "tag": tag} | ref}
        await self.client.merge_patch(
            POLICIES, self.namespace, name, {"status": status}, manager="test", subresource="status"
        )

    async def pushed(self, name="app"):
        """Waits until an automation is ready and has pushed; it is ready, too, until it hears of a policy."""
        await self.until(lambda obj: "lastPushCommit" in obj["status"], name)
        return await self.ready(name)

    def git_spec(self, **parts):
        return {"commit": {"author": AUTHOR}} | parts

    def marker(self, name="app", part=""):
        return f'# {{"$imagepolicy": "{self.namespace}:{name}{part}"}}'

    def git(self, *arguments):
        command = ["git", "-C", str(self.upstream.bare), *arguments]
        done = subprocess.run(command, env=git_environment(), capture_output=True, check=True)
        return done.stdout.decode()

    def file(self, path, branch="main"):
        return self.git("show", f"{branch}:{path}")

    def head(self, branch="main"):
        return self.git("rev-parse", branch).strip()

    def count(self, branch="main"):
        return int(self.git("rev-list", "--count", branch))


@pytest.fixture(scope="session")
def automation_suite(cluster, tmp_path_factory):
    suite = Suite(cluster, tmp_path_factory.mktemp("automation"))
    suite.install("replicas=0")
    return suite


@pytest.fixture
def another(automation_suite):
    """Makes further processes, which look after other objects; those that run at the end are killed."""
    made = []

    def another(label, *flags, name):
        made.append(
            automation_process(automation_suite, f"--watch-label-selector={label}", *flags, name=name)
        )
        return made[-1]

    yield another
    for process in made:
        if process.running:
            process.kill()


@pytest.fixture(scope="session")
def automation(automation_suite):
    process = automation_process(automation_suite)
    process.start()
    yield process
    assert process.stop() == 0, process.tail()


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "served"
    path.mkdir()
    return path


@pytest.fixture
def upstream(root):
    return Upstream(root)


@pytest.fixture
async def automations(cluster, namespace, automation, root, upstream):
    async with GitServer(root) as server, connected(cluster) as client:
        yield Automations(client, namespace, automation, upstream, server)
