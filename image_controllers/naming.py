"""Names of image repositories as users write them: no scheme, no tag, and much of it may be left out."""

from __future__ import annotations

import re
from typing import Final

from shared.http import is_address
from shared.oci import DOCKER_HUB, Repository

_HUB: Final = "docker.io"
_PATH: Final = re.compile(r"[a-z0-9_\-./]{2,255}")
_TAG: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")


class InvalidImage(ValueError):
    """A text is no name of an image repository; str() says how to put it right."""


def canonical(image: str) -> Repository:
    """The repository that a name means, with everything that it leaves unsaid.

    Raises:
        InvalidImage: it is none, or says more than a repository.
    """
    scheme, separator, _ = image.partition("://")
    if separator:
        raise InvalidImage(f"image '{image}' should not include URL scheme; remove '{scheme}://'")
    name = _without_reference(image)
    found = _repository(name)
    if found is None:
        raise InvalidImage(f"could not parse reference: {image}")
    rest = image.removeprefix(found.host)
    _, colon, tag = rest.partition(":")
    if colon:
        tag = tag.partition(":")[0]
        raise InvalidImage(f"image '{image}' should not include a tag; remove ':{tag}'")
    return found


def _without_reference(image: str) -> str:
    """The name without a tag or a digest, where it has one that could be one."""
    name, at, digest = image.partition("@")
    if at and _DIGEST.fullmatch(digest):
        return name
    name, colon, tag = image.rpartition(":")
    return name if colon and "/" not in tag and _TAG.fullmatch(tag) else image


def _repository(name: str) -> Repository | None:
    host, slash, path = name.partition("/")
    if not slash or not ("." in host or ":" in host):
        host, path = DOCKER_HUB, name
    if host == _HUB:
        host = DOCKER_HUB
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}" if len(path) > 1 else path
    known = _HOST.fullmatch(host) and is_address(host) and _PATH.fullmatch(path)
    return Repository(host, path) if known else None
