"""Names of hosts that nobody answers for hold up nothing but what needs them."""

import asyncio
import socket
from threading import Event

from shared.runtime.loop import Loop


def test_lookups_that_hang_keep_no_thread_from_other_work(monkeypatch):
    answered = Event()

    def silent(*_):
        answered.wait()
        return []

    async def main():
        lookups = [
            asyncio.create_task(asyncio.get_running_loop().getaddrinfo(f"h{n}", 80)) for n in range(50)
        ]
        await asyncio.sleep(0)
        try:
            return await asyncio.to_thread(str, "done")
        finally:
            answered.set()
            await asyncio.gather(*lookups)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(main()) == "done"


def test_an_address_is_found():
    async def main():
        return await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert [found[4] for found in runner.run(main())] == [("127.0.0.1", 80)]
