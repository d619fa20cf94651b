"""Custom kinds in a cluster."""

from __future__ import annotations

import time
from typing import Final

from localcluster.access import Access, ClusterError
from shared.lang import yaml

_PATIENCE: Final = 30.0
_PAUSE: Final = 0.1


def define(cluster: Access, *definitions: str) -> list[str]:
    """Applies CustomResourceDefinitions, each a YAML document, and waits until their kinds are served; their
    names.
    """
    names = []
    for text in definitions:
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
        names.append(str(yaml.load(text)["metadata"]["name"]))
    for name in names:
        _until_served(cluster, name)
    return names


def _until_served(cluster: Access, name: str) -> None:
    """Not by `kubectl wait`: a definition that nobody has looked at yet has no conditions, which ends it."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            cluster.kubectl("get", name)
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            return
