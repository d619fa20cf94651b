"""Another cluster as a ConfigMap describes it: where it is, and which identity logs in there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from yarl import URL

from shared.auth.tls import TlsMaterial

_PORT: Final = 443


class DescriptionError(ValueError):
    """The ConfigMap can't be used; the message names the key."""


class Provider(StrEnum):
    """Who gives tokens for the cluster."""

    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True)
class Description:
    """What the keys say; empty where they say nothing."""

    provider: Provider
    cluster: str = ""
    address: str = ""
    authorities: str = ""
    audiences: tuple[str, ...] = ()
    account: str = ""

    @classmethod
    def read(cls, data: Mapping[str, str]) -> Description:
        """From the data of a ConfigMap.

        Raises:
            DescriptionError: a key is missing or wrong.
        """
        try:
            provider = Provider(data.get("provider", ""))
        except ValueError:
            known = ", ".join(Provider)
            raise DescriptionError(f"the value of key 'provider' has to be one of {known}") from None
        lines = (line.strip() for line in data.get("audiences", "").splitlines())
        found = cls(
            provider,
            data.get("cluster", ""),
            data.get("address", ""),
            data.get("ca.crt", ""),
            tuple(line for line in lines if line),
            data.get("serviceAccountName", ""),
        )
        if provider is Provider.GENERIC and not found.address:
            raise DescriptionError("the key 'address' is missing: where is the API server?")
        return found

    @property
    def material(self) -> TlsMaterial:
        """Whom to trust."""
        return TlsMaterial(self.authorities.encode())


def canonical(address: str) -> str:
    """An address of an API server in the form `https://host:port`.

    Raises:
        DescriptionError: it is none.
    """
    try:
        url = URL(address if address.startswith("http") else f"https://{address}")
        host, port = url.raw_host, url.explicit_port or _PORT
    except ValueError:
        host, port, url = None, 0, URL()
    if not host:
        raise DescriptionError(f"the value of key 'address' is no address of an API server: '{address}'")
    if url.scheme != "https":
        raise DescriptionError(f"the value of key 'address' must begin with https://, but it is '{address}'")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host.lower()}:{port}"
