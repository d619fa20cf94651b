"""The secrets of Receivers, kept so that a caller who proves nothing costs no request.

A Secret with the label of watched configuration is known to be current by its version. Every other one may
have changed since it was read: what it says is asked again before a call is let in, and at most now and then
where a call is turned away.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from notification_controller.receivers.material import Material, NoToken
from shared.auth import SecretError, secret_data
from shared.kube.client import KubeClient
from shared.kube.errors import NotFound
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey, Resource
from shared.lang.bounded import remember
from shared.observe.clock import Clock

SECRETS: Final = Resource("", "v1", "secrets", "Secret")
_MOST: Final = 4096
#: Seconds between two looks at a Secret because a caller proved nothing.
_GAP: Final = 30.0
#: Seconds between two looks at one that is known to be of no use, or not to be that of its path.
_SHORT_GAP: Final = 1.0


@dataclass(frozen=True, slots=True)
class Held:
    """What a Secret said when it was read; `problem` where it had no usable token."""

    material: Material | None
    problem: str
    version: str
    read_at: float

    @property
    def usable(self) -> Material:
        """The secrets.

        Raises:
            NoToken: there are none.
        """
        if self.material is None:
            raise NoToken(self.problem)
        return self.material


class KnownSecrets:
    """Reads Secrets and remembers what they said."""

    def __init__(self, client: KubeClient, watched: Informer[str] | None, clock: Clock) -> None:
        self._client = client
        self._watched = watched
        self._clock = clock
        self._held: OrderedDict[ObjectKey, Held] = OrderedDict()
        self._reading: dict[ObjectKey, asyncio.Task[Held]] = {}

    async def held(self, key: ObjectKey, fits: Callable[[Material], bool]) -> Held:
        """What is known of a Secret; read only if nothing is known, or something that is no longer so.

        Raises:
            KubeError: the API server does not answer.
        """
        held = self._held.get(key)
        version = self._watched_version(key)
        if held is None or (version and version != held.version):
            return await self.read(key)
        if held.material is not None and fits(held.material):
            return held
        return held if self._asked_within(_SHORT_GAP, held) else await self.read(key)

    def is_current(self, key: ObjectKey, held: Held) -> bool:
        """Whether a Secret is known to say the same now."""
        return bool(held.version) and self._watched_version(key) == held.version

    def may_ask_again(self, key: ObjectKey, held: Held) -> bool:
        """Whether it is time to look whether a Secret has changed, although nobody has proved anything."""
        return not self.is_current(key, held) and not self._asked_within(_GAP, held)

    async def read(self, key: ObjectKey) -> Held:
        """What a Secret says now; calls that come together share one request.

        Raises:
            KubeError: the API server does not answer.
        """
        task = self._reading.get(key)
        if task is None:
            task = asyncio.create_task(self._read(key), name=f"secret {key}")
            self._reading[key] = task
            task.add_done_callback(lambda _: self._reading.pop(key, None))
        return await asyncio.shield(task)

    async def _read(self, key: ObjectKey) -> Held:
        now, version, material, problem = self._clock.monotonic(), "", None, ""
        try:
            secret = await self._client.get(SECRETS, key.namespace, key.name)
            version = str(secret["metadata"].get("resourceVersion") or "")
            material = Material.of(str(key), secret_data(secret))
        except NotFound as error:
            problem = f"unable to read token from secret '{key}' error: {error}"
        except (NoToken, SecretError) as error:
            problem = str(error)
        held = Held(material, problem, version, now)
        remember(self._held, key, held, _MOST)
        return held

    def _asked_within(self, seconds: float, held: Held) -> bool:
        return self._clock.monotonic() - held.read_at < seconds

    def _watched_version(self, key: ObjectKey) -> str:
        if self._watched is None:
            return ""
        return self._watched.store.header(key) or ""
