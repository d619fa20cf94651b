"""Records of releases as Secrets, bytes for bytes as Helm has them."""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from helm_controller.release.model import Release, UnreadableRelease
from shared.lang.gojson import dumps
from shared.lang.json import JsonError, JsonObject, loads_object, mapping

TYPE: Final = "helm.sh/release.v1"
_MAGIC: Final = b"\x1f\x8b\x08"
#: Some thirty times what a Secret holds; more is no release, but made to be large.
_LARGEST: Final = 32 << 20
#: What the API server accepts as the data of one Secret.
_LIMIT: Final = 1 << 20
_SYSTEM_LABELS: Final = frozenset({"name", "owner", "status", "version", "createdAt", "modifiedAt"})


class ReleaseTooLarge(ValueError):
    """The record of a release doesn't fit into a Secret."""


def secret_name(name: str, version: int) -> str:
    """Name of the Secret of a revision."""
    return f"sh.helm.release.v1.{name}.v{version}"


def encode(release: Release) -> bytes:
    """The content of a record: base64 of compressed JSON."""
    packed = gzip.compress(dumps(release.to_wire()).encode(), compresslevel=9, mtime=0)
    return base64.b64encode(packed)


def decode(data: bytes, labels: Mapping[str, str] | None = None) -> Release:
    """The release in a record.

    Raises:
        UnreadableRelease: it is none, or is too large.
    """
    try:
        raw = base64.b64decode(data, validate=True)
        if raw.startswith(_MAGIC):
            inflater = zlib.decompressobj(wbits=31)
            raw = inflater.decompress(raw, _LARGEST)
            if not inflater.eof:
                raise UnreadableRelease("the record of a release is cut short or too large")
        own = {key: value for key, value in (labels or {}).items() if key not in _SYSTEM_LABELS}
        return Release.of_wire(loads_object(raw), own)
    except (binascii.Error, zlib.error, JsonError) as error:
        raise UnreadableRelease("the record of a release can't be decoded") from error


def secret_of(release: Release, namespace: str, now: datetime, *, created: bool) -> JsonObject:
    """The Secret of a revision, for its creation or for a change.

    Raises:
        ReleaseTooLarge: the record doesn't fit.
    """
    content = encode(release)
    if len(content) > _LIMIT:
        raise ReleaseTooLarge(
            f"release {release.name}.v{release.version} takes {len(content)} bytes, but a Secret holds "
            f"{_LIMIT} at most; make chart or values smaller, or split the chart"
        )
    labels = {
        **release.labels,
        "name": release.name,
        "owner": "helm",
        "status": release.status,
        "version": str(release.version),
        "createdAt" if created else "modifiedAt": str(int(now.timestamp())),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret_name(release.name, release.version),
            "namespace": namespace,
            "labels": labels,
        },
        "type": TYPE,
        "data": {"release": base64.b64encode(content).decode()},
    }


def release_of(secret: JsonObject) -> Release:
    """The release in a Secret.

    Raises:
        UnreadableRelease: there is none.
    """
    text = mapping(secret.get("data")).get("release")
    if not isinstance(text, str):
        raise UnreadableRelease("the Secret has no release")
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise UnreadableRelease("the record of a release can't be decoded") from error
    return decode(content, mapping(mapping(secret.get("metadata")).get("labels")))
