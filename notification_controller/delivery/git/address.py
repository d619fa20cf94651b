"""Addresses of repositories: where a host is, and what it calls the repository.

People give the address that they clone from. That may be one of SSH, of which only the host says anything
about the API: a port of SSH speaks no HTTP. Nothing here keeps user info, and errors tell no more of an
address than its path, because it may come from a Secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote

from yarl import URL

from notification_controller.delivery.errors import Unusable

_SCP: Final = re.compile(r"(?:[\w.-]+@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^\s\\]+)")
_WEB: Final = frozenset({"http", "https"})
_SSH: Final = frozenset({"ssh", "git+ssh"})
_SCM: Final = "scm"


@dataclass(frozen=True, slots=True)
class Address:
    """A repository by the origin of its host and the parts of its path; `web` is false for one of SSH."""

    origin: URL
    parts: tuple[str, ...]
    web: bool = True

    @classmethod
    def parse(cls, text: str) -> Self:
        """An address to clone from: of HTTP(S), of SSH, or as `user@host:path`.

        Raises:
            Unusable: it is none.
        """
        try:
            origin, path, web = _split(text.strip())
        except ValueError:
            origin, path, web = None, "", False
        if origin is None:
            raise Unusable(
                "the address is not that of a repository; it should be like https://host/owner/name, "
                "ssh://git@host/owner/name or git@host:owner/name"
            )
        parts = tuple(path.strip("/").removesuffix(".git").strip("/").split("/"))
        if any(part in ("", ".", "..") for part in parts):
            raise _invalid(parts)
        return cls(origin, parts, web)

    @property
    def id(self) -> str:
        """The path as it is told."""
        return "/".join(self.parts)

    def exactly(self, number: int) -> tuple[str, ...]:
        """The parts, escaped for a URL, where a host has so many.

        Raises:
            Unusable: there are more or fewer.
        """
        if len(self.parts) != number:
            raise _invalid(self.parts)
        return tuple(map(segment, self.parts))

    def below_any_path(self) -> tuple[URL, str, str]:
        """Where a host is that may be served below a path; the owner and the repository, escaped.

        Raises:
            Unusable: there are too few parts.
        """
        *path, owner, name = self.parts if len(self.parts) > 1 else ("", "", "")
        if not name:
            raise _invalid(self.parts)
        return under(self.origin, *map(segment, path)), segment(owner), segment(name)

    def clone_of_bitbucket(self) -> tuple[URL, str, str]:
        """Where a Bitbucket server is, by the last `scm` of a clone address; the project and the repository.

        Raises:
            Unusable: it is no clone address.
        """
        if not self.web or _SCM not in self.parts[:-1]:
            raise Unusable(
                "the address is not that of a clone by HTTP(S); it should be like https://host/scm/project/name"
            )
        place = max(place for place, part in enumerate(self.parts[:-1]) if part == _SCM)
        context, rest = self.parts[:place], self.parts[place + 1 :]
        if len(rest) != 2:
            raise _invalid(rest)
        return under(self.origin, *map(segment, context)), segment(rest[0]), segment(rest[1])


def segment(text: str) -> str:
    """A text as one part of the path of a URL."""
    return quote(text, safe="")


def under(base: URL, *segments: str) -> URL:
    """A URL below another one, of parts that are escaped already."""
    return URL("/".join((str(base).rstrip("/"), *segments)), encoded=True)


def _split(text: str) -> tuple[URL | None, str, bool]:
    if "://" not in text:
        found = _SCP.fullmatch(text)
        return (
            (URL(f"https://{found['host']}"), unquote(found["path"]), False) if found else (None, "", False)
        )
    url = URL(text)
    if not url.host or url.scheme not in _WEB | _SSH:
        return None, "", False
    if url.scheme in _SSH:
        return URL.build(scheme="https", host=url.host), url.path, False
    return url.origin(), url.path, True


def _invalid(parts: tuple[str, ...]) -> Unusable:
    return Unusable(f"invalid repository id '{'/'.join(parts)}'")
