"""Manifests: what an image consists of, and which image of several is meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from shared.lang import json
from shared.lang.digest import Digest, DigestError
from shared.lang.json import JsonObject, mapping, mappings
from shared.oci.errors import ContentRefused

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
ACCEPTED: Final = (OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST)
SCHEMA_1: Final = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
"""Old images, which have a digest and are not read."""

_PLATFORM: Final = ("linux", "amd64")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob or manifest by its digest."""

    media_type: str
    digest: Digest
    size: int
    annotations: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, raw: JsonObject) -> Self:
        """From a manifest.

        Raises:
            ContentRefused: it is none.
        """
        size = raw.get("size")
        try:
            digest = Digest.parse(str(raw.get("digest") or ""))
        except DigestError as error:
            raise ContentRefused(f"the manifest has a descriptor without a digest: {error}") from error
        if not isinstance(size, int) or size < 0:
            raise ContentRefused("the manifest has a descriptor without a size")
        return cls(str(raw.get("mediaType") or ""), digest, size, texts(raw.get("annotations")))


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image, or a list of images for several platforms."""

    digest: Digest
    media_type: str
    raw: JsonObject = field(repr=False)
    size: int = 0
    """In bytes, as it came."""

    @classmethod
    def read(cls, data: bytes, digest: Digest, media_type: str) -> Self:
        """From the bytes that have the digest.

        Raises:
            ContentRefused: it is none.
        """
        try:
            raw = json.loads_object(data)
        except ValueError as error:
            raise ContentRefused(f"the manifest is not in its format: {error}") from error
        return cls(digest, str(raw.get("mediaType") or media_type), raw, len(data))

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests instead of layers."""
        return self.media_type in {OCI_INDEX, DOCKER_LIST} or (
            "manifests" in self.raw and "layers" not in self.raw
        )

    @property
    def annotations(self) -> dict[str, str]:
        """What its authors noted."""
        return texts(self.raw.get("annotations"))

    @property
    def layers(self) -> list[Descriptor]:
        """The layers of an image, in their order."""
        return [Descriptor.read(layer) for layer in mappings(self.raw.get("layers"))]

    @property
    def config(self) -> Descriptor | None:
        """The description of an image."""
        raw = self.raw.get("config")
        return Descriptor.read(raw) if isinstance(raw, dict) else None

    def for_platform(self) -> Descriptor:
        """The image of a list that is for our platform.

        Raises:
            ContentRefused: there is none.
        """
        for raw in mappings(self.raw.get("manifests")):
            platform = mapping(raw.get("platform"))
            if (platform.get("os"), platform.get("architecture")) == _PLATFORM:
                return Descriptor.read(raw)
        raise ContentRefused("the image index has no image for linux/amd64")


def texts(value: object) -> dict[str, str]:
    """The texts of a mapping that nobody validated."""
    return {key: text for key, text in mapping(value).items() if isinstance(text, str)}
