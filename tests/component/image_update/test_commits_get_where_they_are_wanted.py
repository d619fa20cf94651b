"""What is pushed to a branch and to a further reference, and what happens if one of them is not to be had."""

import asyncio

import pytest

from image_controllers.automation.update.plans import NoPlan
from image_controllers.automation.update.runs import PushFailed

REVIEW = "refs/heads/main:refs/heads/review"


async def test_a_reference_that_was_not_to_be_had_gets_its_commit_later(place):
    place.commit("a.yaml")
    hook = place.hook('[ "$1" = refs/heads/review ] && { echo "closed on fridays" >&2; exit 1; }; exit 0')
    async with place.automation() as automation:
        with pytest.raises(PushFailed, match="refs/heads/review"):
            await automation.run(refspec=REVIEW)
        made = place.head()
        assert place.count() == 2
        with pytest.raises(PushFailed, match="refs/heads/review"):
            await automation.run(refspec=REVIEW)
        hook.unlink()
        done = await automation.run(refspec=REVIEW)
        assert done.commit.hash == made == place.head() == place.head("review")
        again = await automation.run(refspec=REVIEW)
        assert again.commit is None
        assert place.count() == 2


async def test_a_reference_that_has_other_commits_fails_the_run_once_and_makes_no_second_commit(place):
    place.commit("a.yaml")
    place.upstream.commit({"b": "b"}, branch="other")
    place.upstream.point("refs/heads/review", "refs/heads/other")
    async with place.automation() as automation:
        with pytest.raises(PushFailed, match="failed to push to remote"):
            await automation.run(refspec=REVIEW)
        done = await automation.run(refspec=REVIEW)
        assert done.commit is None
        assert place.count() == 2
        done = await automation.run(refspec=f"+{REVIEW}")
        assert done.commit is None  # another refspec is another wish, from the next commit on
        automation.tag = "v3"
        done = await automation.run(refspec=f"+{REVIEW}")
        assert done.commit.hash == place.head() == place.head("review")


async def test_a_commit_that_is_overtaken_meanwhile_still_gets_to_its_reference(place):
    place.commit("a.yaml")
    hook = place.hook('[ "$1" = refs/heads/review ] && exit 1; exit 0')
    async with place.automation() as automation:
        with pytest.raises(PushFailed):
            await automation.run(refspec=REVIEW)
        made = place.head()
        hook.unlink()
        place.upstream.git("fetch", "-q", str(place.upstream.bare), "main")
        place.upstream.git("reset", "-q", "--hard", "FETCH_HEAD")
        newer = place.upstream.commit({"c": "c"})
        done = await automation.run(refspec=REVIEW)
        assert done.commit.hash == made == place.head("review")
        assert done.revision == f"main@sha1:{newer}"


@pytest.mark.parametrize(("branch", "force"), [("main", True), ("auto", True), ("auto", False)])
async def test_a_reference_that_has_newer_commits_by_now_keeps_them(place, branch, force):
    place.commit("one/a.yaml", "two/b.yaml")
    refspec = f"{'+' if force else ''}refs/heads/{branch}:refs/heads/review"
    hook = place.hook('[ "$1" = refs/heads/review ] && exit 1; exit 0')
    async with place.automation("one", "one") as one, place.automation("two", "two") as two:
        with pytest.raises(PushFailed):
            await one.run(branch, refspec)
        hook.unlink()
        newer = await two.run(branch, refspec)
        assert newer.commit.hash == place.head(branch) == place.head("review")
        assert place.count(branch) == 3
        done = await one.run(branch, refspec)
        assert done.commit is None
        assert place.head("review") == newer.commit.hash
        assert one.runs._unfinished == {}


async def test_a_commit_that_is_gone_is_let_go(place):
    place.commit("a.yaml")
    hook = place.hook('[ "$1" = refs/heads/review ] && exit 1; exit 0')
    async with place.automation("one") as automation, place.automation("two") as other:
        with pytest.raises(PushFailed):
            await automation.run(refspec=REVIEW)
        hook.unlink()
        place.upstream.commit({"a.yaml": "nothing is marked"})
        other.runs._unfinished.update(automation.runs._unfinished)
        other.obj = automation.obj
        done = await other.run(refspec=REVIEW)
        assert done.commit is None
        assert other.runs._unfinished == {}


async def test_a_refspec_may_name_the_branch_itself(place):
    place.commit("a.yaml")
    async with place.automation() as automation:
        done = await automation.run("auto", "refs/heads/auto:refs/heads/auto")
        assert done.commit.hash == place.head("auto")
        automation.tag = "v3"
        with pytest.raises(NoPlan, match="'refs/heads/else' is not what is pushed, use refs/heads/auto"):
            await automation.run("auto", "refs/heads/else:refs/heads/auto")


async def test_what_is_chosen_while_others_push_is_what_is_written(place):
    place.commit("one/a.yaml", "two/b.yaml")
    async with place.automation() as automation:
        plan = automation.plan()
        async with automation.runs._lanes.hold((str(plan.remote.url), "main")):
            waiting = asyncio.create_task(automation.run())
            await asyncio.sleep(0)
            automation.tag = "v3"
        done = await waiting
    assert place.git("show", "main:one/a.yaml").startswith("image: app:v3 ")
    assert done.choices.chosen["app"].tag == "v3"


@pytest.mark.parametrize("branch", ["main", "auto"])
async def test_two_processes_push_to_one_branch(place, branch):
    place.commit("one/a.yaml", "two/b.yaml")
    async with place.automation("one", "one") as one, place.automation("two", "two") as two:
        first, second = await asyncio.gather(one.run(branch), two.run(branch))
    assert place.count(branch) == 3
    assert place.head(branch) in {first.commit.hash, second.commit.hash}
    for file in ("one/a.yaml", "two/b.yaml"):
        assert place.git("show", f"{branch}:{file}").startswith("image: app:v2 ")


@pytest.mark.parametrize("exists", [True, False])
async def test_a_commit_that_comes_to_the_branch_in_between_stays(place, exists):
    place.commit("a.yaml")
    if exists:
        place.upstream.point("refs/heads/auto", place.head())
    faster = []
    async with place.automation() as automation:

        def choose():
            # The branch was looked up and fetched; now somebody else pushes to it.
            if not faster:
                faster.append(place.upstream.commit({"other": "x"}, branch="auto"))
            return automation.choose()

        done = await automation.run("auto", choose=choose)
    assert place.head("auto") == done.commit.hash
    assert place.head("auto^") == faster[0]


async def test_a_branch_that_begins_anew_each_time_is_overwritten_if_it_may_be(place):
    place.commit("a.yaml")
    place.upstream.commit({"old": "x"}, branch="auto")
    old = place.head("auto")
    async with place.automation("strict", all_branches=False, force=False) as automation:
        with pytest.raises(PushFailed):
            await automation.run("auto")
        assert place.head("auto") == old
    async with place.automation("forced", all_branches=False) as automation:
        done = await automation.run("auto")
    assert place.head("auto") == done.commit.hash
    assert place.head("auto^") == place.head()


async def test_a_branch_that_begins_anew_gets_no_second_commit_of_the_same_files(place):
    place.commit("a.yaml")
    refspec = "refs/heads/auto:refs/heads/review"
    async with place.automation(all_branches=False) as automation:
        first = await automation.run("auto", refspec)
        again = await automation.run("auto", refspec)
        assert again.commit is None
        assert place.head("auto") == place.head("review") == first.commit.hash
        place.upstream.commit({"other": "x"})
        rebased = await automation.run("auto", refspec)
        assert rebased.commit.hash == place.head("auto") == place.head("review")
        assert place.head("auto^") == place.head()
        hook = place.hook('[ "$1" = refs/heads/review ] && exit 1; exit 0')
        automation.tag = "v3"
        with pytest.raises(PushFailed):
            await automation.run("auto", refspec)
        hook.unlink()
        done = await automation.run("auto", refspec)
        assert done.commit.hash == place.head("auto") == place.head("review")


async def test_a_message_is_told_as_it_was_written(place):
    place.commit("a.yaml")
    async with place.automation() as automation:
        done = await automation.run(template="\n\nUpdate\n")
    assert done.commit.message == "\n\nUpdate\n"
