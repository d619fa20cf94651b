"""A rate and a burst, until an answer shows that the server has limits of its own."""

import asyncio

import pytest

from shared.kube.throttle import Throttle

pytestmark = pytest.mark.looptime


async def times(throttle, count):
    loop = asyncio.get_running_loop()
    start, found = loop.time(), []
    for _ in range(count):
        await throttle.wait()
        found.append(round(loop.time() - start, 3))
    return found


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate():
    assert await times(Throttle(10, 3), 5) == [0, 0, 0, 0.1, 0.2]


async def test_those_who_come_together_wait_in_a_row():
    throttle, loop = Throttle(10, 1), asyncio.get_running_loop()
    start, found = loop.time(), []

    async def one():
        await throttle.wait()
        found.append(round(loop.time() - start, 3))

    await asyncio.gather(*(one() for _ in range(4)))
    assert found == [0, 0.1, 0.2, 0.3]


async def test_a_pause_fills_the_burst_again_and_no_more():
    throttle = Throttle(10, 2)
    await times(throttle, 2)
    await asyncio.sleep(60)
    assert await times(throttle, 3) == [0, 0, 0.1]


@pytest.mark.parametrize("rate", [0, -1])
async def test_no_rate_is_no_limit(rate):
    assert await times(Throttle(rate, 1), 50) == [0] * 50


async def test_a_server_that_limits_is_not_limited_here():
    throttle = Throttle(1, 1)
    throttle.heed({"Date": "today"})
    assert await times(throttle, 2) == [0, 1]
    throttle.heed({"X-Kubernetes-PF-FlowSchema-UID": "x"})
    assert await times(throttle, 20) == [0] * 20
