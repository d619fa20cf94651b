"""Without a Secret, a Bucket in AWS is read with what the environment of the controller gives."""

import aiohttp
import pytest

from shared.api.source_v1 import Bucket
from shared.auth.cloud import Clouds
from shared.observe.clock import SystemClock
from shared.runtime.outcome import Failure
from source_controller.bucket.access import BucketAccesses
from source_controller.bucket.library import S3Credentials
from source_controller.identities import Identities


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "missing"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
async def accesses():
    async with aiohttp.ClientSession() as session:
        clouds = Clouds(session, None, SystemClock())
        yield BucketAccesses(session, None, Identities(clouds, object_level=False))


def bucket(**spec):
    spec = {"interval": "1m", "bucketName": "b", "endpoint": "s3.eu-west-1.amazonaws.com"} | spec
    return Bucket.model_validate({"metadata": {"name": "app", "namespace": "team"}, "spec": spec})


async def test_the_environment_gives_keys(accesses, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ada")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "h1dden")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "for-now")
    access = await accesses.open(bucket(provider="aws"))
    assert access.credentials == S3Credentials("ada", "h1dden", "for-now")
    assert "h1dden" not in repr(access)


async def test_a_generic_bucket_is_not_shown_them(accesses, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ada")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "h1dden")
    assert (await accesses.open(bucket())).credentials is None


async def test_no_keys_are_a_failure_that_says_so(accesses):
    with pytest.raises(Failure, match=r"^AWS authentication failed: no credentials found") as caught:
        await accesses.open(bucket(provider="aws"))
    assert caught.value.reason == "AuthenticationFailed"


async def test_half_a_pair_of_keys_is_a_failure_that_says_so(accesses, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ada")
    with pytest.raises(Failure, match=r"AWS authentication failed: .*AWS_SECRET_ACCESS_KEY"):
        await accesses.open(bucket(provider="aws"))
