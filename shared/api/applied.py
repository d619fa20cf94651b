"""What kinds that apply objects have in common: selectors, patches, metadata, inventories."""

from typing import Annotated

from pydantic import Field

from shared.api.model import WireModel


class CommonMetadata(WireModel):
    """Labels and annotations for every object that is applied."""

    labels: dict[str, str] | None = None
    """Labels to set."""
    annotations: dict[str, str] | None = None
    """Annotations to set."""


class Selector(WireModel):
    """Which objects a patch or a rule is for; an absent field fits all."""

    group: str | None = None
    """API group, as a regular expression."""
    version: str | None = None
    """API version, as a regular expression."""
    kind: str | None = None
    """Kind, as a regular expression."""
    name: str | None = None
    """Name, as a regular expression."""
    namespace: str | None = None
    """Namespace, as a regular expression."""
    label_selector: str | None = None
    """Labels that the object has, as in `kubectl get --selector`."""
    annotation_selector: str | None = None
    """Annotations that the object has, in the same notation."""


class Patch(WireModel):
    """A change of objects in the build."""

    patch: str
    """Strategic merge patch or JSON 6902 patch, in YAML."""
    target: Selector | None = None
    """Objects to change; a strategic merge patch can name its object itself."""


class Image(WireModel):
    """A replacement of an image by another name, tag or digest."""

    name: str
    """Image without tag, as it is written in the manifests."""
    new_name: str | None = None
    """Image to use instead."""
    new_tag: str | None = None
    """Tag to use instead."""
    digest: str | None = None
    """Digest to use instead; wins over the tag."""


class IgnoreRule(WireModel):
    """Fields of applied objects that others may change."""

    paths: tuple[str, ...]
    """JSON pointers of the fields. An empty one is the whole object, negative indexes count from the end."""
    target: Selector | None = None
    """Objects that the rule is for, by default all."""


class InventoryEntry(WireModel):
    """An object that was applied."""

    id: str
    """`<namespace>_<name>_<group>_<kind>`."""
    version: Annotated[str, Field(alias="v")]
    """API version of the object without its group."""


class Inventory(WireModel):
    """Every object of the Kustomization that may exist in the cluster."""

    entries: tuple[InventoryEntry, ...]
    """The objects."""
