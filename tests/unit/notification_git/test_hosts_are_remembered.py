"""What is remembered of Git hosts."""

import pytest

from notification_controller.delivery.git.memory import Memory


async def test_facts_are_asked_for_once_and_failures_are_not_kept():
    memory, asked = Memory(), []

    async def ask():
        asked.append(1)
        if len(asked) == 1:
            raise RuntimeError
        return "flux"

    with pytest.raises(RuntimeError):
        await memory.fact(ask, "login", "t0ken")
    assert [await memory.fact(ask, "login", "t0ken") for _ in range(3)] == ["flux"] * 3
    assert len(asked) == 2


async def test_the_oldest_is_forgotten_and_secrets_are_not_kept():
    memory = Memory(2)
    for number in range(3):
        memory.keep(number, "t0ken", str(number))
    assert [memory.comment("t0ken", str(number)) for number in range(3)] == [None, 1, 2]
    memory.forget("t0ken", "1")
    assert memory.comment("t0ken", "1") is None
    assert b"t0ken" not in b"".join(memory._comments)
