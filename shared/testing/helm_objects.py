"""A HelmRelease and a revision of its release as objects, for tests without a cluster."""

from __future__ import annotations

from typing import Any

from helm_controller.release.model import Release
from shared.lang.json import JsonObject


def helm_release(name: str = "app", *, status: JsonObject | None = None, **spec: Any) -> JsonObject:
    """The wire form of a HelmRelease of a chart in a registry; `spec` are further fields of its own."""
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": "apps", "uid": name, "generation": 1},
        "spec": {"interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "chart"}, **spec},
        "status": {} if status is None else status,
    }


def revision(version: int = 1, *, status: str = "deployed", **parts: Any) -> Release:
    """A revision of the release of that HelmRelease; `parts` are further parts of its record."""
    return Release.of_wire(
        {
            "name": "app",
            "namespace": "apps",
            "version": version,
            "info": {"status": status},
            "chart": {"metadata": {"name": "demo", "version": "1.0.0"}},
            **parts,
        }
    )
