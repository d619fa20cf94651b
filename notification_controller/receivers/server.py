"""The server of webhooks."""

from __future__ import annotations

from notification_controller.receivers.answering import Webhooks
from notification_controller.receivers.paths import PREFIX
from notification_controller.serving import IntakeServer
from shared.observe import metrics
from shared.observe.clock import Clock


def webhook_server(
    webhooks: Webhooks, address: tuple[str | None, int], clock: Clock, *, tell_paths: bool = False
) -> IntakeServer:
    """A server that gives its calls to the webhooks, and reads no body for which there is no Receiver."""
    return IntakeServer(
        "receiver-server",
        webhooks.take,
        address,
        metrics.webhooks_serving,
        clock,
        handler=PREFIX,
        turn_away=webhooks.turn_away,
        tell_paths=tell_paths,
    )
