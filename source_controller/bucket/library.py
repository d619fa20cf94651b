"""botocore: how S3 is spoken.

It is loaded when it is first needed, because it takes tens of megabytes; its data are shared by all clients.
Nothing is sent by itself: clients hand their requests to a carrier. Everything here blocks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any, Final

from source_controller.bucket.carrier import Answer, Carrier, Request, Target, plain_headers
from source_controller.bucket.store import ObjectGone, StoreError

DEFAULT_REGION: Final = "us-east-1"

_NO_BUCKET: Final = frozenset({"NoSuchBucket", "404"})
_NO_OBJECT: Final = frozenset({"NoSuchKey", "404"})
_CHANGED: Final = frozenset({"PreconditionFailed", "412"})
_ADVICE: Final = {
    "400": "check spec.region and the Secret of spec.secretRef",
    "401": "check the Secret of spec.secretRef",
    "403": "check the Secret of spec.secretRef, and who may read the bucket",
}
_LONGEST: Final = 300
_OF_A_LIST: Final = frozenset({"Name", "IsTruncated", "KeyCount", "Contents"})
_NOT_S3: Final = "the answer isn't one of S3, check spec.endpoint"


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """Who asks."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


class Library:
    """botocore, one for the whole process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._session: Any = None

    def client(
        self,
        endpoint: str,
        region: str,
        credentials: S3Credentials | None,
        carrier: Carrier,
        *,
        virtual: bool,
    ) -> S3Client:
        """A client of an endpoint; without credentials it asks as nobody."""
        with self._lock:
            session = self._loaded()
            from botocore import UNSIGNED  # noqa: PLC0415 - see the module
            from botocore.config import Config  # noqa: PLC0415

            # Without any keys it would look for some, even if it signs nothing.
            who = credentials or S3Credentials("nobody", "nothing")
            client = session.create_client(
                "s3",
                region_name=region,
                endpoint_url=endpoint,
                aws_access_key_id=who.access_key,
                aws_secret_access_key=who.secret_key,
                aws_session_token=who.token or None,
                config=Config(
                    signature_version="s3v4" if credentials else UNSIGNED,
                    s3={"addressing_style": "virtual" if virtual else "path"},
                    retries={"total_max_attempts": 1, "mode": "standard"},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                    use_dualstack_endpoint=False,
                    use_fips_endpoint=False,
                ),
            )
        client.meta.events.register("before-send.s3", partial(_carry, carrier))
        return S3Client(client, carrier)

    def _loaded(self) -> Any:
        if self._session is None:
            # It would log requests with all that they are signed by.
            logging.getLogger("botocore").setLevel(logging.WARNING)
            from botocore.session import Session  # noqa: PLC0415 - see the module

            self._session = Session()
        return self._session


class Refused(StoreError):
    """The store says no, and why."""

    def __init__(self, code: str, message: str, region: str = "") -> None:
        """`code` is one of S3, or a status of HTTP where the answer has no body."""
        super().__init__(message)
        self.code = code
        self.region = region


class S3Client:
    """What is asked of S3, in words of Python; everything blocks, and raises `StoreError`."""

    def __init__(self, client: Any, carrier: Carrier) -> None:
        """See `Library.client`."""
        self._client = client
        self._carrier = carrier

    def exists(self, bucket: str) -> bool:
        """Whether the bucket is there."""
        try:
            self._ask("head_bucket", Bucket=bucket)
        except Refused as error:
            if error.code in _NO_BUCKET:
                return False
            raise
        return True

    def region(self, bucket: str) -> str:
        """Where the bucket is, if that can be found out."""
        try:
            found = self._ask("get_bucket_location", Bucket=bucket).get("LocationConstraint")
        except Refused as error:
            found = error.region
        return "eu-west-1" if found == "EU" else str(found or DEFAULT_REGION)

    def pages(self, bucket: str, prefix: str, *, old: bool) -> Iterator[dict[str, str]]:
        """Keys and ETags, a page at a time; `old` is for stores that only know the first way of listing."""
        operation, mark = ("list_objects", "Marker") if old else ("list_objects_v2", "ContinuationToken")
        where = {"Bucket": bucket, "Prefix": prefix}
        while True:
            answer = self._ask(operation, **where)
            if answer.keys().isdisjoint(_OF_A_LIST):
                raise StoreError(_NOT_S3)
            found = [each for each in answer.get("Contents") or () if each.get("Key")]
            yield {each["Key"]: _etag(each) for each in found}
            if not answer.get("IsTruncated"):
                return
            last = found[-1]["Key"] if found else ""
            follows = (answer.get("NextMarker") or last) if old else answer.get("NextContinuationToken")
            if not follows or follows == where.get(mark):
                raise StoreError("the list of objects goes on, but the store doesn't say where")
            where[mark] = follows

    def get(self, bucket: str, key: str, target: Target, *, etag: str = "") -> str:
        """Writes an object into a target; its ETag. With an `etag` it has to be in this state.

        Raises:
            ObjectGone: it isn't there.
            StateChanged: it is in another state.
        """
        state = {"IfMatch": f'"{etag}"'} if etag else {}
        try:
            with self._carrier.into(target):
                return _etag(self._ask("get_object", Bucket=bucket, Key=key, **state))
        except Refused as error:
            if error.code in _NO_OBJECT:
                raise ObjectGone(str(error)) from None
            if error.code in _CHANGED:
                raise StateChanged(str(error)) from None
            raise

    def close(self) -> None:
        """Lets go of what it holds."""
        self._client.close()

    def _ask(self, operation: str, **parameters: str) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see the module
        from botocore.parsers import ResponseParserError  # noqa: PLC0415

        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**parameters)
        except ClientError as error:
            raise _refused(error.response) from None
        except ResponseParserError:
            raise StoreError(_NOT_S3) from None
        except BotoCoreError as error:
            raise StoreError(_words(error)) from None
        return answer


class StateChanged(StoreError):
    """The object isn't in the state that was asked for."""


def _carry(carrier: Carrier, request: Any, **_: object) -> Any:
    """Sends what a client has prepared, in place of the client."""
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415 - see the module

    body = request.body if isinstance(request.body, bytes) else None
    sent = Request(request.method, request.url, plain_headers(request.headers), body)
    answer = carrier.send(sent)
    if 300 <= answer.status < 400:
        raise _elsewhere(answer)  # the client would ask again and again where to go
    return AWSResponse(request.url, answer.status, answer.headers, _Raw(answer.body))


class _Raw:
    """The body of an answer as clients want to read it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        yield self._data


def _elsewhere(answer: Answer) -> Refused:
    region = answer.headers.get("x-amz-bucket-region", "")
    where = f"in the region '{region}', set spec.region" if region else "elsewhere, check spec.endpoint"
    return Refused(str(answer.status), f"{answer.status}: the bucket is {where}", region)


def _refused(response: dict[str, Any]) -> Refused:
    found = response.get("Error", {})
    code, said = str(found.get("Code") or "unknown"), str(found.get("Message") or "")[:_LONGEST]
    status = str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    advice = _ADVICE.get(code) or _ADVICE.get(status)
    text = f"{code}: {said}" if said else code
    return Refused(code, f"{text} ({advice})" if advice else text, str(found.get("Region") or ""))


def _words(error: Exception) -> str:
    """Trouble inside of the library, without what it was called with."""
    return f"{type(error).__name__}: {error}"[:_LONGEST]


def _etag(found: dict[str, Any]) -> str:
    return str(found.get("ETag") or "").strip('"')
