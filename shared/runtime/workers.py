"""Keys of a queue are worked on, some at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from shared.runtime.queue import Taken, WorkQueue
from shared.runtime.slots import Slots


async def work_off(
    queue: WorkQueue, slots: Slots, work: Callable[[Taken], Coroutine[Any, Any, None]], name: str
) -> None:
    """Gives every key that is due to a task of its own, which takes a slot with it and has to give it back.

    Returns once the queue is closed and all tasks have ended.
    """
    async with asyncio.TaskGroup() as group:
        while not queue.closed:
            await queue.wait()
            await slots.take()
            taken = queue.take()
            if taken is None:
                slots.give()
                continue
            group.create_task(work(taken), name=f"{name} {taken.key}")
