"""An event as a page of Markdown: the comment on a pull request, and the message of a Zulip topic."""

from __future__ import annotations

from typing import Final

from notification_controller.event import Event

_NOT_SHOWN: Final = "change_request"


def page(event: Event) -> str:
    """Heading, object, message, and a list of the metadata."""
    emoji = "⚠️" if event.failed else "\u2139\ufe0f"
    involved = event.involved
    lines = (f"* `{key}`: {value}\n" for key, value in sorted(event.metadata.items()) if key != _NOT_SHOWN)
    return (
        f"## Flux Status\n\n{emoji} {involved.kind}/{involved.namespace}/{involved.name}\n\n"
        f"{event.message}\n\nMetadata:\n{''.join(lines)}"
    )
