"""What registries answer: a refusal as an error of ours, a body that fits into memory, a page of tags."""

from __future__ import annotations

import re
from http.client import responses
from typing import Final

import aiohttp
from yarl import URL

from shared.http import asked_to_wait
from shared.lang import json
from shared.lang.json import mapping, mappings
from shared.oci.errors import ContentRefused, LoginRefused, NotFound, RegistryError

CHUNK: Final = 1 << 18

_LARGEST_REFUSAL: Final = 1 << 16
_LONGEST_MESSAGE: Final = 200
_MOST_MESSAGES: Final = 3
_LINK: Final = re.compile(r'<([^>]*)>((?:"[^"]*"|[^,<])*)')
_REL: Final = re.compile(r""";\s*rel\s*=\s*["']?([^"';]*)""", re.IGNORECASE)
_GAPS: Final = " \t,"


async def check(answer: aiohttp.ClientResponse) -> None:
    """Makes sure that an answer is what was asked for.

    Raises:
        RegistryError: it isn't; the text has the request, without its query, and what the registry says.
    """
    status = answer.status
    if status == 200:
        return
    asked = f"{answer.method} {answer.url.with_user(None).with_query(None).with_fragment(None)}"
    text = f"{asked}: {await _reason(answer)}"
    error: RegistryError
    match status:
        case 401 | 403:
            error = LoginRefused(f"authentication required: {text}")
        case 404:
            error = NotFound(text)
        case 429:
            error = RegistryError(f"{text}; it is asked too often and will be asked again later")
        case _:
            error = RegistryError(text)
    error.status, error.retry_after = status, asked_to_wait(answer)
    raise error


async def read(answer: aiohttp.ClientResponse, most: int, what: str, *, before: int = 0) -> bytes:
    """A whole answer that fits into memory, together with what came `before`."""
    data = bytearray()
    async for piece in answer.content.iter_chunked(CHUNK):
        data += piece
        if before + len(data) > most:
            raise ContentRefused(f"{what} is larger than {most} bytes")
    return bytes(data)


def page_of_tags(data: bytes) -> list[str]:
    """The tags of a page. One that has none is a page, too; one that tells of errors is not.

    Raises:
        ContentRefused: it is no such page.
    """
    try:
        page = json.loads(data)
    except json.JsonError as error:
        raise ContentRefused(f"the list of tags is {error}") from error
    if not isinstance(page, dict):
        raise ContentRefused(f"the list of tags is {json.kind_of(page)} instead of an object")
    if told := _told(page):
        raise ContentRefused(f"the list of tags is an error: {told}")
    tags = page.get("tags")
    if tags is None:
        return []
    if not isinstance(tags, list):
        raise ContentRefused(f"the list of tags has {json.kind_of(tags)} instead of an array")
    for tag in tags:
        if not isinstance(tag, str):
            raise ContentRefused(f"the list of tags has {json.kind_of(tag)} among its tags")
    return tags


def following(answer: aiohttp.ClientResponse) -> URL | None:
    """Where the next page is, as the answer links to it; links to anything else are passed over.

    Raises:
        ContentRefused: the link leads nowhere, so that nobody knows whether this was the last page.
    """
    text = ", ".join(answer.headers.getall("Link", ()))
    if _LINK.sub("", text).strip(_GAPS):
        raise ContentRefused("the list of tags has a malformed link to its next page")
    for target, parameters in _LINK.findall(text):
        relation = _REL.search(parameters)
        if target and (relation is None or "next" in relation[1].lower().split()):
            return _joined(answer.url, target)
    return None


def _joined(url: URL, target: str) -> URL:
    try:
        found = url.join(URL(target))
        if found.scheme in ("http", "https") and found.origin():
            return found
    except ValueError:
        pass
    raise ContentRefused("the list of tags goes on at a malformed address")


async def _reason(answer: aiohttp.ClientResponse) -> str:
    """Why a registry refuses, in its own words if it has some."""
    body = bytearray()
    try:
        async for piece in answer.content.iter_chunked(CHUNK):
            body += piece
            if len(body) > _LARGEST_REFUSAL:
                break
        told = _told(mapping(json.loads(body)))
    except (aiohttp.ClientError, OSError, json.JsonError):
        told = ""
    return told or f"unexpected status code {answer.status} {responses.get(answer.status, '')}".rstrip()


def _told(body: json.JsonObject) -> str:
    """The codes and messages of the errors that an answer tells of."""
    errors = mappings(body.get("errors"))[:_MOST_MESSAGES]
    found = [": ".join(filter(None, (_line(one.get("code")), _line(one.get("message"))))) for one in errors]
    return "; ".join(filter(None, found))


def _line(value: object) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return "".join(sign for sign in text if sign.isprintable())[:_LONGEST_MESSAGE]
