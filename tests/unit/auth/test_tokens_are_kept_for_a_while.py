"""Which tokens are kept, and for how long."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from shared.auth.cloud import TokenCache, User

USER = User("Bucket", "team", "app")


@dataclass(frozen=True)
class Token:
    name: str
    expires_at: datetime


class Time:
    def __init__(self):
        self.wall = datetime(2026, 1, 1, tzinfo=UTC)
        self.mono = 0.0

    def now(self):
        return self.wall

    def monotonic(self):
        return self.mono


class Maker:
    def __init__(self, time, life=timedelta(hours=1)):
        self.time, self.life, self.made = time, life, 0

    async def __call__(self):
        self.made += 1
        await asyncio.sleep(0)
        return Token(f"t{self.made}", self.time.wall + self.life)


@pytest.fixture
def time():
    return Time()


async def test_those_who_ask_at_once_get_the_same(time):
    cache, make = TokenCache(time, 10), Maker(time)
    found = await asyncio.gather(*(cache.get(["a"], make, USER) for _ in range(5)))
    assert {token.name for token in found} == {"t1"}


@pytest.mark.parametrize(
    ("wall", "mono", "kept"),
    [
        (timedelta(minutes=47), 47 * 60, True),
        (timedelta(minutes=48), 1, False),  # the machine slept
        (timedelta(minutes=-90), 48 * 60, False),  # somebody set the clock back
    ],
)
async def test_both_clocks_count(time, wall, mono, kept):
    cache, make = TokenCache(time, 10), Maker(time)
    await cache.get(["a"], make, USER)
    time.wall += wall
    time.mono += mono
    assert ((await cache.get(["a"], make, USER)).name == "t1") is kept


@pytest.mark.parametrize(
    ("longest", "life", "seconds"),
    [
        (timedelta(hours=1), timedelta(hours=12), 3600),
        (timedelta(hours=9), timedelta(hours=12), 3600),
        (timedelta(minutes=5), timedelta(hours=1), 300),
        (timedelta(hours=1), timedelta(minutes=10), 480),
    ],
)
async def test_nothing_is_kept_for_longer_than_the_limits(time, longest, life, seconds):
    cache, make = TokenCache(time, 10, longest), Maker(time, life)
    await cache.get(["a"], make, USER)
    time.mono = seconds - 1
    await cache.get(["a"], make, USER)
    assert make.made == 1
    time.mono = seconds
    await cache.get(["a"], make, USER)
    assert make.made == 2


async def test_a_dead_token_isnt_kept(time):
    cache, make = TokenCache(time, 10), Maker(time, timedelta())
    await cache.get(["a"], make, USER)
    await cache.get(["a"], make, USER)
    assert make.made == 2


async def test_without_room_nothing_is_kept(time):
    cache, make = TokenCache(time, 0), Maker(time)
    await cache.get(["a"], make, USER)
    await cache.get(["a"], make, USER)
    assert make.made == 2


async def test_what_was_used_longest_ago_goes_first(time):
    cache, make = TokenCache(time, 2), Maker(time)
    for key in ("a", "b", "a", "c", "a"):
        await cache.get([key], make, USER)
    assert make.made == 3
    await cache.get(["b"], make, USER)
    assert make.made == 4


async def test_parts_are_not_run_together(time):
    cache, make = TokenCache(time, 10), Maker(time)
    await cache.get(["a", "bc"], make, USER)
    await cache.get(["ab", "c"], make, USER)
    assert make.made == 2


async def test_a_failure_isnt_kept(time):
    cache, make = TokenCache(time, 10), Maker(time)

    async def fail():
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - whatever was raised comes out
        await cache.get(["a"], fail, USER)
    assert (await cache.get(["a"], make, USER)).name == "t1"
