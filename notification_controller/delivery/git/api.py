"""The API of a Git host as its notifiers use it: JSON in both directions, as one user, in one delivery."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from yarl import URL

from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.poster import Poster
from notification_controller.delivery.request import Answer, Request
from shared.lang.json import JsonObject, mapping, mappings

_LARGEST: Final = 1 << 24
_PAGES: Final = 30
_GONE: Final = frozenset({404, 410})


class Api:
    """Sends requests to a host; `headers` say who asks."""

    def __init__(self, poster: Poster, headers: Mapping[str, str]) -> None:
        self._poster = poster
        self._headers = {"Accept": "application/json", **headers}

    async def read(self, url: URL) -> Answer:
        """What is at an address, which has to be there.

        Raises:
            Trouble: the host doesn't say.
        """
        answer = await self.look(url)
        answer.check()
        return answer

    async def look(self, url: URL) -> Answer:
        """Whatever the host answers at an address.

        Raises:
            Trouble: it doesn't answer.
        """
        return await self._poster.ask(Request("GET", url, self._headers, most=_LARGEST))

    async def find(self, url: URL) -> Any:
        """What is at an address; None if nothing is.

        Raises:
            Trouble: the host doesn't say.
        """
        answer = await self.look(url)
        if answer.status in _GONE:
            return None
        answer.check()
        return answer.json()

    async def pages(self, url: URL) -> AsyncIterator[JsonObject]:
        """The items of a list from its first page on, as far as anybody wants to see them.

        The next page has the next number; where a host says that it is does not matter, because a token goes
        to no address that an answer names.
        """
        for page in range(1, _PAGES + 1):
            answer = await self.read(url.update_query(page=page))
            for item in mappings(answer.json()):
                yield item
            if 'rel="next"' not in answer.headers.get("Link", ""):
                return

    async def write(self, method: str, url: URL, payload: JsonObject, *, again: bool = True) -> JsonObject:
        """Sends something that the host has to take; gives its answer if that is an object.

        With `again` it is sent once more where nobody knows whether it was taken.

        Raises:
            Trouble: the host doesn't take it.
        """
        answer = await self._offer(method, url, payload, again=again)
        answer.check()
        return mapping(answer.json()) if answer.body else {}

    async def change(self, method: str, url: URL, payload: JsonObject) -> bool:
        """Changes what is at an address; false if nothing is.

        Raises:
            Trouble: the host doesn't take it.
        """
        answer = await self._offer(method, url, payload)
        if answer.status in _GONE:
            return False
        answer.check()
        return True

    async def _offer(self, method: str, url: URL, payload: JsonObject, *, again: bool = True) -> Answer:
        request = Request.of_json(url, payload, headers=self._headers, method=method)
        return await self._poster.ask(replace(request, most=_LARGEST), again=again)


def text_in(found: object, key: str) -> str:
    """A text in an answer that has to have it.

    Raises:
        Trouble: it isn't there.
    """
    value = mapping(found).get(key)
    if not isinstance(value, str) or not value:
        raise Trouble(f"the answer has no '{key}'")
    return value


def number_in(found: object, key: str) -> int:
    """A number in an answer that has to have it.

    Raises:
        Trouble: it isn't there.
    """
    value = mapping(found).get(key)
    if not isinstance(value, int):
        raise Trouble(f"the answer has no '{key}'")
    return value


def newest(listed: object, **of: str) -> JsonObject:
    """The object with the highest number of those in a list that have given members; empty if none has.

    Raises:
        Trouble: one of them has no number.
    """
    found = [each for each in mappings(listed) if all(each.get(key) == value for key, value in of.items())]
    return max(found, key=lambda each: number_in(each, "id"), default={})


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Says of troubles what they kept us from."""
    try:
        yield
    except Trouble as error:
        raise Trouble(f"{what}: {error}", quoted=error.quoted, retry=error.retry) from None
