"""One notification on its way."""

from __future__ import annotations

from dataclasses import dataclass

from notification_controller.alerts.rule import Rule
from notification_controller.event import Event


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """An event, its metadata combined, for the Provider of an Alert."""

    rule: Rule
    event: Event

    @property
    def order(self) -> tuple[str, str, str]:
        """Deliveries with the same value are made one after the other, in their order."""
        involved = self.event.involved
        return involved.kind, involved.namespace, involved.name
