"""A served directory, a repository in it, and clients that keep their copies elsewhere."""

import gc
from contextlib import asynccontextmanager

import aiohttp
import pytest

from shared.git import GitClient
from shared.testing.git_upstream import Upstream


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "served"
    path.mkdir()
    return path


@pytest.fixture
def upstream(root):
    return Upstream(root)


@pytest.fixture
def client_in():
    """Makes a client whose copies are in a directory."""

    @asynccontextmanager
    async def client_in(directory, **options):
        async with aiohttp.ClientSession() as session:
            client = GitClient(directory, session, **options)
            try:
                yield client
            finally:
                await client.close()
                gc.collect()  # whoever left something open is told here

    return client_in


@pytest.fixture
async def client(tmp_path, client_in):
    async with client_in(tmp_path / "copies") as client:
        yield client
