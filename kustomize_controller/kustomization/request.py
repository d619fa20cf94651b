"""What a build is asked for and what comes out: the values between the steps.

The reconciler fills a `BuildRequest` from the spec of a Kustomization, so that the steps know nothing of
the API model, and so that everything a build depends on can be seen (and hashed) in one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from shared.lang.json import JsonObject


class BuildFailed(Exception):
    """The manifests can't be built; the message is fit for a condition."""


class PathNotFound(BuildFailed):
    """The artifact has no directory at the path of the spec."""


@dataclass(frozen=True, slots=True)
class ImageOverride:
    """One entry of `spec.images`; an empty field says nothing."""

    name: str
    new_name: str = ""
    new_tag: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What the spec lays over the kustomization file at its path."""

    target_namespace: str = ""
    name_prefix: str = ""
    name_suffix: str = ""
    patches: tuple[JsonObject, ...] = ()
    """Each with `patch` and perhaps `target`, as on the wire."""
    images: tuple[ImageOverride, ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    build_metadata: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Substitution:
    """`spec.postBuild` with all of its references already read, the later ones winning."""

    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    not_text: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Where each further variable comes from, whose value can't be filled in."""
    always: bool = False
    """Expand also without variables (`substituteStrategy: Always`)."""
    strict: bool = True
    """An undefined variable is an error."""


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """Everything that decides what is built from a tree."""

    path: str = ""
    overlay: Overlay = field(default_factory=Overlay)
    substitution: Substitution | None = None
    """None without `spec.postBuild`: nothing is expanded then."""
    artifact_digest: str = ""
    """Names the content of the tree; lets an unchanged artifact skip even the look at its files."""


@dataclass(frozen=True, slots=True)
class Built:
    """The desired objects, and the digest of their text as it enters the history."""

    objects: list[JsonObject]
    digest: str
