"""The real source-controller between a real API server and a server that speaks S3."""

import zlib

import pytest

from shared.kube.resources import Resource
from shared.testing.blob_server import BlobServer
from shared.testing.bucket_server import BucketGate, run_bucket_server
from shared.testing.source import Sources, connected, run_source

BUCKETS = Resource("source.toolkit.fluxcd.io", "v1", "buckets", "Bucket")
LABEL = "bucket"


class Buckets(Sources):
    """One namespace in which source-controller works, and one bucket."""

    def __init__(self, client, namespace, server, gate, bucket, suite):
        defaults = {"interval": "1h", "endpoint": gate.host, "bucketName": bucket, "insecure": True}
        super().__init__(client, namespace, BUCKETS, suite.process, label=LABEL, defaults=defaults)
        self.server = server
        self.gate = gate
        self.bucket = bucket
        self.storage = suite.storage

    def put(self, **objects):
        """Puts objects by key into the bucket; their ETags."""
        return {key: self.server.put(self.bucket, key, content) for key, content in objects.items()}

    def path(self, key=""):
        """What is asked for of the bucket."""
        return f"/{self.bucket}/{key}" if key else f"/{self.bucket}"

    def downloads(self):
        """Keys of the objects that were asked for, but for the ignore file."""
        sent = [each.partition(" ") for each in self.gate.sent]
        start = self.path() + "/"
        keys = [
            path.removeprefix(start) for method, _, path in sent if method == "GET" and path.startswith(start)
        ]
        return sorted(key for key in keys if key != ".sourceignore")


@pytest.fixture(scope="session")
def bucket_suite(cluster, tmp_path_factory):
    with run_source(cluster, tmp_path_factory.mktemp("bucket"), LABEL) as suite:
        yield suite


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with run_bucket_server(tmp_path_factory.mktemp("buckets")) as server:
        yield server


@pytest.fixture
async def gate(server):
    async with BucketGate(server) as gate:
        yield gate


@pytest.fixture
async def blobs():
    async with BlobServer() as blobs:
        yield blobs


@pytest.fixture
async def buckets(cluster, namespace, bucket_suite, server, gate, request):
    bucket = f"b-{zlib.crc32(request.node.nodeid.encode())}"
    server.create(bucket)
    async with connected(cluster) as client:
        yield Buckets(client, namespace, server, gate, bucket, bucket_suite)
