"""Limits of the servers that take events and webhooks, with raw bytes on real connections."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from notification_controller import connection, serving
from notification_controller.serving import LARGEST_BODY, Answer, IntakeServer
from shared.observe import metrics
from shared.observe.clock import SystemClock

HOST = "127.0.0.1"


@asynccontextmanager
async def listening(take, **options):
    server = IntakeServer(
        "event-server", take, (HOST, 0), metrics.events_serving, SystemClock(), handler="/", **options
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def said(server, *parts):
    """The first line of the answer to raw bytes, and whether the connection was closed after it."""
    reader, writer = await asyncio.open_connection(HOST, server.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        return head.split(b"\r\n")[0].decode()
    finally:
        writer.close()


async def until(holds):
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


def metric_of_open_calls():
    name = 'gotk_event_http_requests_inflight{handler="/",service=""} '
    text = metrics.exposition()[0].decode()
    return float(text.partition(name)[2].partition("\n")[0] or 0)


async def refused(server):
    """Whether a new connection is closed without a word."""
    reader, writer = await asyncio.open_connection(HOST, server.port)
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True
    finally:
        writer.close()


@pytest.fixture
def seen():
    return []


@pytest.fixture
def take(seen):
    async def answer(call):
        seen.append(call)
        return Answer(202, {"X-Seen": "yes"})

    return answer


def post(body=b"", target="/", headers=b""):
    head = f"POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n".encode()
    return head + headers + b"\r\n" + body


async def test_a_call_is_told_as_it_was_sent(take, seen):
    async with listening(take) as server:
        assert await said(server, post(b"{}", "/a%2Fb//c?x=1")) == "HTTP/1.1 202 Accepted"
    (call,) = seen
    assert (call.method, call.target, call.body) == ("POST", "/a%2Fb//c?x=1", b"{}")
    assert call.headers["host"] == "a"


async def test_the_largest_body_is_taken_and_one_byte_more_is_not(take, seen):
    async with listening(take) as server:
        assert "202" in await said(server, post(b"x" * LARGEST_BODY))
        assert "413" in await said(server, post(b"x" * (LARGEST_BODY + 1)))
    assert [len(call.body) for call in seen] == [3_145_728]


async def test_a_body_without_a_length_is_limited_all_the_same(take, seen):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    async with listening(take) as server:
        assert "202" in await said(server, head, chunk * 3, b"0\r\n\r\n")
        assert "413" in await said(server, head, chunk * 3, b"1\r\nx\r\n0\r\n\r\n")
    assert len(seen) == 1


@pytest.mark.parametrize("headers", [1, 40], ids=["one", "many"])
async def test_headers_beyond_256_kib_are_too_large(take, seen, headers):
    size = 300_000 // headers
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"v" * size) for number in range(headers))
    async with listening(take) as server:
        assert "431" in await said(server, post(headers=lines))
        assert "202" in await said(server, post(headers=b"X: " + b"v" * 100_000 + b"\r\n"))
    assert len(seen) == 1


FIELD = b"X-%d: " + b"v" * 50_000 + b"\r\n"


async def test_headers_without_an_end_are_given_up(take, seen):
    async with listening(take) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\n")
        for number in range(100):
            writer.write(FIELD % number)
            await writer.drain()
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
        writer.close()
        assert "202" in await said(server, post(b"{}"))
    assert len(seen) == 1


async def sends(server, start, part, times):
    """Sends parts without an end; gives how many were sent until nobody took them any more."""
    _, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(start)
    try:
        for number in range(times):
            writer.write(part % number if b"%" in part else part)
            await writer.drain()
    except ConnectionError:
        return number
    finally:
        writer.close()
    return times


@pytest.mark.parametrize(
    ("after", "part"),
    [(b"1\r\nx\r\n0\r\n", FIELD), (b"", b"1\r\nx\r\n" * 10_000), (b"", b"1;" + b"e" * 50_000)],
    ids=["what follows the body", "its framing", "one chunk"],
)
async def test_neither_is_anything_else_besides_a_body_without_a_limit(take, seen, after, part):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with listening(take) as server:
        assert await sends(server, head + after, part, 2000) < 2000
    assert not seen


async def test_calls_ahead_of_answers_are_as_limited(take):
    running, go_on = asyncio.Event(), asyncio.Event()

    async def slow(call):
        running.set()
        await go_on.wait()
        return Answer(202)

    async with listening(slow) as server:
        sending = asyncio.create_task(
            sends(server, post(b"{}"), post(headers=b"X: " + b"v" * 50_000 + b"\r\n"), 2000)
        )
        await running.wait()
        assert await sending < 2000
        go_on.set()


async def test_a_body_in_pieces_is_no_framing(take, seen):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"200\r\n" + b"x" * 0x200 + b"\r\n"
    async with listening(take) as server:
        for _ in range(2):
            assert "202" in await said(server, head, *[chunk * 16] * (LARGEST_BODY // 0x2000), b"0\r\n\r\n")
    assert [len(call.body) for call in seen] == [LARGEST_BODY] * 2


async def test_one_connection_may_bring_any_number_of_calls(take, seen):
    call = post(b"x" * 300_000, headers=b"X: " + b"v" * 100_000 + b"\r\n")
    async with listening(take) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        for _ in range(20):
            writer.write(call)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202")
        writer.close()
    assert len(seen) == 20


async def test_headers_of_all_together_have_a_limit(take, monkeypatch):
    monkeypatch.setattr(connection, "_ALL_BESIDES", 150_000)
    start = b"POST / HTTP/1.1\r\nHost: a\r\nX: "
    async with listening(take) as server:
        _, first = await asyncio.open_connection(HOST, server.port)
        first.write(start + b"v" * 100_000)
        await first.drain()
        reader, second = await asyncio.open_connection(HOST, server.port)
        second.write(start + b"v" * 100_000)
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        # Whose headers come in one piece needs none of that room.
        assert "202" in await said(server, post(b"{}"))
        first.close()
        second.close()


async def test_for_one_connection_too_many_goes_the_one_that_waits_for_the_longest_time(monkeypatch):
    monkeypatch.setattr(connection, "_MOST_CONNECTIONS", 3)
    running, go_on = asyncio.Event(), asyncio.Event()

    async def take(call):
        running.set()
        await go_on.wait()
        return Answer(202)

    async with listening(take) as server:
        busy = asyncio.create_task(said(server, post(b"{}")))
        await running.wait()
        waiting = [await asyncio.open_connection(HOST, server.port) for _ in range(3)]
        assert await waiting[0][0].read() == b""
        waiting[0][1].close()
        for _, writer in waiting[1:]:
            writer.write(post(b"{}"))
        # Nobody waits now, so there is no room for another.
        await until(lambda: metric_of_open_calls() == 3)
        assert await refused(server)
        go_on.set()
        assert "202" in await busy
        for reader, writer in waiting[1:]:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202")
            writer.close()


async def test_whom_no_body_could_help_is_answered_without_it(take, seen):
    def turn_away(method, target):
        return Answer(404) if target != "/known" else None

    async with listening(take, turn_away=turn_away) as server:
        unfinished = post(b"x" * 1000, "/unknown")[:-1]
        assert "404" in await said(server, unfinished)
        assert server._bodies.left == serving._ALL_BODIES
        assert "413" in await said(server, post(b"", "/unknown").replace(b": 0", b": 3145729"))
        assert "404" in await said(server, post(b"x" * LARGEST_BODY, "/unknown"))
        assert "202" in await said(server, post(b"{}", "/known"))
    assert len(seen) == 1


async def test_who_goes_in_the_middle_of_a_body_is_no_mistake_of_ours(take, seen, caplog):
    async with listening(take) as server:
        _, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(post(b"x" * 1000)[:-1])
        await until(lambda: server._bodies.left < serving._ALL_BODIES)
        writer.close()
        await until(lambda: server._bodies.left == serving._ALL_BODIES)
        assert "202" in await said(server, post(b"{}"))
    assert not caplog.records


async def test_who_asks_first_is_told_to_go_on(take):
    async with listening(take) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202")
        writer.close()


async def test_what_is_no_http_gets_a_400(take, seen):
    async with listening(take) as server:
        assert "400" in await said(server, b"\x16\x03\x01 hello\r\n\r\n")
        assert "400" in await said(server, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")
    assert not seen


async def test_a_mistake_costs_one_call_its_answer_and_no_other(seen):
    async def take(call):
        if call.body == b"bad":
            raise KeyError("secret")
        return Answer(202)

    async with listening(take) as server:
        assert "500" in await said(server, post(b"bad"))
        assert "202" in await said(server, post(b"good"))


@pytest.mark.parametrize("sent", [b"POST / HT", post(b"x" * 10)[:-5]], ids=["header", "body"])
async def test_who_does_not_go_on_is_hung_up_on(take, seen, sent, monkeypatch):
    monkeypatch.setattr(serving, "_HEADER_SECONDS", 0.2)
    monkeypatch.setattr(serving, "_BODY_SECONDS", 0.2)
    async with listening(take) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(sent)
        assert await reader.read() == b""
        writer.close()
    assert not seen


async def test_calls_that_are_open_at_a_stop_may_end():
    running, go_on = asyncio.Event(), asyncio.Event()

    async def take(call):
        running.set()
        await go_on.wait()
        return Answer(202)

    async with listening(take) as server:
        asking = asyncio.create_task(said(server, post(b"{}")))
        await running.wait()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        go_on.set()
        assert "202" in await asking
        await stopping


async def dripping(server, pieces):
    """Calls with a body that comes in pieces without an end; gives when the connection was closed."""
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(post(b"x" * 1000)[:-1000])
    try:
        while not reader.at_eof():
            writer.write(b"x")
            pieces.append(1)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await reader.read(100)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def test_a_stop_waits_only_a_moment_for_bodies(take, seen, monkeypatch):
    monkeypatch.setattr(serving, "_REST_OF_BODY_SECONDS", 0.2)
    pieces = []
    async with listening(take) as server:
        dripper = asyncio.create_task(dripping(server, pieces))
        await until(lambda: server._bodies.left < serving._ALL_BODIES)
        async with asyncio.timeout(serving._STOP_SECONDS - 1):
            await server.stop()
            await dripper
    assert not seen
    assert pieces


async def test_a_body_that_is_complete_soon_after_a_stop_is_taken(take, seen):
    async with listening(take) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        whole = post(b"x" * 1000)
        writer.write(whole[:-1])
        await until(lambda: server._bodies.left < serving._ALL_BODIES)
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        writer.write(whole[-1:])
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 202")
        assert b"Connection: close" in answer
        writer.close()
        await stopping
    assert len(seen) == 1


async def test_a_call_that_does_not_end_is_cut_off_at_a_stop(monkeypatch):
    monkeypatch.setattr(serving, "_STOP_SECONDS", 0.1)
    running, ended = asyncio.Event(), asyncio.Event()

    async def take(call):
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with listening(take) as server:
        asking = asyncio.create_task(said(server, post(b"{}")))
        waiting = asyncio.create_task(refused(server))
        await running.wait()
        await server.stop()
        assert await waiting
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asking
        await ended.wait()


async def test_all_bodies_together_have_a_limit(monkeypatch, seen):
    monkeypatch.setattr(serving, "_ALL_BODIES", 100)
    running, go_on = asyncio.Event(), asyncio.Event()

    async def take(call):
        seen.append(call)
        running.set()
        await go_on.wait()
        return Answer(202)

    async with listening(take) as server:
        first = asyncio.create_task(said(server, post(b"x" * 60)))
        await running.wait()
        assert "503" in await said(server, post(b"x" * 60))
        go_on.set()
        assert "202" in await first
        # What the first one held is free again.
        assert "202" in await said(server, post(b"x" * 60))
    assert len(seen) == 2


async def test_calls_are_counted_by_method_and_code_and_paths_stay_secret(take):
    async with listening(take) as server:
        for target in ("/hook/5ecre7", "/"):
            await said(server, post(b"{}", target))
        await said(server, b"PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n")
    text = metrics.exposition()[0].decode()
    count = "gotk_event_http_request_duration_seconds_count"
    assert f'{count}{{code="202",handler="/",method="POST",service=""}}' in text
    assert f'{count}{{code="202",handler="/",method="other",service=""}}' in text
    assert 'gotk_event_http_requests_inflight{handler="/",service=""} 0.0' in text
    assert "5ecre7" not in text


async def test_paths_are_told_where_that_is_asked_for(take):
    address = (HOST, 0)
    server = IntakeServer(
        "receiver-server",
        take,
        address,
        metrics.webhooks_serving,
        SystemClock(),
        handler="/hook/",
        tell_paths=True,
    )
    await server.start()
    await said(server, post(b"{}", "/hook/told"))
    await server.stop()
    assert 'handler="/hook/told"' in metrics.exposition()[0].decode()
