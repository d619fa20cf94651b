"""Brings objects into the form that server-side apply keeps stable.

Without this the server would answer some manifests with a different object each time (endless drift), or
refuse them. Inputs are never changed: what differs is copied. Fields that the server doesn't know are not
looked for here, because the server names them itself (see `undeclared`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

from shared.kube.resources import split_api_version
from shared.lang.json import JsonObject
from shared.ssa.identity import GroupKind

_POD_SPECS: Final[dict[GroupKind, tuple[str, ...]]] = {
    GroupKind("", "Pod"): ("spec",),
    GroupKind("apps", "Deployment"): ("spec", "template", "spec"),
    GroupKind("apps", "StatefulSet"): ("spec", "template", "spec"),
    GroupKind("apps", "DaemonSet"): ("spec", "template", "spec"),
    GroupKind("apps", "ReplicaSet"): ("spec", "template", "spec"),
    GroupKind("batch", "Job"): ("spec", "template", "spec"),
    GroupKind("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
}
_TEMPLATES: Final = (
    ("spec", "template", "metadata"),
    ("spec", "jobTemplate", "metadata"),
    ("spec", "jobTemplate", "spec", "template", "metadata"),
)
_CA_BUNDLE: Final = ("spec", "conversion", "webhook", "clientConfig")


def normalised(obj: JsonObject) -> JsonObject:
    """The object as it should be sent to the server."""
    group, _ = split_api_version(obj.get("apiVersion") or "")
    kind = GroupKind(group, obj.get("kind") or "")
    result = {key: value for key, value in obj.items() if key != "status"}
    for path in (("metadata",), *_TEMPLATES):
        result = _at(result, path, _without_null_creation)
    if kind in _POD_SPECS:
        result = _at(result, _POD_SPECS[kind], _with_container_protocols)
    elif kind == GroupKind("", "Service"):
        result = _at(result, ("spec",), _with_protocols)
    elif kind == GroupKind("", "Secret"):
        result = _with_encoded_data(result)
    elif kind == GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"):
        result = _at(result, _CA_BUNDLE, _without_broken_bundle)
    return result


def _at(obj: JsonObject, path: tuple[str, ...], change: Callable[[JsonObject], JsonObject]) -> JsonObject:
    """A copy with the object at the path changed; nothing happens where the path leads nowhere."""
    if not path:
        return change(obj)
    child = obj.get(path[0])
    if not isinstance(child, dict):
        return obj
    return {**obj, path[0]: _at(child, path[1:], change)}


def _without_null_creation(metadata: JsonObject) -> JsonObject:
    if metadata.get("creationTimestamp", "") is not None:
        return metadata
    return {key: value for key, value in metadata.items() if key != "creationTimestamp"}


def _with_container_protocols(pod: JsonObject) -> JsonObject:
    containers = pod.get("containers")
    if not isinstance(containers, list):
        return pod
    return {**pod, "containers": [_with_protocols(item) for item in containers]}


def _with_protocols(holder: Any) -> Any:
    """`protocol` is a merge key of ports, and the server merges before it defaults."""
    ports = holder.get("ports") if isinstance(holder, dict) else None
    if not isinstance(ports, list):
        return holder
    return {**holder, "ports": [_with_protocol(port) for port in ports]}


def _with_protocol(port: Any) -> Any:
    return {**port, "protocol": port.get("protocol") or "TCP"} if isinstance(port, dict) else port


def _with_encoded_data(secret: JsonObject) -> JsonObject:
    """`stringData` is write-only on the server: it would differ from what is read back for ever."""
    plain = secret.get("stringData")
    if not isinstance(plain, dict):
        return {key: value for key, value in secret.items() if key != "stringData"}
    if not all(isinstance(value, str) for value in plain.values()):
        return secret
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
    rest = {key: value for key, value in secret.items() if key != "stringData"}
    return {**rest, "data": {**(secret.get("data") or {}), **encoded}} if encoded else rest


def _without_broken_bundle(config: JsonObject) -> JsonObject:
    """A placeholder for a certificate that something else injects later must not reach the server."""
    if "caBundle" not in config or _is_pem(config["caBundle"]):
        return config
    return {key: value for key, value in config.items() if key != "caBundle"}


def _is_pem(bundle: object) -> bool:
    if not isinstance(bundle, str):
        return False
    try:
        return b"-----BEGIN " in base64.b64decode(bundle, validate=True)
    except (binascii.Error, ValueError):
        return False
