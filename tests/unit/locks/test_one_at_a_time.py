"""Locks by key let one in at a time, and are there only while somebody needs them."""

import asyncio

import pytest

from shared.locks import Locks


async def test_only_one_is_in_whoever_comes_when_another_leaves():
    locks, inside, most = Locks(), [], 0

    async def visit(name, *others):
        nonlocal most
        async with locks.hold("key"):
            inside.append(name)
            most = max(most, len(inside))
            await asyncio.sleep(0)
            inside.remove(name)
        for other in others:
            # At this very moment the next one was told that it may enter, and is not in yet.
            group.create_task(visit(other))

    async with asyncio.TaskGroup() as group:
        group.create_task(visit("first", "late"))
        group.create_task(visit("second", "later"))
    assert most == 1
    assert len(locks) == 0


async def test_other_keys_are_not_waited_for():
    locks = Locks()
    async with asyncio.timeout(1), locks.hold(("a", "b")), locks.hold("ab"), locks.hold("a"):
        assert len(locks) == 3


async def test_who_fails_or_gives_up_lets_the_next_one_in():
    locks = Locks()
    with pytest.raises(RuntimeError):
        async with locks.hold("key"):
            raise RuntimeError
    async with locks.hold("key"):
        waiting = asyncio.create_task(locks.hold("key").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(locks) == 1
    async with asyncio.timeout(1), locks.hold("key"):
        pass
    assert len(locks) == 0
