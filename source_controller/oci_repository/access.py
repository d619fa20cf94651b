"""How the registry of an OCIRepository is reached: pull secrets, certificates, proxy."""

from __future__ import annotations

from shared.api.source_v1 import OCIRepository, Provider
from shared.auth import Keychain, SecretData, SecretError, Secrets, SecretUnavailable, TlsMaterial
from shared.oci import Access, Repository
from source_controller.identities import Identities
from source_controller.secrets import refused


class Accesses:
    """Reads what registries want to know."""

    def __init__(self, secrets: Secrets, identities: Identities) -> None:
        self._secrets = secrets
        self._identities = identities

    async def open(self, obj: OCIRepository, repository: Repository) -> Access:
        """How to reach the registry.

        Raises:
            Failure: a Secret is missing or can't be used, or a cloud gives nothing; that may change later.
            GateClosed: the object asks for an identity of its own, and may not have one.
        """
        try:
            found = await self._pull_secrets(obj)
            keychain = Keychain.of(found)
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
        if spec.provider is Provider.GENERIC or found:
            login = keychain.login(repository.host, repository.path)
        else:
            login = await self._identities.registry(
                obj, spec.provider, repository.host, account=spec.service_account_name, proxy=proxy
            )
        return Access(login, tls, proxy, spec.insecure)

    async def _pull_secrets(self, obj: OCIRepository) -> list[tuple[str, SecretData]]:
        """Types and data of all of them, in their order."""
        spec = obj.spec
        names = [spec.secret_ref.name] if spec.secret_ref else []
        if spec.service_account_name:
            names += await self._secrets.pull_secrets(obj.namespace, spec.service_account_name)
        return [await self._secrets.read(obj.namespace, name) for name in names]
