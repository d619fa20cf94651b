"""A Bucket that names a ServiceAccount is read with what the cloud gives to that one."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.api.source_v1 import Bucket
from shared.auth.cloud import AwsKeys, AzureToken, GcpToken
from source_controller.bucket.access import BucketAccesses
from source_controller.bucket.azure import _Given
from source_controller.bucket.azure_login import AccountToken
from source_controller.bucket.library import S3Credentials
from source_controller.identities import GateClosed, Identities

ENDS = datetime.now(UTC) + timedelta(hours=1)


class Clouds:
    """Gives something to one account."""

    default_account = ""

    def __init__(self):
        self.asked = []

    async def aws_keys(self, user, **how):
        self.asked.append(how)
        return AwsKeys("AKID", "h1dden", "session", expires_at=ENDS)

    async def azure_token(self, scope, user, **how):
        self.asked.append({"scope": scope} | how)
        return AzureToken("h1dden", expires_at=ENDS)

    async def gcp_token(self, user, **how):
        self.asked.append(how)
        return GcpToken("h1dden", expires_at=ENDS)


@pytest.fixture
def clouds():
    return Clouds()


def accesses(clouds, *, gate=True):
    return BucketAccesses(None, None, Identities(clouds, object_level=gate))


def bucket(provider, endpoint, **spec):
    spec = {"interval": "1m", "bucketName": "b", "endpoint": endpoint, "provider": provider} | spec
    spec["serviceAccountName"] = "reader"
    return Bucket.model_validate({"metadata": {"name": "app", "namespace": "team"}, "spec": spec})


async def test_in_aws(clouds):
    sts = {"provider": "aws", "endpoint": "https://sts.eu-west-1.amazonaws.com"}
    obj = bucket("aws", "s3.eu-west-1.amazonaws.com", sts=sts)
    access = await accesses(clouds).open(obj)
    assert access.credentials == S3Credentials("AKID", "h1dden", "session")
    (asked,) = clouds.asked
    assert (asked["account"], asked["region"], asked["endpoint"]) == (
        "reader",
        "eu-west-1",
        "https://sts.eu-west-1.amazonaws.com",
    )


async def test_in_azure(clouds):
    access = await accesses(clouds).open(bucket("azure", "https://ada.blob.core.windows.net"))
    assert access.login == AccountToken("h1dden", ENDS)
    assert clouds.asked == [
        {"scope": "https://storage.azure.com/.default", "account": "reader", "proxy": None}
    ]
    given = await _Given(access.login).get_token("any")
    assert (given.token, given.expires_on) == ("h1dden", int(ENDS.timestamp()))
    assert "h1dden" not in repr(access)


async def test_in_google(clouds):
    access = await accesses(clouds).open(bucket("gcp", "storage.googleapis.com"))
    assert access.token == "h1dden"
    assert "h1dden" not in repr(access)


@pytest.mark.parametrize("provider", ["aws", "azure", "gcp"])
async def test_not_where_objects_have_no_identity_of_their_own(clouds, provider):
    with pytest.raises(GateClosed):
        await accesses(clouds, gate=False).open(bucket(provider, "s3.amazonaws.com"))
    assert clouds.asked == []
