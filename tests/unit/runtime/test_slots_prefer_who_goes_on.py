import asyncio

import pytest

from shared.runtime.slots import Slots


async def waiter(slots, log, name, **options):
    await slots.take(**options)
    log.append(name)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_than_the_count_are_busy():
    slots = Slots(2)
    await slots.take()
    await slots.take()
    third = asyncio.create_task(slots.take())
    await settle()
    assert not third.done()
    assert slots.busy == 2
    slots.give()
    await third
    assert slots.busy == 2


async def test_who_goes_on_comes_before_who_begins():
    slots, log = Slots(1), []
    await slots.take()
    async with asyncio.TaskGroup() as group:
        for name, resumed in (("begins", False), ("goes on", True), ("begins later", False)):
            group.create_task(waiter(slots, log, name, resumed=resumed))
            await settle()
        for _ in range(3):
            slots.give()
            await settle()
    assert log == ["goes on", "begins", "begins later"]


async def test_a_cancelled_waiter_is_skipped():
    slots, log = Slots(1), []
    await slots.take()
    gone = asyncio.create_task(slots.take())
    stays = asyncio.create_task(waiter(slots, log, "stays"))
    await settle()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    slots.give()
    await stays
    assert slots.busy == 1


async def test_a_slot_given_to_a_cancelled_waiter_goes_on_to_the_next():
    slots, log = Slots(1), []
    await slots.take()
    gone = asyncio.create_task(slots.take())
    stays = asyncio.create_task(waiter(slots, log, "stays"))
    await settle()
    slots.give()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await stays
    assert log == ["stays"]
    slots.give()
    assert slots.busy == 0


async def test_a_slot_given_between_cancelling_and_noticing_is_not_lost():
    slots = Slots(1)
    await slots.take()
    gone = asyncio.create_task(slots.take())
    await settle()
    gone.cancel()
    slots.give()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert slots.busy == 0
