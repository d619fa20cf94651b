"""Tells of fields that a type makes no use of, so that nobody waits for them to have an effect."""

from __future__ import annotations

from notification_controller.delivery.table import TYPES, Field
from shared.api.notification_v1beta3 import Provider, ProviderSpec


def ignored_fields(provider: Provider) -> tuple[str, ...]:
    """One sentence for each field that is set and has no effect."""
    spec: ProviderSpec = provider.spec
    kind = TYPES.get(spec.type)
    if kind is None:
        return ()
    unused = [field for field, value in _given(spec).items() if value and field not in kind.uses]
    return tuple(f"{field} has no effect on providers of type '{spec.type}'" for field in unused)


def _given(spec: ProviderSpec) -> dict[Field, object]:
    return {
        Field.ADDRESS: spec.address,
        Field.CHANNEL: spec.channel,
        Field.USERNAME: spec.username,
        Field.PROXY: spec.proxy,
        Field.PROXY_SECRET: spec.proxy_secret_ref,
        Field.CERTIFICATES: spec.cert_secret_ref,
        Field.ACCOUNT: spec.service_account_name,
    }
