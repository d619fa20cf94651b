"""What a tag points at, where a policy wants to know."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from image_controllers.reflector.access import Accesses, NoLogin, NotConfigured
from shared.api.image_v1 import DigestReflectionPolicy, ImagePolicy, ImageRepository
from shared.lang.duration import format_duration
from shared.oci import OciError, Repository

_SHORTEST = timedelta(seconds=1)


class NoDigest(Exception):
    """The registry doesn't tell; str() says why. `retry_after` is how long it asks to wait."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Digests:
    """Looks up digests, with what the repository of a policy says about its registry."""

    def __init__(self, accesses: Accesses) -> None:
        self._accesses = accesses

    async def of(
        self, policy: ImagePolicy, repository: ImageRepository, name: Repository, tag: str
    ) -> str | None:
        """The digest of a tag; None where none is wanted.

        Raises:
            NoDigest: the registry doesn't tell.
        """
        wanted = policy.spec.digest_reflection_policy
        if wanted is DigestReflectionPolicy.NEVER:
            return None
        known = policy.status.latest_ref
        same = known is not None and (known.name, known.tag) == (repository.spec.image, tag)
        if wanted is DigestReflectionPolicy.IF_NOT_PRESENT and same and known is not None and known.digest:
            return known.digest
        return await self._asked(repository, name, tag)

    async def _asked(self, obj: ImageRepository, name: Repository, tag: str) -> str:
        what = f"failed fetching digest of {obj.spec.image}:{tag}"
        limit = max(obj.spec.timeout or obj.spec.interval, _SHORTEST)
        try:
            async with asyncio.timeout(limit.total_seconds()):
                reach = await self._accesses.reach(obj)
                registry = await self._accesses.registry(obj, name, reach)
                return str(await registry.digest(tag))
        except OciError as error:
            raise NoDigest(f"{what}: {error}", error.retry_after) from error
        except (NotConfigured, NoLogin) as error:
            raise NoDigest(f"{what}: {error}") from error
        except TimeoutError:
            raise NoDigest(f"{what}: no answer within {format_duration(limit)}") from None
