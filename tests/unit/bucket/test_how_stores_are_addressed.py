"""Host, path and region of a bucket, and the keys in a Secret."""

import pytest
from yarl import URL

from shared.auth import SecretError
from source_controller.bucket.access import static_keys
from source_controller.bucket.library import S3Credentials
from source_controller.bucket.s3 import S3Access, check_name, region_of
from source_controller.bucket.store import StoreError


@pytest.mark.parametrize(
    ("endpoint", "bucket", "virtual"),
    [
        ("https://s3.amazonaws.com", "b", True),
        ("https://s3.eu-west-1.amazonaws.com", "b", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", "b", True),
        ("https://storage.googleapis.com", "b", True),
        ("https://oss-cn-hangzhou.aliyuncs.com", "b", True),
        ("https://s3.amazonaws.com", "b.with.dots", False),
        ("http://s3.amazonaws.com", "b.with.dots", True),
        ("https://minio.example.com:9000", "b", False),
        ("https://amazonaws.com.example.com", "b", False),
    ],
)
def test_the_bucket_is_in_the_host_where_stores_want_that(endpoint, bucket, virtual):
    assert S3Access(URL(endpoint), bucket).virtual is virtual


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("s3-us-west-2.amazonaws.com", "us-west-2"),
        ("s3.dualstack.us-gov-east-1.amazonaws.com", "us-gov-east-1"),
        ("s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("s3.amazonaws.com", ""),
        ("minio.example.com", ""),
    ],
)
def test_a_host_of_aws_says_its_region(host, region):
    assert region_of(URL(f"https://{host}")) == region


@pytest.mark.parametrize(
    "name", ["a", "", "a/b", "a..b", "../a", "arn:aws:s3:::x", "a b", "-a", "a" * 256, "a?b"]
)
def test_a_name_of_a_bucket_is_nothing_else(name):
    with pytest.raises(StoreError, match=r"spec.bucketName"):
        check_name(name)


@pytest.mark.parametrize("name", ["abc", "my-bucket.example.com", "Old_Bucket"])
def test_names_of_buckets_are_let_through(name):
    check_name(name)


def test_keys_may_end_in_a_line_break_and_be_empty_together():
    assert static_keys("s", {"accesskey": b"a\n", "secretkey": b"b\r\n"}) == S3Credentials("a", "b")
    assert static_keys("s", {"accesskey": b"", "secretkey": b""}) is None


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"accesskey": b"a"},
        {"secretkey": b"h1dden"},
        {"accesskey": b"a", "secretkey": b""},
        {"accesskey": b"a\nX-Evil: 1", "secretkey": b"h1dden"},
        {"accesskey": b"a", "secretkey": b"h1dden\xff"},
    ],
)
def test_keys_that_can_not_be_used_are_named_and_not_shown(data):
    with pytest.raises(SecretError, match=r"invalid 's' secret data: .*'accesskey'") as caught:
        static_keys("s", data)
    assert "h1dden" not in str(caught.value)
