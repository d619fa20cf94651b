"""How the registry of an ImageRepository is reached; its policies reach it in the same way."""

from __future__ import annotations

from dataclasses import dataclass

from shared.api.image_v1 import ImageRepository
from shared.api.source_v1 import Provider
from shared.auth import (
    Keychain,
    Proxy,
    RegistryLogin,
    SecretData,
    SecretError,
    Secrets,
    SecretUnavailable,
    TlsMaterial,
)
from shared.auth.cloud import Cloud, CloudError, Clouds, User
from shared.oci import Access, Registries, Registry, Repository


class NotConfigured(Exception):
    """What an object says about its registry can't be used; str() says why."""


class NoLogin(Exception):
    """A cloud gives no login; str() says why."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What Secrets say of a registry; a login of a cloud comes when it is needed."""

    found: tuple[tuple[str, SecretData], ...]
    tls: TlsMaterial
    proxy: Proxy | None


class Accesses:
    """Reads what registries want to know."""

    def __init__(
        self, secrets: Secrets, clouds: Clouds, registries: Registries, *, object_level: bool
    ) -> None:
        """`object_level` says whether objects may have identities of their own in clouds."""
        self._secrets = secrets
        self._clouds = clouds
        self._registries = registries
        self._object_level = object_level

    def gate_closed(self, obj: ImageRepository) -> bool:
        """Whether an object wants an identity of its own, and may not have one."""
        spec = obj.spec
        return bool(
            spec.provider is not Provider.GENERIC and spec.service_account_name and not self._object_level
        )

    async def reach(self, obj: ImageRepository) -> Reach:
        """What is configured for a registry.

        Raises:
            NotConfigured: a Secret or ServiceAccount is missing, or can't be used.
        """
        spec, namespace = obj.spec, obj.namespace
        try:
            found = await self._pull_secrets(obj) if spec.provider is Provider.GENERIC else []
            proxy = tls = None
            if spec.proxy_secret_ref is not None:
                proxy = await self._secrets.proxy(namespace, spec.proxy_secret_ref.name)
            if spec.cert_secret_ref is not None:
                tls = await self._secrets.tls(namespace, spec.cert_secret_ref.name)
            Keychain.of(found)
        except (SecretUnavailable, SecretError) as error:
            raise NotConfigured(str(error)) from error
        return Reach(tuple(found), tls or TlsMaterial(), proxy)

    async def registry(self, obj: ImageRepository, repository: Repository, reach: Reach) -> Registry:
        """The repository in its registry, as somebody who may see it.

        Raises:
            NoLogin: a cloud gives no login.
        """
        login = await self._login(obj, repository, reach)
        return self._registries.registry(repository, Access(login, reach.tls, reach.proxy, obj.spec.insecure))

    async def _login(
        self, obj: ImageRepository, repository: Repository, reach: Reach
    ) -> RegistryLogin | None:
        spec = obj.spec
        if spec.provider is Provider.GENERIC:
            return Keychain.of(reach.found).login(repository.host, repository.path)
        try:
            return await self._clouds.registry_login(
                Cloud(spec.provider),
                repository.host,
                User(obj.KIND, obj.namespace, obj.name),
                account=spec.service_account_name or "",
                proxy=reach.proxy,
            )
        except CloudError as error:
            raise NoLogin(str(error)) from error

    async def _pull_secrets(self, obj: ImageRepository) -> list[tuple[str, SecretData]]:
        spec = obj.spec
        names = [spec.secret_ref.name] if spec.secret_ref else []
        if spec.service_account_name:
            names += await self._secrets.pull_secrets(obj.namespace, spec.service_account_name)
        return [await self._secrets.read(obj.namespace, name) for name in names]
