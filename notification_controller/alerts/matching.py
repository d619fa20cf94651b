"""Which Alerts want an event. The labels of its object are asked for once, and only if they matter."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final

import structlog

from notification_controller.alerts.book import AlertBook
from notification_controller.alerts.rule import Rule
from notification_controller.alerts.warnings import AlertWarnings
from notification_controller.event import Event
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.kube.resources import split_api_version

#: Senders wait five seconds for their answer.
_LABELS_SECONDS: Final = 4.0
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", re.ASCII)
#: Longer messages are looked through in a thread.
_LONG: Final = 4 * 1024


class ObjectNotRead(Exception):
    """The object of an event can't be read; str() says why."""


class Matcher:
    """Asks the Alerts that may want an event."""

    def __init__(self, book: AlertBook, client: KubeClient, warnings: AlertWarnings) -> None:
        self._book = book
        self._client = client
        self._warnings = warnings
        self._log = structlog.get_logger("event-server").bind(logger="event-server")

    async def match(self, event: Event) -> list[Rule]:
        """The Alerts that want the event."""
        rules = self._book.rules(event)
        if len(event.message) > _LONG:
            willing = await asyncio.to_thread(_willing, rules, event)
        else:
            willing = _willing(rules, event)
        undecided = [rule for rule in willing if _labels_matter(rule, event)]
        if not undecided:
            return willing
        refused = await self._refused_by_labels(event, undecided)
        return [rule for rule in willing if rule not in refused]

    async def _refused_by_labels(self, event: Event, rules: list[Rule]) -> list[Rule]:
        """Those for which the object of the event has not the right labels."""
        try:
            labels = await self._labels(event)
        except ObjectNotRead as error:
            self._log.error("error getting the involved object", error=str(error))
            for rule in rules:
                self._warnings.source_not_read(rule, event)
            return rules
        return [
            rule
            for rule in rules
            if not any(
                source.means(event) and source.selectable and (source.labels or {}).items() <= labels.items()
                for source in rule.sources
            )
        ]

    async def _labels(self, event: Event) -> Mapping[str, str]:
        involved = event.involved
        group, version = split_api_version(involved.api_version)
        # What a sender calls a name becomes part of a path.
        if not _NAME.fullmatch(involved.name) or not _NAME.fullmatch(involved.namespace):
            raise ObjectNotRead("no object can have such a name")
        try:
            async with asyncio.timeout(_LABELS_SECONDS):
                resource = await self._client.discovery.find(group, involved.kind, version)
                found = await self._client.get(
                    resource, involved.namespace, involved.name, metadata_only=True
                )
        except TimeoutError:
            raise ObjectNotRead("the API server did not answer in time") from None
        except KubeError as error:
            raise ObjectNotRead(str(error)) from error
        return found["metadata"].get("labels") or {}


def _willing(rules: list[Rule], event: Event) -> list[Rule]:
    return [rule for rule in rules if rule.wants(event)]


def _labels_matter(rule: Rule, event: Event) -> bool:
    """Whether only sources with labels speak for the event."""
    return not any(source.means(event) and source.labels is None for source in rule.sources)
