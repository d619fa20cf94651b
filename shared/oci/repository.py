"""A repository in a registry: `oci://host/path`, as users write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self

from shared.http import is_address
from shared.oci.errors import InvalidRepository

SCHEME: Final = "oci://"
DOCKER_HUB: Final = "index.docker.io"

_HUB_NAMES: Final = frozenset(("docker.io", DOCKER_HUB, "registry-1.docker.io"))
_PATH: Final = re.compile(r"[a-z0-9_\-./]{2,255}")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Repository:
    """A registry by its host and perhaps port, and the path of a repository there."""

    host: str
    path: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read an address.

        Raises:
            InvalidRepository: it is none, or says more than a repository.
        """
        if not url.startswith(SCHEME):
            raise InvalidRepository(f"the address has to start with {SCHEME}")
        name = url.removeprefix(SCHEME)
        if "@" in name:
            raise InvalidRepository("the address must not have a digest or a login, use spec.ref.digest")
        host, slash, path = name.partition("/")
        if not slash or not ("." in host or ":" in host or host == "localhost"):
            host, path = DOCKER_HUB, name
        if not (_HOST.fullmatch(host) and is_address(host)):
            raise InvalidRepository(f"'{host[:100]}' is not a host")
        if ":" in path:
            raise InvalidRepository("the address must not have a tag, use spec.ref.tag")
        if host.lower() in _HUB_NAMES:
            host, path = DOCKER_HUB, path if "/" in path else f"library/{path}"
        if not _PATH.fullmatch(path):
            raise InvalidRepository(
                "the repository has to be 2 to 255 characters of a-z, 0-9, '_', '-', '.' and '/'"
            )
        return cls(host, path.strip("/"))

    def __str__(self) -> str:
        """As people write it, without the scheme."""
        return f"{self.host}/{self.path}"

    @property
    def hostname(self) -> str:
        """The host without its port."""
        return self.host.rpartition(":")[0] if re.search(r":[0-9]+$", self.host) else self.host

    @property
    def is_private(self) -> bool:
        """Whether the host is this machine or in a network of one's own, where plain HTTP is usual."""
        name = self.hostname.strip("[]")
        if name == "localhost" or name.endswith((".localhost", ".local")):
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or (address.is_private and address.version == 4)
