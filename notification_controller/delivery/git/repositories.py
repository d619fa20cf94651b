"""Which repositories a type of provider can be told, and what is wrong with one that it can't."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.git.address import Address
from notification_controller.delivery.git.azure_devops import repository_of
from notification_controller.delivery.git.contexts import compile_context
from shared.api.notification_v1beta3 import ProviderSpec, ProviderType
from shared.lang.cel import CelError

_SHAPES: Final[Mapping[ProviderType, Callable[[Address], object]]] = {
    ProviderType.GITHUB: lambda address: address.exactly(2),
    ProviderType.GITHUB_COMMENT: lambda address: address.exactly(2),
    ProviderType.GITHUB_DISPATCH: lambda address: address.exactly(2),
    # Groups may be in groups.
    ProviderType.GITLAB: lambda address: address.id,
    ProviderType.GITLAB_COMMENT: lambda address: address.id,
    ProviderType.GITEA: Address.below_any_path,
    ProviderType.GITEA_COMMENT: Address.below_any_path,
    ProviderType.BITBUCKET: lambda address: address.exactly(2),
    ProviderType.BITBUCKET_SERVER: Address.clone_of_bitbucket,
    ProviderType.AZURE_DEVOPS: lambda address: repository_of(address).exactly(4),
}


def repository(kind: ProviderType, text: str) -> Address:
    """The repository at an address.

    Raises:
        Unusable: the address is none that the type can use.
    """
    address = Address.parse(text)
    _SHAPES[kind](address)
    return address


def mistakes(spec: ProviderSpec) -> Iterator[str]:
    """What can't work in a Provider for a Git host, one sentence each; may take a moment."""
    if spec.type not in _SHAPES:
        return
    if spec.address:
        try:
            repository(spec.type, spec.address)
        except Unusable as error:
            yield f"spec.address: {error}"
    if spec.commit_status_expr:
        try:
            compile_context(spec.commit_status_expr)
        except CelError as error:
            yield f"spec.commitStatusExpr: {error}"
