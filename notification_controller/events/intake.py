"""What happens to a call that brings an event: decoded, told from its equals, matched, queued, answered.

202 means that the event is in the queues of all that want it; only then does it count as seen. Nobody waits
here for any service, so senders have their answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import structlog

from notification_controller.alerts.matching import Matcher
from notification_controller.alerts.warnings import involved_fields
from notification_controller.dispatch.deliveries import Closed
from notification_controller.dispatch.dispatcher import Dispatcher
from notification_controller.event import Event
from notification_controller.events.decoding import NotAnEvent, decode
from notification_controller.events.duplicates import Duplicates, key_of
from notification_controller.events.metadata import cleaned, without_token
from notification_controller.serving import Answer, Call
from shared.observe import metrics

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class EventIntake:
    """Takes events from other controllers."""

    def __init__(
        self,
        ready: Callable[[], bool],
        duplicates: Duplicates,
        matcher: Matcher,
        dispatcher: Dispatcher,
    ) -> None:
        """`ready` says whether all Alerts and Providers are known."""
        self._ready = ready
        self._duplicates = duplicates
        self._matcher = matcher
        self._dispatcher = dispatcher
        self._log = structlog.get_logger("event-server").bind(logger="event-server")

    async def take(self, call: Call) -> Answer:
        """The answer to a call, whatever its path and method."""
        try:
            event = cleaned(decode(call.body))
        except NotAnEvent as error:
            metrics.events_taken.labels("invalid").inc()
            self._log.error("decoding the request body failed", error=str(error))
            return Answer(HTTPStatus.BAD_REQUEST)
        if not self._ready():
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE)
        key = key_of(event)
        verdict = self._duplicates.judge(key)
        again_at = _http_time(verdict.again_at)
        limits = {"X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": again_at}
        if not verdict.passes:
            metrics.events_taken.labels("duplicate").inc()
            self._log.debug(
                "Discarding event, rate limiting duplicate events", **involved_fields(event.involved)
            )
            return _too_many(limits, again_at)
        try:
            await self._pass_on(without_token(event))
        except Closed:
            self._duplicates.give_back(key)
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE)
        except BaseException:
            self._duplicates.give_back(key)
            raise
        return Answer(HTTPStatus.ACCEPTED, limits)

    async def _pass_on(self, event: Event) -> None:
        rules = await self._matcher.match(event)
        about = involved_fields(event.involved)
        if not rules:
            metrics.events_taken.labels("unmatched").inc()
            self._log.info("discarding event, no alerts found for the involved object", **about)
            return
        self._log.info("dispatching event", **about, message=event.message)
        self._dispatcher.dispatch(event, rules)
        metrics.events_taken.labels("matched").inc()


def _too_many(limits: Mapping[str, str], again_at: str) -> Answer:
    headers = {**limits, "Retry-After": again_at, "Content-Type": "text/plain; charset=utf-8"}
    return Answer(HTTPStatus.TOO_MANY_REQUESTS, headers, b"Too Many Requests\n")


def _http_time(moment: datetime) -> str:
    """RFC 1123 with the zone that Go names; the names of days and months in English, always."""
    return _second(int(moment.timestamp()))


@lru_cache(maxsize=64)
def _second(since_1970: int) -> str:
    at = datetime.fromtimestamp(since_1970, UTC)
    return f"{_DAYS[at.weekday()]}, {at:%d} {_MONTHS[at.month - 1]} {at:%Y %H:%M:%S} UTC"
