"""Contexts of commit statuses, for types that set any; expressions see the objects as the API has them."""

from __future__ import annotations

from typing import Any

from notification_controller.delivery.git.contexts import Contexts
from notification_controller.event import Event
from shared.api.notification_v1beta3 import COMMIT_STATUS, Alert, Provider
from shared.kube.resources import ObjectKey
from shared.kube.store import Store


class StatusContexts:
    """Looks the objects up that an expression may ask about."""

    def __init__(self, contexts: Contexts, alerts: Store[Any], providers: Store[Any]) -> None:
        self._contexts = contexts
        self._alerts = alerts
        self._providers = providers

    async def of(self, provider: Provider, alert: Alert, event: Event) -> str:
        """The context of the commit status that an event sets; empty where the type sets none.

        Raises:
            NotDelivered: the expression of the Provider can't be used.
        """
        if provider.spec.type not in COMMIT_STATUS:
            return ""
        seen = self._alerts.get(ObjectKey(alert.namespace, alert.name)) or {}
        known = self._providers.get(ObjectKey(provider.namespace, provider.name)) or {}
        return await self._contexts.of(event, seen, known)
