"""How the registry of an OCIRepository is reached: pull secrets, certificates, proxy."""

from __future__ import annotations

from shared.api.source_v1 import OCIRepository
from shared.auth import Keychain, SecretError, TlsMaterial
from shared.oci import Access, Repository
from source_controller.secrets import Secrets, SecretUnavailable, refused


class Accesses:
    """Reads what registries want to know."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def open(self, obj: OCIRepository, repository: Repository) -> Access:
        """How to reach the registry.

        Raises:
            Failure: a Secret is missing or can't be used; it may come or change later.
        """
        try:
            keychain = await self._keychain(obj)
        except (SecretUnavailable, SecretError) as error:
            raise refused(f"failed to get credential: {error}") from error
        spec, proxy, tls = obj.spec, None, TlsMaterial()
        try:
            if spec.proxy_secret_ref is not None:
                proxy = await self._secrets.proxy(obj.namespace, spec.proxy_secret_ref.name)
        except SecretUnavailable as error:
            raise refused(f"failed to get proxy address: {error}") from error
        try:
            if spec.cert_secret_ref is not None:
                tls = await self._secrets.tls(obj.namespace, spec.cert_secret_ref.name)
        except SecretUnavailable as error:
            raise refused(f"failed to generate transport for '{spec.url}': {error}") from error
        return Access(keychain.login(repository.host, repository.path), tls, proxy, spec.insecure)

    async def _keychain(self, obj: OCIRepository) -> Keychain:
        spec = obj.spec
        names = [spec.secret_ref.name] if spec.secret_ref else []
        if spec.service_account_name:
            names += await self._secrets.pull_secrets(obj.namespace, spec.service_account_name)
        return Keychain.of([await self._secrets.read(obj.namespace, name) for name in names])
