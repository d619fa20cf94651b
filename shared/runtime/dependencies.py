"""`spec.dependsOn`: is everything ready that must be, and who waits for whom.

Dependencies are read from the controller's own cache, and a dependant is woken by the very change of its
dependency that may let it go on; the requeue interval is only a fallback. What belongs to another shard or
namespace is not in the cache: it is read from the API server, at every requeue interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from shared.api.meta import DependencyReference
from shared.kube.errors import KubeError
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.kube.store import Change
from shared.lang.cel import CelEvaluationError, CelSyntaxError, compile_predicate
from shared.lang.duration import format_duration
from shared.lang.json import JsonObject
from shared.runtime.controller import Controller
from shared.runtime.outcome import Stalled


class DependencyHeader(Protocol):
    """What is looked at of a dependency, and of who depends on it."""

    @property
    def depends_on(self) -> tuple[ObjectKey, ...]:
        """What the object depends on."""

    @property
    def ready(self) -> str:
        """Status of its Ready condition."""

    @property
    def generation(self) -> int:
        """Its generation."""

    @property
    def observed_generation(self) -> int:
        """The generation that was dealt with."""


H = TypeVar("H", bound=Any)

#: Why a dependency that is ready does not do, by its key and header; nothing if it does.
Demand = Callable[[ObjectKey, H], str]


class Dependant(Protocol):
    """An object that depends on others of its kind."""

    @property
    def namespace(self) -> str:
        """Its namespace."""

    @property
    def name(self) -> str:
        """Its name."""


@dataclass(frozen=True, slots=True)
class NotReady:
    """Why an object can't go on yet; `notice` is what users are told in the event and the log."""

    message: str
    notice: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class _Unwatched:
    """A dependency that is not in the cache; or why the API server doesn't give it."""

    header: Any = None
    obj: JsonObject | None = None
    problem: str = ""


class Dependencies:
    """Checks dependencies against the cache of their kind, and remembers who waits.

    A look at the cache and the note that an object waits are one step of the event loop, so that no change of
    a dependency can fall between them. `facts` gives what decides about a dependency, apart from expressions.
    """

    def __init__(
        self,
        informer: Informer[H],
        plural: str,
        *,
        wait: timedelta,
        additive: bool,
        facts: Callable[[H], tuple[object, ...]],
    ) -> None:
        self._informer = informer
        self._store = informer.store
        self._plural = plural
        self._wait = wait
        self._additive = additive
        self._facts = facts
        #: Who waits, and whether an expression looks at more of the dependency than its header.
        self._waiting: dict[ObjectKey, bool] = {}

    def wake_through(self, controller: Controller[Any, Any]) -> None:
        """Triggers those who wait, when a dependency of theirs changes."""

        def on_change(change: Change[Any]) -> None:
            if change.new is None:
                self._waiting.pop(change.key, None)
            news = self._known(change.new) != self._known(change.old)
            for waiting, curious in tuple(self._waiting.items()):
                header = self._store.header(waiting)
                if header and change.key in header.depends_on and (curious or news):
                    controller.trigger(waiting, f"{controller.kind}/{change.key}")

        controller.informer.subscribe(on_change)

    async def check(
        self,
        obj: Dependant,
        references: Iterable[DependencyReference],
        raw: JsonObject,
        demand: Demand[Any] | None = None,
    ) -> NotReady | Stalled | None:
        """None when all dependencies are ready; the first that is not decides otherwise."""
        me = ObjectKey(obj.namespace, obj.name)
        self._waiting.pop(me, None)
        wanted = [(ObjectKey(each.namespace or obj.namespace, each.name), each) for each in references]
        unwatched = {key: await self._read(key) for key, _ in wanted if self._is_unwatched(key)}
        for key, reference in wanted:
            dependency = unwatched.get(key, _Unwatched())
            try:
                problem = self._problem(key, dependency, raw, reference.ready_expr or "", demand)
            except CelSyntaxError as error:
                text = f"failed to evaluate dependency {reference.name}: {error}"
                return Stalled(
                    "InvalidCELExpression",
                    f"Reconciliation failed terminally due to configuration error: {text}",
                )
            if problem:
                self._waiting[me] = any(other.ready_expr for _, other in wanted)
                wait = format_duration(self._wait)
                notice = f"Dependencies do not meet ready condition, retrying in {wait}"
                return NotReady(problem, notice, self._wait)
        return None

    def _is_unwatched(self, key: ObjectKey) -> bool:
        return key not in self._store and not self._informer.covers(key.namespace)

    async def _read(self, key: ObjectKey) -> _Unwatched:
        try:
            return _Unwatched(*await self._informer.read(key))
        except KubeError as error:
            return _Unwatched(problem=str(error))

    def _known(self, header: Any) -> tuple[object, ...]:
        if header is None:
            return ()
        return (header.ready, header.generation, header.observed_generation, *self._facts(header))

    def _problem(
        self,
        key: ObjectKey,
        unwatched: _Unwatched,
        raw: JsonObject,
        expression: str,
        demand: Demand[Any] | None,
    ) -> str:
        header = self._store.header(key) or unwatched.header
        if header is None:
            why = unwatched.problem or f'{self._plural} "{key.name}" not found'
            return f"dependency '{key}' not found: {why}"
        if expression:
            dependency = self._store.get(key) or unwatched.obj
            return _judged(key, raw, dependency, expression) or (
                _state(key, header, demand) if self._additive else ""
            )
        return _state(key, header, demand)


def _judged(key: ObjectKey, raw: JsonObject, dependency: JsonObject | None, expression: str) -> str:
    predicate = compile_predicate(expression)
    try:
        ready = predicate.holds({"self": raw, "dep": dependency})
    except CelEvaluationError as error:
        return f"dependency '{key}' is not ready: {error}"
    return "" if ready else f"dependency '{key}' is not ready according to readyExpr eval"


def _state(key: ObjectKey, header: DependencyHeader, demand: Demand[Any] | None) -> str:
    if header.ready != "True" or header.observed_generation != header.generation:
        return f"dependency '{key}' is not ready"
    return demand(key, header) if demand else ""
