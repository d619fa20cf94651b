"""An Alert made ready: its expressions are compiled once, and wherever a value can't be used it says so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from notification_controller.event import Event
from shared.api.notification_v1beta3 import ANY, Alert
from shared.events import Severity, Subject
from shared.kube.resources import ObjectKey
from shared.lang.patterns import Pattern, PatternError

_LABEL_NAME: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]", re.ASCII)
_LABEL_PREFIX: Final = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII
)
#: Enough for hundreds of alternatives. What needs more takes too long for each of its letters.
_MEMORY: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """Objects whose events are wanted; `labels` is None where they don't matter."""

    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str] | None

    def means(self, event: Event) -> bool:
        """Whether the event is about such an object, as far as its name tells."""
        involved = event.involved
        return (
            self.kind == involved.kind
            and self.namespace == involved.namespace
            and self.name in (ANY, involved.name)
        )

    @property
    def text(self) -> str:
        """`Kustomization/apps/web`."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    @property
    def selectable(self) -> bool:
        """Whether objects can have labels such as those asked for."""
        return all(_is_label(key, value) for key, value in (self.labels or {}).items())


class Expressions:
    """Regular expressions of which one has to be found in a text; those that don't compile are never."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._compiled: list[Pattern] = []
        #: Those that don't compile, with what is wrong with each.
        self.broken: list[tuple[str, str]] = []
        for text in texts:
            try:
                self._compiled.append(Pattern(text, memory=_MEMORY))
            except PatternError as error:
                self.broken.append((text, str(error)))

    def found_in(self, text: str) -> bool:
        """Whether one of them is; takes time in proportion to the length of the text, whatever they say."""
        return any(expression.matches(text) for expression in self._compiled)


class Rule:
    """One generation of an Alert."""

    def __init__(self, alert: Alert, subject: Subject) -> None:
        self.alert = alert
        self.subject = subject
        self.key = ObjectKey(alert.namespace, alert.name)
        self.provider = ObjectKey(alert.namespace, alert.spec.provider_ref.name)
        self.sources = tuple(
            Source(
                source.kind,
                source.namespace if source.namespace is not None else alert.namespace,
                source.name,
                source.match_labels,
            )
            for source in alert.spec.event_sources
        )

    @cached_property
    def inclusions(self) -> Expressions:
        """Of these one has to be found in the message, if there are any."""
        return Expressions(self.alert.spec.inclusion_list or ())

    @cached_property
    def exclusions(self) -> Expressions:
        """None of these may be found in the message."""
        return Expressions(self.alert.spec.exclusion_list or ())

    def wants(self, event: Event) -> bool:
        """Whether severity and message are such as the Alert asks for."""
        spec = self.alert.spec
        if spec.event_severity not in (Severity.INFO, event.severity):
            return False
        if spec.inclusion_list and not self.inclusions.found_in(event.message):
            return False
        return not (spec.exclusion_list and self.exclusions.found_in(event.message))


def _is_label(key: str, value: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and not (len(prefix) <= 253 and _LABEL_PREFIX.fullmatch(prefix)):
        return False
    sized = len(name) <= 63 and len(value) <= 63
    return sized and bool(_LABEL_NAME.fullmatch(name)) and (not value or bool(_LABEL_NAME.fullmatch(value)))
