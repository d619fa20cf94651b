"""The ImageRepository that a policy refers to, and whether the policy may look at it."""

from __future__ import annotations

from collections.abc import Callable

from shared.api.decode import InvalidObject, decode
from shared.api.image_v1 import ImagePolicy, ImageRepository
from shared.kube.client import KubeClient
from shared.kube.resources import ObjectKey, Resource
from shared.lang.json import JsonObject

_NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)


class AccessDenied(Exception):
    """The policy may not look at the repository; str() says why."""


class NoRepository(Exception):
    """There is no such repository, or it can't be read; str() says why."""


class Repositories:
    """ImageRepositories as the cache has them."""

    def __init__(
        self,
        client: KubeClient,
        known: Callable[[ObjectKey], JsonObject | None],
        *,
        cross_namespace: bool,
    ) -> None:
        """`known` gives an ImageRepository in wire form."""
        self._client = client
        self._known = known
        self._cross_namespace = cross_namespace

    async def of(self, policy: ImagePolicy) -> ImageRepository:
        """The repository of a policy.

        Raises:
            AccessDenied: the policy may not look at it.
            NoRepository: it is not there.
            KubeError: the labels of the policy's namespace can't be read.
        """
        key = reference(policy)
        if key.namespace != policy.namespace and not self._cross_namespace:
            raise AccessDenied(
                f"cannot access 'ImageRepository/{key}', cross-namespace references have been blocked"
            )
        raw = self._known(key)
        if raw is None:
            raise NoRepository(f"ImageRepository '{key}' not found")
        try:
            repository = decode(ImageRepository, raw)
        except InvalidObject as error:
            raise NoRepository(f"ImageRepository '{key}': {error}") from error
        if key.namespace != policy.namespace:
            await self._check(policy, repository)
        return repository

    async def _check(self, policy: ImagePolicy, repository: ImageRepository) -> None:
        where = f"'{repository.namespace}/{repository.name}'"
        access = repository.spec.access_from
        if access is None:
            raise AccessDenied(
                f"access denied: {where} can't be accessed due to missing ACL labels on 'accessFrom'"
            )
        found = await self._client.get(_NAMESPACES, None, policy.namespace)
        labels = found["metadata"].get("labels") or {}
        for selector in access.namespace_selectors:
            wanted = selector.match_labels or {}
            if all(labels.get(key) == value for key, value in wanted.items()):
                return
        raise AccessDenied(
            f"access denied: {where} can't be accessed due to ACL labels mismatch on namespace "
            f"'{policy.namespace}'"
        )


def reference(policy: ImagePolicy) -> ObjectKey:
    """The repository that a policy names."""
    named = policy.spec.image_repository_ref
    return ObjectKey(named.namespace or policy.namespace, named.name)
