"""What is wrong with the fields of a Provider, as far as they tell themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from notification_controller.announcing import Problem
from notification_controller.delivery import ignored_fields, mistakes
from shared.api.notification_v1beta3 import Provider, ProviderType

#: Their address is fixed.
_NO_ADDRESS: Final = frozenset({ProviderType.TELEGRAM})


def problems(provider: Provider, *, object_identities: bool) -> Iterator[Problem]:
    """What has no effect or can't work; may take a moment."""
    spec = provider.spec
    for text in mistakes(spec):
        yield Problem(text)
    for text in ignored_fields(provider):
        yield Problem(text, mild=True)
    if spec.type not in _NO_ADDRESS and not spec.address and spec.secret_ref is None:
        yield Problem(f"spec.address is needed by type '{spec.type}', here or as 'address' in a Secret")
    if spec.service_account_name and not object_identities:
        yield Problem("spec.serviceAccountName needs the feature gate ObjectLevelWorkloadIdentity")
