"""Answers webhooks: finds the Receiver of a path, checks the caller, and asks for reconciliations.

What an answer says goes to somebody who may be anybody, so it says little; the log has the cause. The order
of the checks is part of the interface: `flux` tries again after 404, 429 and 5xx and gives up after 400.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Final

import structlog

from notification_controller.receivers import checks
from notification_controller.receivers.blueprint import Blueprint
from notification_controller.receivers.budget import Budget
from notification_controller.receivers.callers import Callers, OldPath, aside
from notification_controller.receivers.directory import Directory
from notification_controller.receivers.material import NoToken
from notification_controller.receivers.paths import PREFIX, shown
from notification_controller.receivers.resources import NotRequested, Requests
from notification_controller.receivers.webhook import Refused, Unauthenticated, Webhook
from notification_controller.serving import Answer, Call
from shared.kube.errors import KubeError
from shared.lang.gojson import first_object, with_doubles
from shared.lang.json import JsonError, JsonObject, dumps
from shared.observe import metrics

_METHODS: Final = frozenset({"GET", "POST"})


class Result(StrEnum):
    """How a webhook ended, for metrics."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    FAILED = "failed"


class _Ended(Exception):
    """A webhook that is answered with something else than 200."""

    def __init__(self, status: HTTPStatus, result: Result, told: str, retry_after: int = 0) -> None:
        super().__init__(told)
        self.status = status
        self.result = result
        self.told = told
        self.retry_after = retry_after


class Webhooks:
    """The handler of the webhook server."""

    def __init__(
        self,
        directory: Directory,
        callers: Callers,
        requests: Requests,
        budget: Budget,
    ) -> None:
        self._directory = directory
        self._callers = callers
        self._requests = requests
        self._budget = budget
        self._log = structlog.get_logger("receiver-server").bind(logger="receiver-server")

    def turn_away(self, method: str, target: str) -> Answer | None:
        """The answer to a call for which there is no Receiver, whatever its body."""
        try:
            self._find(method, target)
        except _Ended as end:
            return _told(end, "")
        return None

    async def take(self, call: Call) -> Answer:
        """Answers a call."""
        kind = ""
        try:
            blueprint = self._find(call.method, call.target)
            kind = blueprint.spec.type
            given = await self._check(blueprint, call.target, Webhook(call.headers, call.body))
            await self._reconcile(blueprint, given)
        except _Ended as end:
            return _told(end, kind)
        metrics.webhooks.labels(kind, Result.ACCEPTED).inc()
        return Answer(HTTPStatus.OK)

    def _find(self, method: str, target: str) -> Blueprint:
        if not target.startswith(PREFIX):
            raise _Ended(HTTPStatus.NOT_FOUND, Result.UNKNOWN, "not found")
        if method not in _METHODS:
            raise _Ended(HTTPStatus.METHOD_NOT_ALLOWED, Result.UNKNOWN, "the method is not allowed")
        if not self._directory.synced:
            raise _Ended(HTTPStatus.SERVICE_UNAVAILABLE, Result.UNAVAILABLE, "not ready yet")
        key = self._directory.at(target)
        if key is None:
            self._log.debug("no receiver has this path", path=shown(target))
            raise _Ended(HTTPStatus.NOT_FOUND, Result.UNKNOWN, "not found")
        blueprint = self._directory.blueprint(key) if self._directory.available(key) else None
        if blueprint is None:
            self._log.error("receiver is suspended or not ready", namespace=key.namespace, name=key.name)
            raise _Ended(
                HTTPStatus.SERVICE_UNAVAILABLE, Result.UNAVAILABLE, "the receiver is suspended or not ready"
            )
        return blueprint

    async def _check(self, blueprint: Blueprint, path: str, webhook: Webhook) -> JsonObject:
        """Who calls, and about what; gives what filters may read."""
        spent = self._budget.spent(blueprint.key)
        try:
            claims = await self._callers.prove(blueprint, path, webhook)
            return await aside(webhook, partial(_read, blueprint, webhook, claims))
        except Unauthenticated as refused:
            self._budget.charge(blueprint.key)
            if spent:
                raise _Ended(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    Result.THROTTLED,
                    "too many failed authentications",
                    self._budget.wait(blueprint.key),
                ) from None
            raise self._refuse(blueprint, refused) from refused
        except (Refused, NoToken) as refused:
            raise self._refuse(blueprint, refused) from refused
        except OldPath as error:
            self._tell(blueprint, "the path is not that of the token", error)
            raise _Ended(HTTPStatus.NOT_FOUND, Result.UNKNOWN, "not found") from error
        except KubeError as error:
            self._tell(blueprint, "unable to read the secret of the receiver", error)
            raise _Ended(
                HTTPStatus.SERVICE_UNAVAILABLE, Result.UNAVAILABLE, "the secret can't be read now"
            ) from error
        except _NotAnObject as error:
            self._tell(blueprint, "unable to create resource filters", error)
            raise _Ended(HTTPStatus.INTERNAL_SERVER_ERROR, Result.FAILED, str(error)) from error

    def _refuse(self, blueprint: Blueprint, error: Exception) -> _Ended:
        self._tell(blueprint, "unable to validate payload", error)
        told = error.told if isinstance(error, Refused) else "authentication failed"
        return _Ended(HTTPStatus.BAD_REQUEST, Result.REFUSED, told)

    async def _reconcile(self, blueprint: Blueprint, given: JsonObject) -> None:
        failed = False
        for index, entry in enumerate(blueprint.spec.resources):
            try:
                await self._requests.make(blueprint.key, entry, blueprint.filters.of(index), given)
            except NotRequested as error:
                self._tell(blueprint, "unable to request reconciliation", error)
                failed = True
        if failed:
            raise _Ended(
                HTTPStatus.INTERNAL_SERVER_ERROR, Result.FAILED, "not all resources could be reconciled"
            )

    def _tell(self, blueprint: Blueprint, what: str, error: Exception) -> None:
        key = blueprint.key
        self._log.error(what, namespace=key.namespace, name=key.name, error=str(error))


def _told(end: _Ended, kind: str) -> Answer:
    metrics.webhooks.labels(kind, end.result).inc()
    headers = {"Content-Type": "application/json"}
    if end.retry_after:
        headers["Retry-After"] = str(end.retry_after)
    if end.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_METHODS))
    return Answer(end.status, headers, dumps({"error": end.told}))


class _NotAnObject(Exception):
    """A body that filters can't read."""


def _read(blueprint: Blueprint, webhook: Webhook, claims: JsonObject | None) -> JsonObject:
    """What filters may read; nothing is decoded for a Receiver that has none."""
    payload = checks.read(blueprint.spec.type, webhook, blueprint.spec.events or ())
    if not blueprint.filters:
        return {}
    if not webhook.is_json:
        payload = {}
    elif payload is None:
        try:
            payload = first_object(webhook.body)
        except JsonError as error:
            raise _NotAnObject(f"failed to parse request body as JSON: {error}") from None
    given: JsonObject = {"req": with_doubles(payload)}
    if claims is not None:
        given["claims"] = claims
    return given
