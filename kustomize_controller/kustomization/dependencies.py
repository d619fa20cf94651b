"""`spec.dependsOn`: is everything ready that must be, and who waits for whom.

Dependencies are read from the controller's own cache, and a dependant is woken by the very change of its
dependency that may let it go on; the requeue interval is only a fallback.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kustomize_controller.kustomization.header import KustomizationHeader
from kustomize_controller.kustomization.sources import Source
from shared.api.kustomize_v1 import Kustomization
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.kube.store import Change
from shared.lang.cel import CelEvaluationError, CelSyntaxError, compile_predicate
from shared.lang.duration import format_duration
from shared.lang.json import JsonObject
from shared.runtime.controller import Controller
from shared.runtime.outcome import Stalled

_PLURAL: Final = "kustomizations.kustomize.toolkit.fluxcd.io"


@dataclass(frozen=True, slots=True)
class NotReady:
    """Why a Kustomization can't go on yet; `notice` is what users are told in the event and the log."""

    message: str
    notice: str
    after: timedelta


class Dependencies:
    """Checks dependencies against the cache of Kustomizations, and remembers who waits.

    A check and the note that its Kustomization waits are one step of the event loop, so that no change of
    a dependency can fall between them.
    """

    def __init__(self, informer: Informer[KustomizationHeader], *, wait: timedelta, additive: bool) -> None:
        self._store = informer.store
        self._wait = wait
        self._additive = additive
        #: Who waits, and whether an expression looks at more of the dependency than its header.
        self._waiting: dict[ObjectKey, bool] = {}

    def wake_through(self, controller: Controller[Kustomization, KustomizationHeader]) -> None:
        """Triggers those who wait, when a dependency of theirs changes."""

        def on_change(change: Change[KustomizationHeader]) -> None:
            if change.new is None:
                self._waiting.pop(change.key, None)
            news = _facts(change.new) != _facts(change.old)
            for waiting, curious in tuple(self._waiting.items()):
                header = self._store.header(waiting)
                if header and change.key in header.depends_on and (curious or news):
                    controller.trigger(waiting, f"Kustomization/{change.key}")

        controller.informer.subscribe(on_change)

    def check(self, obj: Kustomization, raw: JsonObject, source: Source) -> NotReady | Stalled | None:
        """None when all dependencies are ready; the first that is not decides otherwise."""
        me = ObjectKey(obj.namespace, obj.name)
        self._waiting.pop(me, None)
        for reference in obj.spec.depends_on or ():
            key = ObjectKey(reference.namespace or obj.namespace, reference.name)
            try:
                problem = self._problem(key, raw, source, reference.ready_expr or "")
            except CelSyntaxError as error:
                text = f"failed to evaluate dependency {reference.name}: {error}"
                return Stalled(
                    "InvalidCELExpression",
                    f"Reconciliation failed terminally due to configuration error: {text}",
                )
            if problem:
                self._waiting[me] = any(other.ready_expr for other in obj.spec.depends_on or ())
                wait = format_duration(self._wait)
                notice = f"Dependencies do not meet ready condition, retrying in {wait}"
                return NotReady(problem, notice, self._wait)
        return None

    def _problem(self, key: ObjectKey, raw: JsonObject, source: Source, expression: str) -> str:
        header = self._store.header(key)
        if header is None:
            return f"dependency '{key}' not found: {_PLURAL} \"{key.name}\" not found"
        if expression:
            return self._judge(key, raw, expression) or (
                _state(key, header, source) if self._additive else ""
            )
        return _state(key, header, source)

    def _judge(self, key: ObjectKey, raw: JsonObject, expression: str) -> str:
        predicate = compile_predicate(expression)
        try:
            ready = predicate.holds({"self": raw, "dep": self._store.get(key)})
        except CelEvaluationError as error:
            return f"dependency '{key}' is not ready: {error}"
        return "" if ready else f"dependency '{key}' is not ready according to readyExpr eval"


def _facts(header: KustomizationHeader | None) -> tuple[object, ...]:
    """What decides about a dependency without an expression."""
    if header is None:
        return ()
    return (
        header.ready,
        header.generation,
        header.observed_generation,
        header.source,
        header.applied_revision,
    )


def _state(key: ObjectKey, header: KustomizationHeader, source: Source) -> str:
    if header.ready != "True" or header.observed_generation != header.generation:
        return f"dependency '{key}' is not ready"
    if header.source == source.key and header.applied_revision != source.revision:
        return f"dependency '{key}' revision is not up to date"
    return ""
