"""Wakes objects when a ConfigMap or Secret that they refer to changes.

Only metadata is watched, so contents are never cached; only objects that carry the watch label are,
unless the selector says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

from shared.kube.client import KubeClient
from shared.kube.informer import Informer
from shared.kube.store import Change
from shared.lang.json import JsonObject
from shared.runtime.controller import Controller
from shared.runtime.settings import Settings

KINDS = ("ConfigMap", "Secret")

#: Kind, namespace and name of a ConfigMap or Secret.
ConfigKey = tuple[str, str, str]


class RefersToConfigs(Protocol):
    """A header that knows what its object refers to."""

    @property
    def configs(self) -> tuple[ConfigKey, ...]:
        """ConfigMaps and Secrets."""


def config_informers(
    client: KubeClient, settings: Settings, kinds: Sequence[str] = KINDS
) -> tuple[Informer[str], ...]:
    """Metadata of the configuration objects; none when the watch is switched off.

    The header of an object is its resource version.
    """
    if settings.gate("DisableConfigWatchers"):
        return ()
    return tuple(
        Informer(
            client,
            "",
            kind,
            _version,
            namespace=settings.watched_namespace,
            label_selector=settings.watch_configs_label_selector,
            metadata_only=True,
        )
        for kind in kinds
    )


class ConfigTrigger:
    """Turns changes of configuration into turns of those who use it; their headers are `RefersToConfigs`."""

    def __init__(self, controller: Controller[Any, Any], informers: Sequence[Informer[str]]) -> None:
        self._controller = controller
        for informer in informers:
            informer.subscribe(partial(self._on_change, informer.kind))

    def _on_change(self, kind: str, change: Change[str]) -> None:
        if change.initial:
            return
        config = (kind, change.key.namespace, change.key.name)
        for key, header in self._controller.informer.store.headers():
            if config in header.configs:
                self._controller.trigger_by_config(key, f"{kind}/{change.key}")


def _version(obj: JsonObject) -> str:
    return str(obj["metadata"].get("resourceVersion") or "")
