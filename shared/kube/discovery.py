"""Which kinds the API server serves, from its aggregated discovery documents.

Two requests tell everything; the answers are kept and revalidated by ETag. A kind that is not found
refreshes the picture once, so that a CRD applied a moment ago is seen without any interval. Whether a
kind is served is unknown while the server behind its API group does not answer; that is no "no".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from shared.kube.errors import NoMatch, Unreachable
from shared.kube.resources import Resource
from shared.lang.json import JsonObject, loads

_ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

#: Stands for all kinds of a group version whose server does not answer.
_UNKNOWN = "*"

#: GETs a path with an Accept header and an ETag; gives (ETag, body), body None when nothing changed.
Getter = Callable[[str, str, str], Awaitable[tuple[str, bytes | None]]]


class Discovery:
    """Finds the `Resource` of a group and kind; safe for concurrent use."""

    def __init__(self, get: Getter) -> None:
        self._get = get
        self._lock = asyncio.Lock()
        self._age = 0  # counts refreshes, so that concurrent misses share one
        self._stale = True
        self._etags: dict[str, str] = {}
        self._documents: dict[str, dict[tuple[str, str], list[Resource]]] = {}

    async def find(self, group: str, kind: str, version: str = "", *, or_preferred: bool = False) -> Resource:
        """The resource of a kind, in the version asked for or else in the one the server prefers.

        With `or_preferred` also a version that isn't served any more leads to the preferred one.

        Raises:
            NoMatch: the kind is not served, also not after a refresh.
            Unreachable: nobody knows, the server of the group's API is away.
        """
        if self._stale:
            await self._refresh(self._age)
        age = self._age
        found = self._lookup(group, kind, version)
        if found is None:
            await self._refresh(age)
            found = self._lookup(group, kind, version)
            if found is None and or_preferred:
                found = self._lookup(group, kind, "")
        if found is None and any((group, _UNKNOWN) in document for document in self._documents.values()):
            why = f"the server of API group {group} does not answer, so its kind {kind} is not known"
            raise Unreachable(f"{why}; see `kubectl get apiservice`")
        if found is None:
            raise NoMatch(group, kind, version)
        return found

    def invalidate(self) -> None:
        """Makes the next look-up ask the server."""
        self._stale = True

    def _lookup(self, group: str, kind: str, version: str) -> Resource | None:
        for document in self._documents.values():
            for resource in document.get((group, kind), ()):
                if not version or resource.version == version:
                    return resource
        return None

    async def _refresh(self, seen: int) -> None:
        async with self._lock:
            if self._age != seen and not self._stale:
                return
            # Cleared before asking: an `invalidate` meanwhile counts.
            self._stale = False
            try:
                for path in ("/api", "/apis"):
                    etag, body = await self._get(path, _ACCEPT, self._etags.get(path, ""))
                    if body is not None:
                        self._documents[path] = _read(body)
                        self._etags[path] = etag
            except BaseException:
                self._stale = True
                raise
            self._age += 1


def _read(body: bytes) -> dict[tuple[str, str], list[Resource]]:
    try:
        return _index(loads(body))
    except (AttributeError, TypeError, ValueError) as error:
        raise Unreachable("the server does not say which kinds it has; is it an API server?") from error


def _index(document: JsonObject) -> dict[tuple[str, str], list[Resource]]:
    """(group, kind) -> resources, the server's preferred version first."""
    found: dict[tuple[str, str], list[Resource]] = {}
    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name") or ""
        for version in group.get("versions") or ():
            if version.get("freshness") == "Stale":
                found.setdefault((name, _UNKNOWN), [])
            for entry in version.get("resources") or ():
                kind = (entry.get("responseKind") or {}).get("kind") or ""
                resource = Resource(
                    group=name,
                    version=version.get("version") or "",
                    plural=entry.get("resource") or "",
                    kind=kind,
                    namespaced=entry.get("scope") == "Namespaced",
                )
                found.setdefault((name, kind), []).append(resource)
    return found
