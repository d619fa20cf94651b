"""What the policies of a namespace have chosen, and the texts that markers ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from image_controllers.automation.update.selecting import Selector
from image_controllers.naming import InvalidImage, canonical
from shared.api.image_v1 import ImageRef
from shared.kube.store import Store
from shared.lang.json import JsonObject, mapping
from shared.runtime.header import Header

_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"[a-z0-9]+:[0-9a-fA-F]{32,}")


@dataclass(frozen=True, slots=True)
class PolicyHeader(Header):
    """What is kept decoded of every ImagePolicy."""

    latest: ImageRef | None = None
    """Its choice."""
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, obj: JsonObject) -> Self:
        """From an object in wire form; never raises."""
        known = Header.of(obj)
        labels = mapping(obj["metadata"].get("labels"))
        return cls(known.generation, known.requested_at, known.deleting, _chosen(obj), labels)


class Choices:
    """The choices of the policies that take part, by their names."""

    def __init__(self, namespace: str, chosen: Mapping[str, ImageRef]) -> None:
        self.chosen = chosen
        self._namespace = namespace
        #: Policies whose choice names no image; markers for them are left alone.
        self.invalid = tuple(name for name, image in chosen.items() if not _is_image(image))

    @classmethod
    def of(cls, namespace: str, selector: Selector, store: Store[PolicyHeader]) -> Self:
        """What the policies of a namespace have chosen."""
        return cls(namespace, dict(sorted(_selected(namespace, selector, store))))

    def wire(self) -> dict[str, JsonObject]:
        """As the status has them."""
        return {
            name: image.model_dump(by_alias=True, exclude_none=True) for name, image in self.chosen.items()
        }

    def value_of(self, marker: str) -> str | None:
        """The text that a marker asks for; None if there is no such policy, or no such part of its choice."""
        namespace, _, rest = marker.partition(":")
        name, colon, part = rest.partition(":")
        image = self.chosen.get(name)
        if namespace != self._namespace or image is None or name in self.invalid:
            return None
        if not colon:
            return str(image)
        return {"name": image.name, "tag": image.tag, "digest": image.digest or ""}.get(part)


def _selected(
    namespace: str, selector: Selector, store: Store[PolicyHeader]
) -> Iterator[tuple[str, ImageRef]]:
    for key, header in store.headers():
        if key.namespace == namespace and header.latest is not None and selector.selects(header.labels):
            yield key.name, header.latest


def _chosen(obj: JsonObject) -> ImageRef | None:
    found = mapping(mapping(obj.get("status")).get("latestRef"))
    name, tag, digest = found.get("name"), found.get("tag"), found.get("digest")
    if not isinstance(name, str) or not isinstance(tag, str):
        return None
    return ImageRef(name=name, tag=tag, digest=digest if isinstance(digest, str) and digest else None)


def _is_image(image: ImageRef) -> bool:
    if image.digest and not _DIGEST.fullmatch(image.digest):
        return False
    try:
        canonical(image.name)
    except InvalidImage:
        return False
    return bool(_TAG.fullmatch(image.tag))
