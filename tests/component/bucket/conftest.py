"""A server that speaks S3, and stores that read it."""

import zlib

import aiohttp
import pytest
from yarl import URL

from shared.testing.bucket_server import BucketGate, run_bucket_server
from source_controller.bucket.library import Library
from source_controller.bucket.s3 import S3Access, S3Stores


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with run_bucket_server(tmp_path_factory.mktemp("buckets")) as server:
        yield server


@pytest.fixture
async def gate(server):
    async with BucketGate(server) as gate:
        yield gate


@pytest.fixture
def bucket(server, request):
    name = f"b-{zlib.crc32(request.node.nodeid.encode())}"
    server.create(name)
    return name


@pytest.fixture(scope="session")
def library():
    return Library()


@pytest.fixture
async def stores(library):
    async with aiohttp.ClientSession() as session:
        yield S3Stores(session, library)


@pytest.fixture
def access(gate, bucket):
    def make(scheme="http", **known):
        return S3Access(URL(f"{scheme}://{gate.host}"), known.pop("bucket", bucket), **known)

    return make
