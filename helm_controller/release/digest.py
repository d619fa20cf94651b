"""Checksums of releases: equal to those that Flux writes, so that neither takes the other's releases for
changed.
"""

from __future__ import annotations

from typing import Any, Final

from helm_controller.release.model import Release
from shared.lang import yaml
from shared.lang.digest import Algorithm, Digest, DigestError
from shared.lang.gojson import dumps
from shared.lang.json import JsonObject, mapping, mappings

_METADATA: Final = (
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
)
_MAINTAINER: Final = ("name", "email", "url")
_DEPENDENCY: Final = (
    "name",
    "version",
    "repository",
    "condition",
    "tags",
    "enabled",
    "import-values",
    "alias",
)
_ALWAYS: Final = ("name", "repository")
_LARGEST_INT: Final = 1 << 64
_SMALLEST_INT: Final = -(1 << 63)
_EXACT: Final = 1 << 53


def release_digest(
    release: Release,
    oci_digest: str = "",
    algorithm: str = Algorithm.SHA256,
    *,
    with_rollback: bool = False,
) -> str:
    """The digest of a record, tests left out, as it stands in a snapshot.

    The Helm that is part of Flux 2.9 knows nothing of the revision that was rolled back to; with a later one
    it is a part of the digest.
    """
    info = release.info.to_wire()
    if not with_rollback:
        info.pop("rollback_revision", None)
    hooks = [hook.to_wire() for hook in release.hooks if not hook.is_test]
    observed = {
        "name": release.name,
        "version": release.version,
        "info": info,
        "chartMetadata": _chart_metadata(release.metadata),
        "config": _sorted(release.config) if release.config else None,
        "manifest": release.manifest,
        "hooks": hooks or None,
        "namespace": release.namespace,
    }
    if oci_digest:
        observed["ociDigest"] = oci_digest
    return str(Digest.of(f"{dumps(observed)}\n".encode(), algorithm))


def config_digest(values: JsonObject | None, algorithm: str = Algorithm.SHA256) -> str:
    """The digest of values: of their YAML with all keys sorted."""
    return str(Digest.of(config_text(values).encode(), algorithm))


def is_config_digest(digest: str, values: JsonObject | None) -> bool:
    """Whether a digest, of whatever algorithm, is that of the values."""
    try:
        algorithm = Digest.parse(digest).algorithm
    except DigestError:
        return False
    return config_digest(values, algorithm) == digest


def has_values(config: JsonObject, values: JsonObject) -> bool:
    """Whether merging values over those of a release would change nothing; null takes a value away."""
    return _has(_sorted(config), _sorted(values))


def config_text(values: JsonObject | None) -> str:
    """The YAML that stands for values in digests: what `helm get values` shows, but for the order of keys."""
    return yaml.dump(_sorted(values), in_order=True) if values else ""


def piece_digest(piece: Any, algorithm: str = Algorithm.SHA256) -> str:
    """The digest of a part of a spec in wire form, members in the order of the API; nothing for None."""
    return "" if piece is None else str(Digest.of(f"{dumps(piece)}\n".encode(), algorithm))


def _chart_metadata(metadata: JsonObject) -> JsonObject:
    found = {key: metadata[key] for key in _METADATA if metadata.get(key)}
    if "maintainers" in found:
        found["maintainers"] = [_members(each, _MAINTAINER) for each in mappings(found["maintainers"])]
    if "dependencies" in found:
        found["dependencies"] = [
            {key: each.get(key) or "" for key in _DEPENDENCY if key in _ALWAYS or each.get(key)}
            for each in mappings(found["dependencies"])
        ]
    if "annotations" in found:
        found["annotations"] = _sorted(mapping(found["annotations"]))
    return found


def _members(obj: JsonObject, keys: tuple[str, ...]) -> JsonObject:
    return {key: obj[key] for key in keys if obj.get(key)}


def _has(config: JsonObject, values: JsonObject) -> bool:
    for key, value in values.items():
        known = config.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            if not _has(known, value):
                return False
        elif dumps(value) != dumps(known):
            return False
    return True


def _sorted(value: Any) -> Any:
    """Keys sorted at every level; whole numbers are integers, however they were written.

    All numbers are doubles on their way into a record and out of it.
    """
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        value = float(value)
    if isinstance(value, float) and value.is_integer() and _SMALLEST_INT <= value < _LARGEST_INT:
        return int(value)
    return value
