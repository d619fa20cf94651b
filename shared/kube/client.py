"""A slim client for the Kubernetes API: raw requests on one shared session, JSON in and out.

Invariants: every request has a time limit; the server's own 429 and Retry-After are followed, there is no
client-side throttle; a request that may have reached the server is repeated only when repeating it is
harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from shared.http import hang_up
from shared.kube.connection import Access, Connection
from shared.kube.discovery import Discovery
from shared.kube.errors import NotFound, TooManyRequests, Unreachable, from_response
from shared.kube.resources import Resource
from shared.kube.watch import WatchEvent, events
from shared.lang.json import JsonError, JsonObject, dumps, dumps_for_yaml, mapping
from shared.lang.nesting import loads_cut
from shared.observe import metrics

_JSON: Final = "application/json"
_MERGE: Final = "application/merge-patch+json"
_STRATEGIC: Final = "application/strategic-merge-patch+json"
_JSON_PATCH: Final = "application/json-patch+json"
_APPLY: Final = "application/apply-patch+yaml"
_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

_WATCH_SECONDS: Final = 300
_WATCH_GRACE: Final = 30
_PAGE: Final = 500
_TRIES: Final = 4
_PATIENCE: Final = 10.0
#: In place of a code in metrics, as client-go has it.
_NO_ANSWER: Final = "<error>"
#: More than any API server says at once; others are not to fill the memory.
_LARGEST_ANSWER: Final = 256 << 20
_STRANGE: Final = "the server answered something that is no object; is there a proxy in between?"

Params = dict[str, str]


class KubeClient:
    """Requests as one identity: the connection's own, or a user it impersonates."""

    def __init__(
        self,
        connection: Connection,
        *,
        identity: str = "",
        discovery: Discovery | None = None,
        user_agent: str = "headrace",
    ) -> None:
        self._connection = connection
        self._user_agent = user_agent
        self._host = urlsplit(connection.server).netloc
        self.identity = identity
        self.discovery = discovery or Discovery(self._get_document)

    def impersonate(self, user: str) -> KubeClient:
        """A client that acts as the user; an empty name gives this client itself."""
        if not user:
            return self
        return KubeClient(
            self._connection, identity=user, discovery=self.discovery, user_agent=self._user_agent
        )

    @property
    def itself(self) -> KubeClient:
        """The client that impersonates nobody."""
        return KubeClient(self._connection, discovery=self.discovery, user_agent=self._user_agent)

    async def kubeconfig(self) -> Access:
        """How other programs get to the same cluster; whom to impersonate is in `identity`."""
        return await self._connection.kubeconfig()

    async def get(
        self, resource: Resource, namespace: str | None, name: str, *, metadata_only: bool = False
    ) -> JsonObject:
        """Reads one object, or no more than its metadata."""
        accept = _METADATA if metadata_only else _JSON
        return _decoded(await self.request("GET", resource.path(namespace, name), accept=accept))

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        not_older_than: str = "",
    ) -> JsonObject:
        """Reads a whole list, page by page; `metadata.resourceVersion` is the one to watch from.

        A list is what etcd has now, for which the server may wait a tenth of a second until its cache has
        caught up. With `not_older_than`, the resource version of an earlier list of the same kind, it is what
        the cache has, in one page and at once.
        """
        params = _selectors(label_selector, field_selector)
        if not_older_than:
            params |= {"resourceVersion": not_older_than, "resourceVersionMatch": "NotOlderThan"}
        else:
            params |= {"limit": str(_PAGE)}
        accept = _METADATA_LIST if metadata_only else _JSON
        items: list[JsonObject] = []
        while True:
            answer = await self.request("GET", resource.path(namespace), params=params, accept=accept)
            page = _decoded(answer)
            items += page.get("items") or ()
            token = page["metadata"].get("continue")
            if not token:
                page["items"] = items
                return page
            params["continue"] = token

    async def create(
        self, resource: Resource, obj: JsonObject, *, dry_run: bool = False, manager: str = ""
    ) -> JsonObject:
        """Creates an object in the namespace that its metadata names."""
        path = resource.path(mapping(obj.get("metadata")).get("namespace"))
        params = _write_params(manager, dry_run=dry_run)
        return _decoded(await self.request("POST", path, params=params, body=dumps(obj)))

    async def create_sub(
        self, resource: Resource, namespace: str, name: str, subresource: str, obj: JsonObject
    ) -> JsonObject:
        """Creates something below an object, for example a token of a ServiceAccount."""
        path = resource.path(namespace, name, subresource)
        return _decoded(await self.request("POST", path, body=dumps(obj)))

    async def apply(
        self,
        resource: Resource,
        obj: JsonObject,
        *,
        manager: str,
        force: bool = True,
        dry_run: bool = False,
        strict: bool = False,
    ) -> JsonObject:
        """Server-side apply; namespace and name come from the object's metadata.

        A strict one is refused when the object has fields that its kind does not know.
        """
        params = _write_params(manager, dry_run=dry_run, strict=strict)
        if force:
            params["force"] = "true"
        path = _path_of(resource, obj)
        return _decoded(
            await self.request("PATCH", path, params=params, body=dumps_for_yaml(obj), content_type=_APPLY)
        )

    async def replace(
        self, resource: Resource, obj: JsonObject, *, manager: str, strict: bool = False
    ) -> JsonObject:
        """Puts an object in the place of the one of its name, which may have to be of a resource version."""
        params = _write_params(manager, strict=strict)
        path = _path_of(resource, obj)
        return _decoded(await self.request("PUT", path, params=params, body=dumps_for_yaml(obj)))

    async def merge_patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: JsonObject,
        *,
        manager: str,
        subresource: str = "",
        strategic: bool = False,
    ) -> JsonObject:
        """JSON merge patch of an object or of its sub-resource; of built-in kinds also a strategic one."""
        path = resource.path(namespace, name, subresource)
        answer = await self.request(
            "PATCH",
            path,
            params=_write_params(manager),
            body=dumps(patch),
            content_type=_STRATEGIC if strategic else _MERGE,
        )
        return _decoded(answer)

    async def json_patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        operations: Sequence[JsonObject],
        *,
        manager: str,
    ) -> JsonObject:
        """RFC 6902 patch."""
        answer = await self.request(
            "PATCH",
            resource.path(namespace, name),
            params=_write_params(manager),
            body=dumps(list(operations)),
            content_type=_JSON_PATCH,
        )
        return _decoded(answer)

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        propagation: str = "Background",
        uid: str = "",
        resource_version: str = "",
    ) -> None:
        """Deletes an object, on demand only if it still is the one that was looked at."""
        options: JsonObject = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        preconditions = {
            key: value for key, value in (("uid", uid), ("resourceVersion", resource_version)) if value
        }
        if preconditions:
            options["preconditions"] = preconditions
        await self.request("DELETE", resource.path(namespace, name), body=dumps(options))

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        initial: bool = False,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Streams changes from a resource version on, until the server ends the stream.

        With `initial` (and no resource version) the server first sends all present objects as ADDED, then a
        BOOKMARK with the annotation `k8s.io/initial-events-end`.

        Raises:
            Gone: the resource version is too old; list again.
        """
        params = _selectors(label_selector, field_selector) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        if resource_version:
            params["resourceVersion"] = resource_version
        if initial:
            params |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        accept = _METADATA if metadata_only else _JSON
        timeout = aiohttp.ClientTimeout(total=_WATCH_SECONDS + _WATCH_GRACE, connect=self._connection.seconds)
        headers = await self._headers(accept)
        url = self._connection.server + resource.path(namespace)
        answered = False
        await self._connection.throttle.wait()
        try:
            async with self._connection.session.get(
                url,
                params=params,
                headers=headers,
                timeout=timeout,
                server_hostname=self._connection.server_name,
            ) as response:
                answered = True
                self._answered(response, "WATCH")
                if response.status >= 400:
                    raise from_response(
                        response.status, await _whole(response), response.headers.get("Retry-After")
                    )
                try:
                    async for event in events(response.content.iter_any()):
                        yield event
                finally:
                    hang_up(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not answered:
                self._unanswered("WATCH")
            raise Unreachable(f"watch of {resource.plural} broke off: {_cause(error)}") from error

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: bytes | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
    ) -> bytes:
        """One request and its body.

        Raises:
            ApiError: the server refused; `Unreachable`: it did not answer.
        """
        headers = await self._headers(accept)
        if body is not None:
            headers["Content-Type"] = content_type
        status, _, answer = await self._patiently(method, path, params, headers, body)
        return answer if status != 304 else b""

    async def _get_document(self, path: str, accept: str, etag: str) -> tuple[str, bytes | None]:
        headers = await self._headers(accept)
        if etag:
            headers["If-None-Match"] = etag
        status, answered, body = await self._patiently("GET", path, None, headers, None)
        return (etag, None) if status == 304 else (answered.get("ETag", ""), body)

    async def _patiently(
        self, method: str, path: str, params: Params | None, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Sends a request, again where the server asks to wait or the connection broke before an answer."""
        for attempt in range(1, _TRIES + 1):
            try:
                return await self._once(method, path, params, headers, body)
            except TooManyRequests as error:
                if attempt == _TRIES:
                    raise
                await asyncio.sleep(min(error.retry_after or 1.0, _PATIENCE))
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientConnectionResetError) as error:
                self._unanswered(method)
                # A kept-alive connection that the server closed; only a create could happen twice.
                if attempt > 1 or method == "POST":
                    raise Unreachable(f"{method} {path}: {_cause(error)}") from error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self._unanswered(method)
                raise Unreachable(f"{method} {path}: {_cause(error)}") from error
        raise AssertionError("unreachable")

    async def _once(
        self, method: str, path: str, params: Params | None, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        await self._connection.throttle.wait()
        async with self._connection.session.request(
            method,
            self._connection.server + path,
            params=params,
            headers=headers,
            data=body,
            timeout=aiohttp.ClientTimeout(total=self._connection.seconds),
            server_hostname=self._connection.server_name,
        ) as response:
            answer = await _whole(response)
            self._answered(response, method)
            if response.status >= 400:
                raise from_response(response.status, answer, response.headers.get("Retry-After"))
            return response.status, response.headers, answer

    async def _headers(self, accept: str) -> dict[str, str]:
        headers = await self._connection.headers()
        headers |= {"Accept": accept, "User-Agent": self._user_agent}
        if self.identity:
            headers["Impersonate-User"] = self.identity
        return headers

    def _answered(self, response: aiohttp.ClientResponse, method: str) -> None:
        self._connection.answered(response.status, response.headers)
        self._count(response.status, method)

    def _unanswered(self, method: str) -> None:
        self._connection.unanswered()
        self._count(_NO_ANSWER, method)

    def _count(self, status: int | str, method: str) -> None:
        metrics.client_requests.labels(str(status), method, self._host).inc()


async def exists(client: KubeClient, resource: Resource, namespace: str, name: str) -> bool:
    """Whether an object is there."""
    try:
        await client.get(resource, namespace, name)
    except NotFound:
        return False
    return True


def _decoded(body: bytes) -> JsonObject:
    try:
        decoded = loads_cut(body)
    except JsonError:
        raise Unreachable(_STRANGE) from None
    if not isinstance(decoded, dict):
        raise Unreachable(_STRANGE)
    return decoded


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """The body of an answer, if it is of a sane size."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > _LARGEST_ANSWER:
            hang_up(response)
            raise Unreachable(f"the server answered with more than {_LARGEST_ANSWER >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def _path_of(resource: Resource, obj: JsonObject) -> str:
    """The path of an object.

    Raises:
        UnusableName: it has no name that can be one.
    """
    metadata = mapping(obj.get("metadata"))
    name = metadata.get("name")
    return resource.path(metadata.get("namespace"), name if isinstance(name, str) else "")


def _selectors(label_selector: str, field_selector: str) -> Params:
    both = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {key: value for key, value in both.items() if value}


def _write_params(manager: str, *, dry_run: bool = False, strict: bool = False) -> Params:
    params = {"fieldManager": manager} if manager else {}
    if dry_run:
        params["dryRun"] = "All"
    if strict:
        params["fieldValidation"] = "Strict"
    return params


def _cause(error: BaseException) -> str:
    return str(error) or type(error).__name__
