"""All Providers, decoded once per change: each event may go to several of them."""

from __future__ import annotations

import structlog

from shared.api.decode import InvalidObject, decode
from shared.api.notification_v1beta3 import Provider
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.kube.store import Change
from shared.runtime.header import H


class ProviderUnusable(Exception):
    """A Provider is not there, or is none; str() says so."""


class ProviderBook:
    """Keeps itself equal to the cache of Providers."""

    def __init__(self, informer: Informer[H]) -> None:
        self._store = informer.store
        self._known: dict[ObjectKey, Provider | InvalidObject] = {}
        self._log = structlog.get_logger("event-server").bind(logger="event-server")
        informer.subscribe(self._on_change)

    def get(self, key: ObjectKey) -> Provider:
        """The Provider as it is now.

        Raises:
            ProviderUnusable: there is none.
        """
        known = self._known.get(key)
        if isinstance(known, Provider):
            return known
        why = f'Provider.notification.toolkit.fluxcd.io "{key.name}" not found' if known is None else known
        raise ProviderUnusable(f"failed to read provider: {why}")

    def __contains__(self, key: object) -> bool:
        return key in self._known

    def _on_change(self, change: Change[H]) -> None:
        raw = self._store.get(change.key)
        if raw is None:
            self._known.pop(change.key, None)
            return
        try:
            self._known[change.key] = decode(Provider, raw)
        except InvalidObject as error:
            self._known[change.key] = error
