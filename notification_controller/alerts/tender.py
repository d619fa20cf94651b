"""What is done for an Alert itself: its old finalizer goes, and what can't work in it is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from notification_controller.alerts.rule import Rule
from notification_controller.announcing import Announcer, Problem
from notification_controller.providers.book import ProviderBook
from shared.api import wire
from shared.api.decode import InvalidObject, decode
from shared.api.notification_v1beta3 import ANY, Alert
from shared.events import Event, Recorder, Severity, Subject
from shared.kube.client import KubeClient
from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject
from shared.observe.clock import Clock
from shared.runtime.finalizers import Finalizers


class AlertTender:
    """Alerts are static: nothing is ever added to them."""

    kind = Alert

    def __init__(
        self,
        client: KubeClient,
        finalizers: Finalizers,
        providers: ProviderBook,
        recorder: Recorder,
        clock: Clock,
        *,
        cross_namespace: bool,
    ) -> None:
        self._client = client
        self._finalizers = finalizers
        self._providers = providers
        self._recorder = recorder
        self._clock = clock
        self._announcer = Announcer(recorder, clock)
        self._cross_namespace = cross_namespace

    async def tend(self, key: ObjectKey, raw: JsonObject) -> timedelta | None:
        """Takes the finalizer of old versions away and looks at the spec."""
        try:
            alert = decode(Alert, raw)
        except InvalidObject as error:
            return self._announcer.announce(key, raw, [Problem(str(error))])
        if wire.FINALIZER in alert.metadata.finalizers and (alert.deleting or not alert.suspended):
            await self._migrate(raw, alert)
        if alert.deleting or alert.suspended:
            return None
        return self._announcer.announce(key, raw, self._problems(Rule(alert, Subject.of(raw))))

    def forget(self, key: ObjectKey) -> None:
        """The Alert is gone."""
        self._announcer.forget(key)

    async def _migrate(self, raw: JsonObject, alert: Alert) -> None:
        resource = await self._client.discovery.find(Alert.GROUP, Alert.KIND)
        rest = [name for name in alert.metadata.finalizers if name != wire.FINALIZER]
        await self._finalizers.write(resource, raw, rest)
        text = "removed finalizer from Alert to migrate to static Alert"
        self._recorder.record(Event(Subject.of(raw), Severity.INFO, "Migration", text, self._clock.now()))

    def _problems(self, rule: Rule) -> Iterator[Problem]:
        for text, why in rule.inclusions.broken:
            yield Problem(f"failed to compile inclusion regex: {text}: {why}")
        for text, why in rule.exclusions.broken:
            yield Problem(f"failed to compile exclusion regex: {text}: {why}")
        for index, source in enumerate(rule.sources):
            if not source.selectable:
                yield Problem(f"error using matchLabels from event source {source.text}")
            if source.namespace == ANY:
                yield Problem(
                    f"spec.eventSources[{index}].namespace: '*' is no namespace and matches nothing, "
                    "name each namespace in a source of its own"
                )
            elif not self._cross_namespace and source.namespace != rule.key.namespace:
                yield Problem(
                    f"spec.eventSources[{index}].namespace: cross-namespace references have been blocked, "
                    f"events of '{source.text}' will not be told"
                )
        if rule.provider not in self._providers:
            yield Problem(f"spec.providerRef.name: there is no Provider '{rule.provider}'", missing=True)
