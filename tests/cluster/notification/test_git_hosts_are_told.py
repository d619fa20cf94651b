"""From a posted event to the status of a commit and to a comment on a pull request."""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from shared.lang import yaml
from shared.testing.git_hosts import BitbucketServerHost, GitHubHost

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "commit-statuses-and-comments.md"
SHA = "69b59063470310ebbd88a9156325322a124e55a3"
UPDATE = {"commit_status": "update", "revision": f"main@sha1:{SHA}"}


@pytest.fixture
async def github():
    async with GitHubHost(below="/api/v3") as host:
        host.accounts["t0ken"] = "flux"
        host.repositories["acme/fleet"] = {SHA}
        yield host


@pytest.fixture
def status(world, github):
    """Makes a Provider for statuses, and an Alert for it; both have a name."""

    async def make(name="status", metadata=None, **spec):
        await world.secret(f"{name}-token", token="t0ken")
        provider = await world.provider(
            name,
            type="github",
            address=f"{github.url}/acme/fleet",
            secretRef={"name": f"{name}-token"},
            **spec,
        )
        await world.alert(name, provider=name, **({"eventMetadata": metadata} if metadata else {}))
        return provider

    return make


def group_of(provider):
    return provider["metadata"]["uid"].partition("-")[0]


@pytest.mark.case("notification-36")
async def test_commits_are_found_in_revisions(world, github, status):
    await status()
    commits = [f"{digit}" * 40 for digit in "abcd"]
    github.repositories["acme/fleet"] = set(commits)
    first, second, third, fourth = commits
    for metadata in (
        {"revision": f"main@sha1:{first}"},
        {"revision": second},
        {"revision": f"env/dev/{third}"},
        {"event.toolkit.fluxcd.io/commit": fourth, "originRevision": f"main@sha1:{first}"},
    ):
        await world.post(severity="error", reason="BuildFailed", metadata=metadata)
    await github.until(lambda: set(github.statuses) == set(commits))
    assert {commit: len(each) for commit, each in github.statuses.items()} == dict.fromkeys(commits, 1)
    await world.post(severity="error", metadata={"revision": "master"})
    about = f"failed to send notification for Kustomization/{world.namespace}/app: "
    event = await world.event(f"{about}failed to extract commit hash from 'master' revision", "status")
    assert (event["type"], event["reason"]) == ("Warning", "NotificationDispatchFailed")
    assert len(github.asked("POST")) == len(commits)


@pytest.mark.case("notification-37")
async def test_what_the_newest_status_says_is_not_said_again(world, github, status):
    await status()
    for message in ("finished", "finished again"):
        await world.post(message, metadata=UPDATE)
    await world.post("broken", severity="error", reason="BuildFailed", metadata=UPDATE)
    await github.until(lambda: len(github.statuses.get(SHA, ())) == 2)
    assert [each.method for each in github.log] == ["GET", "POST", "GET", "GET", "POST"]
    await world.post("finished after all", metadata=UPDATE)
    await github.until(lambda: len(github.statuses[SHA]) == 3)
    assert [each["state"] for each in github.statuses[SHA]] == ["success", "failure", "success"]


@pytest.mark.case("notification-38")
async def test_an_expression_gives_the_context(world, github, status):
    provider = await status(
        metadata={"environment": "production"},
        commitStatusExpr=(
            "event.metadata.environment + '/' + provider.metadata.uid.split('-').first().value()"
        ),
    )
    await status("boolean", commitStatusExpr="event.involvedObject.kind == 'x'")
    await status("unknown", commitStatusExpr="cluster.name + '/x'")
    await world.post(metadata=UPDATE)
    await github.until(lambda: github.statuses)
    assert [each["context"] for each in github.statuses[SHA]] == [f"production/{group_of(provider)}"]
    failed = (
        f"failed to dispatch notification for Kustomization/{world.namespace}/app: failed to create commit "
        "status: failed to evaluate the spec.commitStatusExpr CEL expression for the event: "
    )
    for name, why in (
        ("boolean", "it gives bool, not string"),
        ("unknown", "undeclared reference to 'cluster"),
    ):
        event = await world.event(failed, name)
        assert (event["type"], event["reason"]) == ("Warning", "NotificationDispatchFailed")
        assert why in event["message"]
    assert len(github.statuses[SHA]) == 1


async def test_the_expression_of_the_guide_keeps_clusters_apart(world, github, status):
    blocks = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    provider, alert = yaml.load_all(next(block for block in blocks if "commitStatusExpr" in block))
    expression, metadata = provider["spec"]["commitStatusExpr"], alert["spec"]["eventMetadata"]
    await status("one", metadata, commitStatusExpr=expression)
    await status("two", metadata | {"cluster": "us-east-1"}, commitStatusExpr=expression)
    await world.post(metadata=UPDATE)
    await github.until(lambda: len(github.statuses.get(SHA, ())) == 2)
    path = f"{world.namespace}/kustomization/app"
    assert {each["context"] for each in github.statuses[SHA]} == {f"eu-west-1/{path}", f"us-east-1/{path}"}


@pytest.mark.case("notification-39")
async def test_addresses_of_bitbucket_servers(world):
    contexts = ("", "/one", "/one/two/three", "/scm")
    await world.secret("token", token="t0ken")
    async with AsyncExitStack() as stack:
        for number, context in enumerate(contexts):
            host = await stack.enter_async_context(BitbucketServerHost(below=context))
            host.accounts["t0ken"] = "flux"
            host.repositories["acme/fleet"] = {SHA}
            address = f"{host.url}{context}/scm/acme/fleet.git"
            await world.provider(
                f"p{number}", type="bitbucketserver", address=address, secretRef={"name": "token"}
            )
            await world.alert(f"a{number}", provider=f"p{number}")
            await world.post(f"in {context}", metadata=UPDATE)
            await host.until(lambda host=host: host.builds)
            assert {each.path for each in host.log} == {
                f"{context}/rest/api/latest/projects/acme/repos/fleet/commits/{SHA}/builds"
            }
    address = "ssh://git@git.example.com/scm/acme/fleet.git"
    await world.provider("by-ssh", type="bitbucketserver", address=address, secretRef={"name": "token"})
    refused = "the address is not that of a clone by HTTP(S)"
    event = await world.event(f"spec.address: {refused}", "by-ssh")
    assert (event["type"], event["reason"]) == ("Warning", "InvalidConfig")
    await world.alert("ssh", provider="by-ssh")
    await world.post("by ssh", metadata=UPDATE)
    event = await world.event(refused, "ssh")
    assert (event["type"], event["reason"]) == ("Warning", "NotificationDispatchFailed")


@pytest.mark.case("notification-40")
async def test_a_pull_request_has_one_comment(world, gitea):
    token = gitea.account("flux", "write:issue", "read:user")
    gitea.repository("flux", "fleet")
    for number in range(1, 12):
        gitea.ask("POST", "/repos/flux/fleet/issues", {"title": f"{number}"})
    change = gitea.change("flux", "fleet", "blue")
    assert change.number == 12
    await world.secret("token", token=token)
    provider = await world.provider(
        type="giteapullrequestcomment", address=f"{gitea.url}/flux/fleet", secretRef={"name": "token"}
    )
    await world.alert()
    marker = f"<!-- flux-pr-comment-key:{provider['metadata']['uid']}/Kustomization/{world.namespace}/app -->"
    theirs = f"{marker}\n\nnot by us"
    gitea.ask("POST", "/repos/flux/fleet/issues/12/comments", {"body": theirs})
    posted = {"metadata": {"event.toolkit.fluxcd.io/change_request": "12"}}

    async def comments(text):
        def read():
            return gitea.comments("flux", "fleet", 12)

        def met(found):
            return any(text in each["body"] for each in found)

        return await asyncio.to_thread(gitea.until, read, met)

    await world.post("first message", **posted)
    other, mine = await comments("first message")
    await world.post("second message", severity="error", **posted)
    other, edited = await comments("second message")
    assert other["body"] == theirs
    assert edited["id"] == mine["id"]
    assert edited["body"].startswith(f"{marker}\n\n## Flux Status\n")
    assert "first message" not in edited["body"]
