"""Which host a request of S3 goes to, and in which words."""

from contextlib import contextmanager

import pytest
from yarl import URL

from source_controller.bucket.carrier import Answer
from source_controller.bucket.library import S3Credentials
from source_controller.bucket.s3 import S3Access, S3Store

KEYS = S3Credentials("ada", "s3cret")
EMPTY = b"<ListBucketResult><Name>b</Name></ListBucketResult>"


class Noted:
    """Notes what would be sent."""

    def __init__(self):
        self.requests = []

    @contextmanager
    def into(self, target):
        yield

    def send(self, request):
        self.requests.append(request)
        return Answer(200, {}, EMPTY)


@pytest.fixture
def sent(stores):
    def sent(endpoint, bucket="bkt", **known):
        noted = Noted()
        store = S3Store(stores, S3Access(URL(endpoint), bucket, credentials=KEYS, **known), noted, None)
        client = store._client()
        old = endpoint.endswith("storage.googleapis.com")
        assert list(client.pages(bucket, "a b/", old=old)) == [{}]
        client.close()
        return noted.requests[-1]

    return sent


@pytest.mark.parametrize(
    ("endpoint", "known", "address"),
    [
        ("https://minio.example.com:9000", {"region": "r"}, "https://minio.example.com:9000/bkt"),
        ("https://s3.eu-west-1.amazonaws.com", {}, "https://bkt.s3.eu-west-1.amazonaws.com/"),
        ("https://s3.amazonaws.com", {"region": "eu-west-3"}, "https://bkt.s3.eu-west-3.amazonaws.com/"),
        (
            "https://s3.amazonaws.com",
            {"region": "eu-west-3", "bucket": "b.k"},
            "https://s3.eu-west-3.amazonaws.com/b.k",
        ),
        ("https://storage.googleapis.com", {"region": "auto"}, "https://bkt.storage.googleapis.com/"),
    ],
)
async def test_hosts_and_paths_are_those_that_stores_want(sent, endpoint, known, address):
    assert sent(endpoint, **known).url.partition("?")[0] == address


async def test_the_region_of_a_host_is_signed(sent):
    request = sent("https://s3.ap-south-2.amazonaws.com")
    assert "/ap-south-2/s3/aws4_request" in request.headers["Authorization"]


async def test_google_is_asked_in_the_first_way_of_listing(sent):
    assert "list-type" not in sent("https://storage.googleapis.com", region="auto").url
    assert "list-type=2" in sent("https://minio.example.com", region="r").url
