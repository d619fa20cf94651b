"""From a matched event to a delivery for each Alert, as far as that takes no call to anybody.

Whatever is wrong with one Alert or its Provider is told on that Alert, and the next one has its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from notification_controller.alerts.rule import Rule
from notification_controller.alerts.warnings import AlertWarnings, involved_fields
from notification_controller.delivery.eligibility import Verdict, judge
from notification_controller.dispatch.deliveries import Deliveries
from notification_controller.dispatch.delivery import Delivery
from notification_controller.event import Event
from notification_controller.events.metadata import combined
from notification_controller.providers.book import ProviderBook, ProviderUnusable


class NotDispatched(Exception):
    """An event can't go from an Alert to its Provider; str() says why."""


_SAID: Final = (Verdict.NO_COMMIT, Verdict.NO_CHANGE_REQUEST)


class Dispatcher:
    """Hands events over to the queues of Providers."""

    def __init__(
        self,
        providers: ProviderBook,
        deliveries: Deliveries,
        warnings: AlertWarnings,
        *,
        cross_namespace: bool,
        object_identities: bool,
    ) -> None:
        self._providers = providers
        self._deliveries = deliveries
        self._warnings = warnings
        self._cross_namespace = cross_namespace
        self._object_identities = object_identities
        self._log = structlog.get_logger("event-server").bind(logger="event-server")

    def dispatch(self, event: Event, rules: Sequence[Rule]) -> None:
        """Queues the event for the Provider of each Alert.

        Raises:
            Closed: the queues take nothing any more.
        """
        answers: dict[Verdict, list[str]] = {}
        for rule in rules:
            try:
                answer = self._dispatch(event, rule)
            except (NotDispatched, ProviderUnusable) as error:
                self._warnings.not_dispatched(rule, event, str(error))
            else:
                answers.setdefault(answer, []).append(str(rule.key))
        for answer in _SAID:
            if answer in answers:
                self._log.info(answer.value, **involved_fields(event.involved), alerts=answers[answer])

    def _dispatch(self, event: Event, rule: Rule) -> Verdict:
        involved = event.involved
        if not self._cross_namespace and involved.namespace != rule.key.namespace:
            raise NotDispatched(
                "discarding event, access denied to cross-namespace sources: "
                f"alert '{rule.key}' can't process event from "
                f"'{involved.kind}/{involved.namespace}/{involved.name}', "
                "cross-namespace references have been blocked"
            )
        provider = self._providers.get(rule.provider)
        if provider.suspended:
            return Verdict.SKIP
        answer = judge(provider.spec.type, event)
        if answer is not Verdict.DELIVER:
            return answer
        if provider.spec.service_account_name and not self._object_identities:
            raise NotDispatched(
                "to use spec.serviceAccountName for provider authentication please enable the "
                "ObjectLevelWorkloadIdentity feature gate in the controller"
            )
        if rule.alert.spec.summary:
            self._log.info(
                "warning: specifying an alert summary with '.spec.summary' is deprecated, "
                "use '.spec.eventMetadata.summary' instead",
                alert={"name": rule.key.name, "namespace": rule.key.namespace},
            )
        result = combined(event, rule.alert)
        if result.conflicts:
            self._warnings.conflicting(rule, event, result.conflicts)
        told = replace(event, metadata=result.metadata, authored=result.authored)
        self._deliveries.put(Delivery(rule, told))
        return answer
