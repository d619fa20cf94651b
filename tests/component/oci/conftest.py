"""One registry for all tests; every test has repositories of its own."""

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
async def registries():
    async with aiohttp.ClientSession() as session:
        yield Registries(session, "flux/v2 headrace/test")


@pytest.fixture
def registry(registries, gate, name):
    """The repository of this test, seen with some access."""

    def make(**access):
        return registries.registry(Repository(gate.host, name), Access(**access))

    return make
