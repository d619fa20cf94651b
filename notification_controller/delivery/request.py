"""One request to a service, and what it answered; values without any connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Self
from urllib.parse import urlencode

from multidict import CIMultiDict
from yarl import URL

from notification_controller.delivery.errors import Trouble
from shared.lang.json import JsonError, dumps, loads

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_TYPE = "Content-Type"
#: Headers without secrets, in lower case.
_OPEN = frozenset({"accept", "content-type", "gotk-component", "x-signature"})


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; the names of headers have no case."""

    method: str
    url: URL = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    most: int = 1 << 16
    """How many bytes of the answer are read; no more is kept of it."""

    @classmethod
    def of_bytes(
        cls,
        url: URL,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
        content_type: str = _JSON,
    ) -> Self:
        """A request whose body is ready; given headers win."""
        return cls(method, url, headed({_TYPE: content_type}, headers or {}), body)

    @classmethod
    def of_json(
        cls, url: URL, payload: Any, *, headers: Mapping[str, str] | None = None, method: str = "POST"
    ) -> Self:
        """A request with compact JSON."""
        return cls.of_bytes(url, dumps(payload), headers=headers, method=method)

    @classmethod
    def of_form(
        cls, url: URL, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> Self:
        """A request with the fields of a form."""
        return cls.of_bytes(url, urlencode(fields).encode(), headers=headers, content_type=_FORM)

    def moved(self, url: URL) -> Self:
        """The same for another address.

        Raises:
            Trouble: it is at another host, which may not have all of the headers.
        """
        if url.host != self.url.host and any(name.lower() not in _OPEN for name in self.headers):
            text = f"{self.url.host} redirects to {url.host}, which must not get the credentials and headers"
            raise Trouble(f"{text} of the Provider: give the address of the host that takes the message")
        return replace(self, url=url)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    wait: timedelta | None = None
    """How long the service wants to be left alone."""

    @property
    def good(self) -> bool:
        """Whether the service took what it was sent."""
        return 200 <= self.status < 300

    @property
    def passing(self) -> bool:
        """Whether the same request may be taken later."""
        return self.status == 429 or (self.status >= 500 and self.status != 501)

    def check(self) -> None:
        """Refuses answers that are refusals.

        Raises:
            Trouble: it is one.
        """
        if not self.good:
            raise self.trouble()

    def trouble(self) -> Trouble:
        """The answer as an error."""
        said = self.body.decode(errors="replace").strip()
        text = f"request failed with status code {self.status}"
        return Trouble(text, quoted=said, retry=self.passing)

    def json(self) -> Any:
        """The value in the body.

        Raises:
            Trouble: there is none.
        """
        try:
            return loads(self.body)
        except JsonError as error:
            raise Trouble(f"the answer can't be read: {error}") from None


def headed(*headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Headers put together; the same name in any case means the same header, and the last one wins."""
    found: CIMultiDict[str] = CIMultiDict()
    for each in headers:
        for name, value in each.items():
            found[name] = value
    return found
