"""Statuses and comments at a real Gitea."""

import secrets

import pytest
from structlog.testing import capture_logs

from notification_controller.notification import NotDelivered
from shared.testing.gitea import run_gitea

MARKER = "<!-- flux-pr-comment-key:p-uid/Kustomization/apps/{} -->"


@pytest.fixture(scope="module")
def gitea(tmp_path_factory):
    with run_gitea(tmp_path_factory.mktemp("gitea")) as server:
        yield server


@pytest.fixture
def name():
    """Of an account, used by nobody else."""
    return f"flux-{secrets.token_hex(4)}"


@pytest.fixture
def change(gitea, cluster, name):
    """A pull request; the account's token is in the Secret `s`."""
    cluster.add("s", token=f"{gitea.account(name)}\n")
    gitea.repository(name, "fleet")
    return gitea.change(name, "fleet", "blue")


@pytest.fixture
def about(event, change):
    """Makes an event about the pull request."""

    def make(*args, **kwargs):
        revision = f"blue@sha1:{change.commit}"
        return event(*args, change_request=str(change.number), revision=revision, **kwargs)

    return make


async def test_statuses_are_set_where_there_is_something_new(
    gitea, provider, post, about, name, change, context
):
    given = provider("gitea", f"{gitea.url}/{name}/fleet", secretRef="s")
    for each in (
        about(reason="Progressing"),
        about(),
        about(),
        about("error", "BuildFailed"),
        about(),
    ):
        await post(given, each)
    kept = [(each["status"], each["description"]) for each in gitea.statuses(name, "fleet", change.commit)]
    assert kept == [
        ("success", "reconciliation succeeded"),
        ("failure", "build failed"),
        ("success", "reconciliation succeeded"),
        ("pending", "progressing"),
    ]
    assert {each["context"] for each in gitea.statuses(name, "fleet", change.commit)} == {context}
    assert {each["creator"]["login"] for each in gitea.statuses(name, "fleet", change.commit)} == {name}


@pytest.mark.parametrize(("wanted", "level"), [("true", "info"), ("false", "debug")])
async def test_the_log_tells_of_each_status_on_demand(
    gitea, provider, post, about, name, change, context, monkeypatch, wanted, level
):
    monkeypatch.setenv("NOTIFIER_GITEA_DEBUG", wanted)
    given = provider("gitea", f"{gitea.url}/{name}/fleet", secretRef="s")
    with capture_logs() as lines:
        await post(given, about())
        await post(given, about())
    facts = {"commit": change.commit, "context": context, "state": "success", "logger": "event-server"}
    assert lines == [
        {"event": text, "log_level": level} | facts
        for text in ("commit status is set", "commit status is there already")
    ]


async def test_contexts_stand_side_by_side(gitea, provider, post, about, name, change):
    given = provider("gitea", f"{gitea.url}/{name}/fleet.git", secretRef="s")
    for context in ("a", "b", "a", "b"):
        await post(given, about(), context=context)
    assert [each["context"] for each in gitea.statuses(name, "fleet", change.commit)] == ["b", "a"]


async def test_a_pull_request_has_one_comment_of_ours(gitea, provider, post, about, name, change):
    theirs = f"{MARKER.format('web')}\n\nby somebody else"
    gitea.ask("POST", f"/repos/{name}/fleet/issues/{change.number}/comments", {"body": theirs})
    given = provider("giteapullrequestcomment", f"{gitea.url}/{name}/fleet", secretRef="s")
    await post(given, about(message="first"))
    await post(given, about("error", "BuildFailed", message="second"))
    other, mine = gitea.comments(name, "fleet", change.number)
    assert (other["user"]["login"], other["body"]) == ("root", theirs)
    assert mine["user"]["login"] == name
    assert mine["body"].startswith(f"{MARKER.format('web')}\n\n## Flux Status\n")
    assert "second" in mine["body"]
    assert "first" not in mine["body"]


async def test_two_events_at_once_make_one_comment(gitea, provider, post, about, name, change, restarted):
    given = provider("giteapullrequestcomment", f"{gitea.url}/{name}/fleet", secretRef="s")
    await post(given, *(about(message=str(number)) for number in range(5)))
    await post(given, about(message="after a restart"), by=restarted)
    (mine,) = gitea.comments(name, "fleet", change.number)
    assert "after a restart" in mine["body"]


async def test_a_comment_is_found_among_many_and_made_again_once_deleted(
    gitea, provider, post, about, name, change, restarted
):
    comments = f"/repos/{name}/fleet/issues/{change.number}/comments"
    for number in range(120):
        gitea.ask("POST", comments, {"body": f"{number}"})
    given = provider("giteapullrequestcomment", f"{gitea.url}/{name}/fleet", secretRef="s")
    await post(given, about())
    await post(given, about("error"), by=restarted)
    assert len(gitea.comments(name, "fleet", change.number)) == 121
    last = gitea.comments(name, "fleet", change.number)[-1]
    gitea.ask("DELETE", f"/repos/{name}/fleet/issues/comments/{last['id']}")
    await post(given, about(message="again"), by=restarted)
    assert "again" in gitea.comments(name, "fleet", change.number)[-1]["body"]
    assert len(gitea.comments(name, "fleet", change.number)) == 121


async def test_the_scopes_in_the_guide_are_enough(gitea, provider, post, about, name, change, cluster):
    address = f"{gitea.url}/{name}/fleet"
    cluster.add("s", token=gitea.token(name, "write:repository"))
    await post(provider("gitea", address, secretRef="s"), about())
    assert len(gitea.statuses(name, "fleet", change.commit)) == 1
    cluster.add("s", token=gitea.token(name, "write:issue", "read:user"))
    for message in ("first", "second"):
        await post(provider("giteapullrequestcomment", address, secretRef="s"), about(message=message))
    assert len(gitea.comments(name, "fleet", change.number)) == 1


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("gitea", "^could not list commit statuses: request failed with status code 401"),
        ("giteapullrequestcomment", "^failed to get the authenticated user: .* status code 401"),
    ],
)
async def test_a_token_that_is_not_known_is_told(
    gitea, provider, post, about, name, change, cluster, kind, told
):
    cluster.add("s", token="f" * 40)
    given = provider(kind, f"{gitea.url}/{name}/fleet", secretRef="s")
    with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match=told)):
        await post(given, about())


async def test_a_commit_that_is_not_there_is_told(gitea, provider, post, event, name, change):
    given = provider("gitea", f"{gitea.url}/{name}/fleet", secretRef="s")
    with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match="status code 404")):
        await post(given, event(commit="b" * 40))


async def test_a_server_below_a_path_with_a_certificate_of_its_own(
    tmp_path, authority, cluster, provider, post, event, name
):
    with run_gitea(tmp_path, below="/git", authority=authority) as gitea:
        cluster.add("s", token=gitea.account(name), ca__crt=authority.pem)
        commit = gitea.repository(name, "fleet")
        given = provider("gitea", f"{gitea.url}/{name}/fleet", secretRef="s")
        await post(given, event(commit=commit))
        assert [each["status"] for each in gitea.statuses(name, "fleet", commit)] == ["success"]
        change = gitea.change(name, "fleet", "green")
        kind, address = "giteapullrequestcomment", f"{gitea.url}/{name}/fleet"
        comments = provider(kind, address, secretRef="s")
        with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match="is not trusted")):
            await post(comments, event(change_request=str(change.number)))
        comments = provider(kind, address, secretRef="s", certSecretRef="s")
        await post(comments, event(change_request=str(change.number)))
        assert len(gitea.comments(name, "fleet", change.number)) == 1
