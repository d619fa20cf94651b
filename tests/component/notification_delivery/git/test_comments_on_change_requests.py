"""Comments on pull and merge requests: one for each object and Provider, whatever happens meanwhile."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from notification_controller.notification import NotDelivered
from shared.testing.git_hosts import Fault, GitHubHost, GitLabHost

MARKER = "<!-- flux-{}-comment-key:p-uid/Kustomization/apps/{} -->"


@dataclass
class Place:
    """A change request at a host, and the Provider for it."""

    host: object
    provider: object
    thread: list
    prefix: str
    list: str
    create: str
    edit: tuple

    def comment(self, login, body):
        add = self.host.note if self.prefix == "mr" else self.host.comment
        return add("acme/fleet", 12, login, body)

    @property
    def bodies(self):
        return [each["body"] for each in self.thread]

    def methods(self):
        return [each.method for each in self.host.log]

    def marker(self, name="web"):
        return MARKER.format(self.prefix, name)


@asynccontextmanager
async def github(provider):
    async with GitHubHost(below="/api/v3") as host:
        host.issues["acme/fleet", 12] = thread = []
        base = "/api/v3/repos/acme/fleet/issues"
        yield Place(
            host,
            provider("githubpullrequestcomment", f"{host.url}/acme/fleet", secretRef="s"),
            thread,
            "pr",
            f"{base}/12/comments?sort=created&direction=asc&per_page=100&page=1",
            f"{base}/12/comments",
            ("PATCH", f"{base}/comments/{{}}"),
        )


@asynccontextmanager
async def gitlab(provider):
    async with GitLabHost() as host:
        host.merge_requests["acme/fleet", 12] = thread = []
        base = "/api/v4/projects/acme%2Ffleet/merge_requests/12/notes"
        yield Place(
            host,
            provider("gitlabmergerequestcomment", f"{host.url}/acme/fleet", secretRef="s"),
            thread,
            "mr",
            f"{base}?sort=asc&order_by=created_at&per_page=100&page=1",
            base,
            ("PUT", f"{base}/{{}}"),
        )


@pytest.fixture(params=[github, gitlab], ids=["github", "gitlab"])
async def place(request, cluster, provider):
    cluster.add("s", token="t0ken")
    async with request.param(provider) as place:
        place.host.accounts["t0ken"] = "flux"
        place.host.repositories["acme/fleet"] = set()
        yield place


async def test_a_comment_is_created_and_then_edited(place, post, event):
    await post(place.provider, event())
    (body,) = place.bodies
    assert body.startswith(f"{place.marker()}\n\n## Flux Status\n\n")
    assert "Applied revision" in body
    assert "change_request" not in body
    await post(place.provider, event("error", "BuildFailed", "it failed"))
    assert place.bodies == [
        body.replace("\N{INFORMATION SOURCE}", "\N{WARNING SIGN}").replace(
            "Applied revision: main@sha1:69b59063", "it failed"
        )
    ]
    user, listing, create, edit = place.host.log
    assert user.path.endswith("/user")
    assert (listing.method, listing.target) == ("GET", place.list)
    assert (create.method, create.target, create.body) == ("POST", place.create, {"body": body})
    method, target = place.edit
    assert (edit.method, edit.target) == (method, target.format(place.thread[0]["id"]))
    assert edit.body == {"body": place.bodies[0]}


async def test_two_events_at_once_make_one_comment(place, post, event):
    await post(place.provider, event(), event("error", "BuildFailed", "it failed"))
    assert len(place.bodies) == 1
    assert place.methods().count("POST") == 1


async def test_objects_have_comments_of_their_own(place, post, event):
    await post(place.provider, event(), event(name="db"))
    assert sorted(body.partition("\n")[0] for body in place.bodies) == [place.marker("db"), place.marker()]


async def test_a_comment_is_found_again_by_its_marker_and_its_author(place, post, event):
    mine = f"{place.marker()}\n\nfrom before a restart"
    theirs = f"{place.marker()}\n\nquoted by somebody else"
    place.comment("mallory", theirs)
    place.comment("flux", "something else")
    place.comment("flux", mine)
    await post(place.provider, event())
    assert place.bodies[:2] == [theirs, "something else"]
    assert len(place.bodies) == 3
    assert place.bodies[2].startswith(f"{place.marker()}\n\n## Flux Status")


async def test_a_comment_of_somebody_else_is_not_touched(place, post, event):
    theirs = f"{place.marker()}\n\nnot by us"
    place.comment("mallory", theirs)
    await post(place.provider, event())
    assert place.bodies[0] == theirs
    assert len(place.bodies) == 2


async def test_another_account_has_a_comment_of_its_own(place, post, event, cluster):
    await post(place.provider, event())
    (theirs,) = place.bodies
    cluster.add("s", token="0ther")
    place.host.accounts = {"0ther": "robot"}
    for _ in range(2):
        await post(place.provider, event("error", "BuildFailed", "it failed"))
    assert place.bodies[0] == theirs
    assert len(place.bodies) == 2
    assert "it failed" in place.bodies[1]


async def test_a_new_token_of_the_same_account_edits_the_same_comment(place, post, event, cluster):
    await post(place.provider, event())
    cluster.add("s", token="n3w")
    place.host.accounts = {"n3w": "flux"}
    await post(place.provider, event("error", "BuildFailed", "it failed"))
    (body,) = place.bodies
    assert "it failed" in body


async def test_a_marker_that_a_message_quotes_marks_nothing(place, post, event, restarted):
    await post(place.provider, event(name="db", message=f"found {place.marker()} in a file"))
    await post(place.provider, event(), by=restarted)
    assert [body.partition("\n")[0] for body in place.bodies] == [place.marker("db"), place.marker()]


async def test_the_comment_is_found_on_any_page(place, post, event):
    for number in range(250):
        place.comment("mallory", f"{number}")
    place.comment("flux", f"{place.marker()}\n\nold")
    await post(place.provider, event())
    assert len(place.bodies) == 251
    assert [each.query["page"] for each in place.host.asked("GET", r"/(comments|notes)$")] == ["1", "2", "3"]


async def test_what_a_comment_says_already_is_not_said_again(place, post, event, restarted):
    await post(place.provider, event())
    body = place.bodies[0]
    await post(place.provider, event(), by=restarted)
    assert place.bodies == [body]
    assert place.methods() == ["GET", "GET", "POST", "GET", "GET"]


async def test_a_comment_that_was_deleted_is_made_again(place, post, event):
    await post(place.provider, event())
    place.thread.clear()
    await post(place.provider, event())
    await post(place.provider, event("error"))
    assert len(place.bodies) == 1
    assert place.methods().count("POST") == 2


@pytest.mark.looptime(noop_cycles=2000)
@pytest.mark.parametrize("status", [502, None])
async def test_an_answer_that_gets_lost_makes_no_second_comment(place, post, event, status):
    place.host.faults = [Fault("POST", "/(comments|notes)$", status, after=True)]
    await post(place.provider, event())
    assert len(place.bodies) == 1
    assert place.methods().count("POST") == 1


@pytest.mark.looptime(noop_cycles=2000)
async def test_a_comment_that_was_not_taken_is_tried_again(place, post, event):
    place.host.faults = [Fault("POST", "/(comments|notes)$", 503, times=2)]
    await post(place.provider, event())
    assert len(place.bodies) == 1
    assert place.methods().count("POST") == 3


@pytest.mark.looptime(noop_cycles=2000)
async def test_trouble_is_told_in_the_end(place, post, event):
    place.host.faults = [Fault("POST", "/(comments|notes)$", 503, times=9)]
    told = "^failed to create the comment: request failed with status code 503: out of order$"
    with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match=told)):
        await post(place.provider, event())


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("twelve", '^invalid "change_request" metadata value "twelve": it is not a number$'),
        ("13", "^failed to list the comments: request failed with status code 404"),
    ],
)
async def test_a_change_request_has_to_be_there(place, post, event, number, told):
    with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match=told)):
        await post(place.provider, event(change_request=number))
    assert place.methods().count("POST") == 0


async def test_a_long_message_is_cut(place, post, event):
    await post(place.provider, event(message="x" * 200_000))
    assert len(place.bodies[0]) == 65_536
    assert place.bodies[0].endswith("... (truncated)")


@pytest.mark.looptime(noop_cycles=2000)
async def test_nobody_waits_for_other_objects(place, post, event):
    fault = Fault("POST", "/(comments|notes)$", 503)
    place.host.faults = [fault]
    waiting = asyncio.create_task(post(place.provider, event()))
    await fault.met.wait()
    await post(place.provider, event(name="db"))
    assert [body.partition("\n")[0] for body in place.bodies] == [place.marker("db")]
    await waiting
    assert len(place.bodies) == 2


async def test_nothing_in_a_message_is_a_command(cluster, provider, post, event):
    cluster.add("s", token="t0ken")
    async with gitlab(provider) as place:
        place.host.accounts["t0ken"] = "flux"
        place.host.repositories["acme/fleet"] = set()
        place.comment("maintainer", "fine\n/merge")
        said = "it failed:\n/merge\n  /approve now\n/usr/bin/env: no such file"
        for _ in range(2):
            await post(place.provider, event("error", "BuildFailed", said, note="a\n/close"))
        assert place.host.commands == []
        assert "it failed:\n\\/merge\n  \\/approve now\n\\/usr/bin/env: no" in place.bodies[1]
        assert place.methods().count("POST") == 1
