"""An answer that is not read to its end costs its connection, at once, whatever the other side does."""

import asyncio
import socket
import ssl
import threading

import aiohttp
import pytest

from shared.http import hang_up
from shared.testing.tls import Authority

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def silent():
    """A TLS server that starts an answer, then neither reads nor writes; yields its port, and trust in it."""
    authority, over = Authority(), threading.Event()
    context = authority.server_context()

    def serve(listener):
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(65536)
            tls.sendall(HEAD + b"2\r\nhi\r\n")
            over.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener])
        thread.start()
        yield listener.getsockname()[1], ssl.create_default_context(cadata=authority.pem.decode())
        over.set()
        thread.join()


async def test_the_socket_is_closed_though_the_other_side_says_no_good_bye(silent):
    port, trust = silent
    async with aiohttp.ClientSession() as session:
        async with session.get(f"https://127.0.0.1:{port}/", ssl=trust) as answer:
            assert await answer.content.readany() == b"hi"
            raw = answer.connection.transport.get_extra_info("socket")
            hang_up(answer)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert raw.fileno() == -1


async def test_an_answer_that_was_read_keeps_its_connection_for_the_next_request(plain):
    url, connections = plain
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.get(url) as answer:
                await answer.read()
                hang_up(answer)
    assert len(connections) == 1


@pytest.fixture
async def plain():
    """A server that answers each request whole; yields its address and the connections it accepted."""
    connections = []

    async def serve(reader, writer):
        connections.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    async def served(reader, writer):
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", connections
