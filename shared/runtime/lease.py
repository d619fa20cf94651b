"""Leader election with a Lease: one replica of a controller acts, the others stand by.

A lease counts as free when its holder is empty or has not renewed it for its duration, measured by our
own clock from the moment we saw it change, so that clocks of different nodes don't matter. All writes
carry the resource version: two replicas can't both win.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NoReturn

import structlog

from shared.events import Event, Recorder, Severity, Subject
from shared.kube.client import KubeClient
from shared.kube.errors import Conflict, KubeError, NotFound
from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.observe import metrics
from shared.observe.clock import Clock

_RELEASE_SECONDS: Final = 5.0
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")


class LeadershipLost(Exception):
    """The lease could not be renewed in time; this process must not write any more."""


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """Name, place and timing of the lease."""

    name: str
    namespace: str
    duration: timedelta
    renew_deadline: timedelta
    retry_period: timedelta
    release: bool


def lease_name(controller: str, label_selector: str) -> str:
    """Shards of one controller, told apart by their selector, have leases of their own."""
    name = f"{controller}-leader-election"
    return f"{name}-{hashlib.sha256(label_selector.encode()).hexdigest()[:8]}" if label_selector else name


class Lease:
    """One replica's view of the lease."""

    def __init__(
        self,
        client: KubeClient,
        terms: LeaseTerms,
        recorder: Recorder,
        clock: Clock,
        component: str,
        host: str,
    ) -> None:
        self._client = client
        self._terms = terms
        self._recorder = recorder
        self._clock = clock
        self._component = component
        self._identity = f"{host}_{uuid.uuid4()}"
        self._seen = ""
        self._seen_at = 0.0
        self._held = False
        self._log = structlog.get_logger("leader-election").bind(lease=terms.name)
        metrics.leader.labels(terms.name).set(0)

    async def acquire(self) -> None:
        """Waits until this replica holds the lease."""
        while True:
            try:
                lease = await self._try()
            except KubeError as error:
                self._log.info("lease not available, trying again", error=str(error))
                lease = None
            if lease is not None:
                self._held = True
                metrics.leader.labels(self._terms.name).set(1)
                self._log.info("became leader", identity=self._identity)
                message = f"{self._identity} became leader"
                self._recorder.record(
                    Event(Subject.of(lease), Severity.TRACE, "LeaderElection", message, self._clock.now())
                )
                return
            await asyncio.sleep(self._terms.retry_period.total_seconds())

    async def hold(self) -> None:
        """Renews until cancelled.

        Raises:
            LeadershipLost: not renewed within the deadline, or somebody else holds the lease.
        """
        deadline = self._terms.renew_deadline.total_seconds()
        renewed = self._clock.monotonic()
        while True:
            await asyncio.sleep(self._terms.retry_period.total_seconds())
            asked = self._clock.monotonic()
            try:
                # A server that hangs must not make us believe in a lease that others see expire.
                async with asyncio.timeout(max(renewed + deadline - asked, 0.0)):
                    lease = await self._try()
            except (KubeError, TimeoutError) as error:
                self._log.info("lease not renewed", error=str(error) or "no answer in time")
            else:
                if lease is None:
                    self._lost("is held by another replica")
                renewed = asked
            if self._clock.monotonic() - renewed >= deadline:
                self._lost("could not be renewed in time")

    async def release(self) -> None:
        """Gives the lease back, so that another replica need not wait for it to expire.

        A server that doesn't answer keeps nobody from ending: the lease expires anyway.
        """
        metrics.leader.labels(self._terms.name).set(0)
        if not (self._held and self._terms.release):
            return
        self._held = False
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                lease = await self._client.get(LEASES, self._terms.namespace, self._terms.name)
                if lease["spec"].get("holderIdentity") == self._identity:
                    await self._write(lease, {"holderIdentity": "", "leaseDurationSeconds": 1})
        except (KubeError, TimeoutError) as error:
            self._log.info("lease not released", error=str(error) or "no answer in time")

    def _lost(self, how: str) -> NoReturn:
        self._held = False
        metrics.leader.labels(self._terms.name).set(0)
        raise LeadershipLost(f"lease {self._terms.name} {how}")

    async def _try(self) -> JsonObject | None:
        """Takes or renews the lease; None when another replica holds it.

        Raises:
            KubeError: neither happened, also because another writer was faster; try again.
        """
        try:
            lease = await self._client.get(LEASES, self._terms.namespace, self._terms.name)
        except NotFound:
            return await self._create()
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder and holder != self._identity and not self._expired(spec):
            return None
        changes: JsonObject = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._terms.duration.total_seconds()),
            "renewTime": self._stamp(),
        }
        if holder != self._identity:
            changes["acquireTime"] = changes["renewTime"]
            changes["leaseTransitions"] = (spec.get("leaseTransitions") or 0) + 1
        return await self._write(lease, changes)

    async def _create(self) -> JsonObject | None:
        now = self._stamp()
        body: JsonObject = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._terms.name, "namespace": self._terms.namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(self._terms.duration.total_seconds()),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }
        try:
            return await self._client.create(LEASES, body, manager=self._component)
        except Conflict:
            return None

    async def _write(self, lease: JsonObject, changes: JsonObject) -> JsonObject:
        version = lease["metadata"]["resourceVersion"]
        return await self._client.merge_patch(
            LEASES,
            self._terms.namespace,
            self._terms.name,
            {"metadata": {"resourceVersion": version}, "spec": changes},
            manager=self._component,
        )

    def _expired(self, spec: JsonObject) -> bool:
        """Whether the holder has let the lease lapse since we first saw this renewal of it."""
        seen = f"{spec.get('holderIdentity')} {spec.get('renewTime')}"
        now = self._clock.monotonic()
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
        return now - self._seen_at > float(spec.get("leaseDurationSeconds") or 0)

    def _stamp(self) -> str:
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
