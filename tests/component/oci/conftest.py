"""One registry for all tests; every test has repositories of its own."""

import asyncio
import zlib
from datetime import UTC, datetime

import aiohttp
import pytest

from shared.oci import Access, Registries, Repository
from shared.testing.registry import Gate, run_registry


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    with run_registry(tmp_path_factory.mktemp("registry")) as store:
        yield store


@pytest.fixture
async def gate(store):
    async with Gate(store) as gate:
        yield gate


@pytest.fixture
def name(request):
    """The repository of this test."""
    return f"org/n{zlib.crc32(request.node.nodeid.encode())}"


class Pauses(list):
    """The pauses that were made, in seconds: each is over at once, and its time has passed on the clock."""

    def __init__(self):
        super().__init__()
        self.at = 0.0

    def now(self):
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self):
        return self.at

    async def sleep(self, seconds):
        self.append(seconds)
        self.at += seconds


@pytest.fixture
def pauses(monkeypatch):
    pauses = Pauses()
    monkeypatch.setattr(asyncio, "sleep", pauses.sleep)
    return pauses


@pytest.fixture
async def registries(pauses):
    async with aiohttp.ClientSession() as session:
        yield Registries(session, "flux/v2 headrace/test", pauses)


@pytest.fixture
def registry(registries, gate, name):
    """A repository, by default that of this test, seen with some access."""

    def make(path=name, **access):
        return registries.registry(Repository(gate.host, path), Access(**access))

    return make
