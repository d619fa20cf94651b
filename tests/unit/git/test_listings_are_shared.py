"""Who asked before a listing began is served by it; who asked later gets one of their own."""

import asyncio

import pytest

from shared.git.errors import RemoteError
from shared.git.listings import Listings
from shared.git.refs import Advertisement


class Remote:
    """Counts how often it is asked; answers after a while, or fails."""

    def __init__(self, seconds=1.0):
        self.asked = 0
        self.seconds = seconds
        self.error = None

    async def __call__(self):
        self.asked += 1
        answer = Advertisement({}, {"HEAD": str(self.asked)})
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        return answer


@pytest.fixture
async def listings():
    listings = Listings()
    yield listings
    await listings.close()


def now():
    return asyncio.get_running_loop().time()


@pytest.mark.looptime
async def test_all_that_wait_together_are_served_at_once(listings):
    remote, asked_at = Remote(), now()
    await asyncio.sleep(0.5)
    answers = await asyncio.gather(*(listings.get("app", remote, asked_at) for _ in range(50)))
    answers.append(await listings.get("app", remote, asked_at))
    assert remote.asked == 1
    assert len({id(answer) for answer in answers}) == 1


@pytest.mark.looptime
async def test_who_asks_later_gets_what_is_new(listings):
    remote = Remote()
    await listings.get("app", remote, now())
    assert (await listings.get("app", remote, now())).symbolic["HEAD"] == "2"
    under_way = asyncio.create_task(listings.get("app", remote, None))
    await asyncio.sleep(0.1)
    assert (await listings.get("app", remote, now())).symbolic["HEAD"] == "4"
    assert (await under_way).symbolic["HEAD"] == "3"


@pytest.mark.looptime
async def test_nobody_sees_what_is_old(listings):
    remote, asked_at = Remote(), now()
    await listings.get("app", remote, asked_at)
    await asyncio.sleep(60)
    await listings.get("app", remote, asked_at)
    assert remote.asked == 2


@pytest.mark.looptime
async def test_other_questions_have_other_answers(listings):
    remote, asked_at = Remote(), now()
    await asyncio.gather(listings.get("app", remote, asked_at), listings.get("web", remote, asked_at))
    assert remote.asked == 2


@pytest.mark.looptime
async def test_trouble_is_shared_but_not_kept(listings):
    remote, asked_at = Remote(), now()
    remote.error = RemoteError("away")
    both = (listings.get("app", remote, asked_at) for _ in range(2))
    results = await asyncio.gather(*both, return_exceptions=True)
    assert [str(result) for result in results] == ["away", "away"]
    remote.error = None
    await listings.get("app", remote, asked_at)
    assert remote.asked == 2


@pytest.mark.looptime
async def test_one_that_is_cancelled_costs_the_others_nothing(listings):
    remote, asked_at = Remote(), now()
    first = asyncio.create_task(listings.get("app", remote, asked_at))
    second = asyncio.create_task(listings.get("app", remote, asked_at))
    await asyncio.sleep(0.1)
    first.cancel()
    assert (await second).symbolic["HEAD"] == "1"
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.looptime
async def test_closing_ends_what_is_under_way(listings):
    waiting = asyncio.create_task(listings.get("app", Remote(3600), now()))
    await asyncio.sleep(0.1)
    await listings.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
