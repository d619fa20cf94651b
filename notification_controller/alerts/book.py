"""All Alerts by the objects whose events they want, so that an event asks only those that may want it."""

from __future__ import annotations

import structlog

from notification_controller.alerts.rule import Rule
from notification_controller.event import Event
from shared.api.decode import InvalidObject, decode
from shared.api.notification_v1beta3 import ANY, Alert
from shared.events import Subject
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.kube.store import Change
from shared.lang.json import JsonObject
from shared.runtime.header import H

#: Kind, namespace and name, which may be `*`.
_Place = tuple[str, str, str]


class AlertBook:
    """Keeps itself equal to the cache of Alerts. One that can't be decoded is not in it."""

    def __init__(self, informer: Informer[H]) -> None:
        self._store = informer.store
        self._rules: dict[ObjectKey, Rule] = {}
        self._places: dict[_Place, dict[ObjectKey, Rule]] = {}
        self._log = structlog.get_logger("event-server").bind(logger="event-server")
        informer.subscribe(self._on_change)

    def rules(self, event: Event) -> list[Rule]:
        """The Alerts, suspended ones left out, of which a source means the object of the event."""
        involved = event.involved
        found: dict[ObjectKey, Rule] = {}
        for name in (involved.name, ANY):
            found |= self._places.get((involved.kind, involved.namespace, name), {})
        return [found[key] for key in sorted(found)]

    def users(self, provider: ObjectKey) -> list[ObjectKey]:
        """The Alerts that send to a Provider."""
        return [key for key, rule in self._rules.items() if rule.provider == provider]

    def _on_change(self, change: Change[H]) -> None:
        self._remove(change.key)
        raw = self._store.get(change.key)
        if raw is not None:
            self._add(change.key, raw)

    def _add(self, key: ObjectKey, raw: JsonObject) -> None:
        try:
            alert = decode(Alert, raw)
        except InvalidObject as error:
            self._log.error("alert can't be used", namespace=key.namespace, name=key.name, error=str(error))
            return
        if alert.suspended:
            return
        rule = self._rules[key] = Rule(alert, Subject.of(raw))
        for source in rule.sources:
            self._places.setdefault((source.kind, source.namespace, source.name), {})[key] = rule

    def _remove(self, key: ObjectKey) -> None:
        rule = self._rules.pop(key, None)
        for source in rule.sources if rule else ():
            place = (source.kind, source.namespace, source.name)
            users = self._places.get(place, {})
            users.pop(key, None)
            if not users:
                self._places.pop(place, None)
