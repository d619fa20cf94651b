"""From how a bucket is reached to the bucket, whoever keeps it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import aiohttp

from source_controller.bucket.azure import AzureAccess, open_azure
from source_controller.bucket.google import GoogleAccess, open_google
from source_controller.bucket.s3 import S3Access, S3Stores
from source_controller.bucket.store import ObjectStore

Access = S3Access | AzureAccess | GoogleAccess


class Stores:
    """Object stores of all kinds."""

    def __init__(self, session: aiohttp.ClientSession, s3: S3Stores) -> None:
        """Nothing is sent yet."""
        self._session = session
        self._s3 = s3

    def open(self, access: Access) -> AbstractAsyncContextManager[ObjectStore]:
        """A bucket for one turn; everything that it began has ended with the block.

        Raises:
            StoreError: the login can't be used.
            ExtraMissing: it can't be read with what is installed.
        """
        match access:
            case S3Access():
                return self._s3.open(access)
            case AzureAccess():
                return open_azure(access)
            case GoogleAccess():
                return open_google(self._session, access)
