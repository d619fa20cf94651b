"""What notification-controller can be told, and which flags of other controllers it does not have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from pydantic import field_validator

from shared.runtime.assembly import IdentitySettings
from shared.runtime.settings import Boolean, Duration, flag


class NotificationSettings(IdentitySettings):
    """Flags of notification-controller."""

    gates: ClassVar[Mapping[str, bool]] = {**IdentitySettings.gates, "DisableConfigWatchers": False}
    # Nothing is sharded, nothing depends on anything, and intervals of Receivers are kept to the second.
    absent: ClassVar[frozenset[str]] = frozenset(
        {"watch_label_selector", "requeue_dependency", "interval_jitter_percentage"}
    )

    events_addr: str = flag(":9090", "address of the server that takes events")
    receiver_addr: str = flag(":9292", "address of the server that takes webhooks", name="receiverAddr")
    rate_limit_interval: Duration = flag(
        timedelta(minutes=5), "time in which equal events are delivered once"
    )
    export_http_path_metrics: Boolean = flag(
        False, "tell paths in metrics of the servers; those of webhooks are secrets"
    )
    no_cross_namespace_refs: Boolean = flag(
        False, "refuse references to objects in other namespaces, in Alerts and Receivers"
    )

    @field_validator("rate_limit_interval")
    @classmethod
    def _some_window(cls, value: timedelta) -> timedelta:
        if value <= timedelta(0):
            raise ValueError("must be longer than 0s")
        return value

    @property
    def notified(self) -> str:
        """Nobody: this controller's own events stay in Kubernetes."""
        return ""
