"""What a controller that reaches Git over SSH can be told about it."""

from __future__ import annotations

from pydantic import field_validator

from shared.git import SshAlgorithms
from shared.runtime.settings import Repeated, Settings, flag


class SshSettings(Settings):
    """Flags about SSH."""

    ssh_kex_algos: Repeated = flag((), "key exchange algorithms of SSH; may be repeated or comma separated")
    ssh_hostkey_algos: Repeated = flag((), "host key algorithms of SSH; may be repeated or comma separated")

    @field_validator("ssh_kex_algos")
    @classmethod
    def _known_key_exchanges(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return SshAlgorithms.checked(value, ()).key_exchange

    @field_validator("ssh_hostkey_algos")
    @classmethod
    def _known_host_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return SshAlgorithms.checked((), value).host_key

    @property
    def ssh(self) -> SshAlgorithms:
        """The algorithms that are allowed; empty ones are libraries' choice."""
        return SshAlgorithms(self.ssh_kex_algos, self.ssh_hostkey_algos)
