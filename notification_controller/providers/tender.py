"""What is done for a Provider itself: its finalizer, and telling what can't work in it.

The finalizer protects nothing; it is part of the API, and other tools may look for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from notification_controller.announcing import Announcer, Problem
from notification_controller.providers.fields import problems
from shared.api import wire
from shared.api.decode import InvalidObject, decode
from shared.api.notification_v1beta3 import Provider, ProviderSpec
from shared.events import Recorder
from shared.kube.client import KubeClient
from shared.kube.errors import NotFound, UnusableName
from shared.kube.resources import ObjectKey, Resource
from shared.lang.json import JsonObject
from shared.observe import metrics
from shared.observe.clock import Clock
from shared.runtime.finalizers import Finalizers

_SECRETS = Resource("", "v1", "secrets", "Secret")


class ProviderTender:
    """Keeps the finalizer of Providers, and looks at their specs."""

    kind = Provider

    def __init__(
        self,
        client: KubeClient,
        finalizers: Finalizers,
        recorder: Recorder,
        clock: Clock,
        changed: Callable[[ObjectKey], None],
        *,
        object_identities: bool,
    ) -> None:
        """`changed` hears of each Provider that came, went or changed."""
        self._client = client
        self._finalizers = finalizers
        self._announcer = Announcer(recorder, clock)
        self._changed = changed
        self._object_identities = object_identities

    async def tend(self, key: ObjectKey, raw: JsonObject) -> timedelta | None:
        """Adds the finalizer, or takes it away from a deleted Provider."""
        metadata = raw["metadata"]
        finalizers = metadata.get("finalizers") or []
        resource = await self._client.discovery.find(Provider.GROUP, Provider.KIND)
        if metadata.get("deletionTimestamp"):
            if wire.FINALIZER in finalizers:
                rest = [name for name in finalizers if name != wire.FINALIZER]
                await self._finalizers.write(resource, raw, rest)
            return None
        if wire.FINALIZER not in finalizers:
            await self._finalizers.write(resource, raw, [*finalizers, wire.FINALIZER])
        self._changed(key)
        try:
            provider = decode(Provider, raw)
        except InvalidObject as error:
            return self._announcer.announce(key, raw, [Problem(str(error))])
        if provider.suspended:
            return None
        given = problems(provider, object_identities=self._object_identities)
        found = await asyncio.to_thread(list, given)
        return self._announcer.announce(key, raw, [*found, *await self._missing(key, provider.spec)])

    def forget(self, key: ObjectKey) -> None:
        """The Provider is gone."""
        self._announcer.forget(key)
        metrics.forget(Provider.KIND, key.namespace, key.name)
        self._changed(key)

    async def _missing(self, key: ObjectKey, spec: ProviderSpec) -> list[Problem]:
        fields = {
            "secretRef": spec.secret_ref,
            "certSecretRef": spec.cert_secret_ref,
            "proxySecretRef": spec.proxy_secret_ref,
        }
        found = []
        for field, reference in fields.items():
            if reference is None:
                continue
            try:
                await self._client.get(_SECRETS, key.namespace, reference.name, metadata_only=True)
            except UnusableName as error:
                found.append(Problem(f"spec.{field}.name: {error}"))
            except NotFound:
                where = f"{key.namespace}/{reference.name}"
                found.append(Problem(f"spec.{field}.name: there is no Secret '{where}'", missing=True))
        return found
