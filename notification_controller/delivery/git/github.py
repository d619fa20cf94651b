"""GitHub: github.com, enterprises on ghe.com, and Enterprise servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from yarl import URL

from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.git.address import Address, under
from notification_controller.delivery.git.api import Api, text_in
from notification_controller.delivery.git.issue_comments import IssueComments
from notification_controller.delivery.git.status import State, Status
from shared.api.notification_v1beta3 import ProviderType
from shared.lang.json import JsonObject, mappings

HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

GITHUB: Final = frozenset({ProviderType.GITHUB, ProviderType.GITHUB_COMMENT, ProviderType.GITHUB_DISPATCH})
"""The types that talk to GitHub."""

_PUBLIC: Final = frozenset({"github.com", "www.github.com", "ssh.github.com"})
_TENANTS: Final = ".ghe.com"
_OLDEST_FIRST: Final = {"sort": "created", "direction": "asc", "per_page": "100"}
_STATES: Final = {State.SUCCESS: "success", State.FAILURE: "failure"}


def is_public(address: str) -> bool:
    """Whether a repository is at a host of GitHub's own; certificates in a Secret are for other ones."""
    try:
        host = Address.parse(address).origin.host or ""
    except Unusable:
        return False
    return host in _PUBLIC or host.endswith(_TENANTS)


def api_of(address: Address) -> URL:
    """Where the API is."""
    host = address.origin.host or ""
    if host in _PUBLIC:
        return URL("https://api.github.com")
    if host.endswith(_TENANTS):
        return URL(f"https://api.{host}")
    return under(address.origin, "api", "v3")


class GitHub(IssueComments):
    """A repository at GitHub."""

    def __init__(self, api: Api, address: Address, bot: Callable[[], Awaitable[str]]) -> None:
        """`bot` gives the login of an app, or nothing where a token logs in."""
        self._base = api_of(address)
        super().__init__(api, under(self._base, "repos", *address.exactly(2)), _OLDEST_FIRST)
        self._bot = bot

    @property
    def place(self) -> str:
        return str(self._repository)

    async def holds(self, commit: str, status: Status) -> bool:
        url = under(self._repository, "commits", commit, "statuses").with_query(per_page=50)
        for found in mappings((await self._api.read(url)).json()):
            if found.get("context") == status.context:
                return _same(found, status)
        return False

    async def set(self, commit: str, status: Status) -> None:
        payload = {
            "state": _STATES[status.state],
            "description": status.description,
            "context": status.context,
        }
        await self._api.write("POST", under(self._repository, "statuses", commit), payload)

    async def dispatch(self, kind: str, payload: JsonObject) -> None:
        """Starts the workflows that wait for a kind of event; not again where they may have been started."""
        url = under(self._repository, "dispatches")
        await self._api.write("POST", url, {"event_type": kind, "client_payload": payload}, again=False)

    async def login(self) -> str:
        return await self._bot() or text_in((await self._api.read(under(self._base, "user"))).json(), "login")


def _same(found: JsonObject, status: Status) -> bool:
    return (found.get("state"), found.get("description")) == (_STATES[status.state], status.description)
