"""What `gotk_resource_info` tells of the objects of a controller: labels that existing dashboards read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yarl import URL

from shared.api.meta import StaticResource
from shared.kube.informer import Informer
from shared.kube.store import Change
from shared.lang.json import JsonObject, mapping, mappings
from shared.observe.resources import ResourceInfo, Subject

_REVISION: Final = ("status", "artifact", "revision")
_URL: Final = ("spec", "url")
#: Labels beyond those of all kinds, and where their values are.
_LABELS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "Kustomization": {
        "revision": ("status", "lastAppliedRevision"),
        "source_name": ("spec", "sourceRef", "name"),
    },
    "GitRepository": {"revision": _REVISION, "url": _URL},
    "OCIRepository": {"revision": _REVISION, "url": _URL},
    "HelmRepository": {"revision": _REVISION, "url": _URL},
    "Bucket": {
        "revision": _REVISION,
        "endpoint": ("spec", "endpoint"),
        "bucket_name": ("spec", "bucketName"),
    },
    "HelmChart": {
        "revision": _REVISION,
        "chart_name": ("spec", "chart"),
        "chart_version": ("spec", "version"),
    },
}


def follow(model: type[StaticResource], informer: Informer[Any], info: ResourceInfo) -> None:
    """Tells about all objects of a kind from now on; call it before the informer runs."""

    def on_change(change: Change[Any]) -> None:
        key = change.key

        def labels() -> Mapping[str, str] | None:
            obj = informer.store.get(key)
            return None if obj is None else labels_of(model, obj)

        info.note(Subject(model.KIND, key.namespace, key.name), labels)

    informer.subscribe(on_change)


def labels_of(model: type[StaticResource], obj: JsonObject) -> dict[str, str]:
    """The labels of an object in wire form, whatever its fields hold; what is not known has no label."""
    metadata = obj["metadata"]
    conditions = mappings(mapping(obj.get("status")).get("conditions"))
    ready = next((each.get("status") for each in conditions if each.get("type") == "Ready"), None)
    labels = {
        "customresource_group": model.GROUP,
        "customresource_version": model.VERSION,
        "customresource_kind": model.KIND,
        "exported_namespace": metadata.get("namespace"),
        "name": metadata.get("name"),
        "ready": ready,
        "suspended": "true" if mapping(obj.get("spec")).get("suspend") is True else "false",
    }
    labels |= {label: _at(obj, path) for label, path in _LABELS.get(model.KIND, {}).items()}
    if "url" in labels:
        labels["url"] = _without_secrets(labels["url"])
    return {label: value for label, value in labels.items() if isinstance(value, str) and value}


def _at(obj: JsonObject, path: tuple[str, ...]) -> object:
    value: object = obj
    for step in path:
        value = mapping(value).get(step)
    return value


def _without_secrets(address: object) -> str:
    """An address without what may be a login or a token in it; of SSH the user is part of the address."""
    try:
        url = URL(str(address or ""))
        user = url.user if url.scheme == "ssh" else None
        return str(url.with_user(user).with_password(None).with_query(None).with_fragment(None))
    except ValueError:
        return ""
