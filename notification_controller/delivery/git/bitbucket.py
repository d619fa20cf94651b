"""Bitbucket: the cloud, and servers of one's own (Data Center), whose builds have a name and a page."""

from __future__ import annotations

import hashlib
from typing import Final

from yarl import URL

from notification_controller.delivery.git.address import Address, under
from notification_controller.delivery.git.api import Api
from notification_controller.delivery.git.status import State, Status
from notification_controller.delivery.text import cut
from shared.lang.json import mapping

SERVER_HEADERS: Final = {"x-atlassian-token": "no-check", "x-requested-with": "XMLHttpRequest"}
"""Without them a server takes a request with a login for one that a browser was made to send."""

_CLOUD: Final = URL("https://api.bitbucket.org/2.0")
_PAGE: Final = "https://bitbucket.org"
_LONGEST_NAME: Final = 255
_STATES: Final = {State.SUCCESS: "SUCCESSFUL", State.FAILURE: "FAILED"}


class BitbucketCloud:
    """A repository at bitbucket.org."""

    def __init__(self, api: Api, address: Address) -> None:
        self._api = api
        self._repository = under(_CLOUD, "repositories", *address.exactly(2))

    async def holds(self, commit: str, status: Status) -> bool:
        found = mapping(await self._api.find(under(self._builds(commit), _key(status))))
        return (found.get("state"), found.get("description")) == (_STATES[status.state], status.description)

    async def set(self, commit: str, status: Status) -> None:
        payload = {
            "key": _key(status),
            "state": _STATES[status.state],
            "name": status.name,
            "description": status.description,
            "url": _PAGE,
        }
        await self._api.write("POST", self._builds(commit), payload)

    def _builds(self, commit: str) -> URL:
        return under(self._repository, "commit", commit, "statuses", "build")


class BitbucketServer:
    """A repository at a Bitbucket server."""

    def __init__(self, api: Api, address: Address, page: str) -> None:
        """`page` is where a build leads to, for people."""
        self._api = api
        self._page = page
        base, project, name = address.clone_of_bitbucket()
        self._repository = under(base, "rest", "api", "latest", "projects", project, "repos", name)

    async def holds(self, commit: str, status: Status) -> bool:
        found = mapping(await self._api.find(self._builds(commit).with_query(key=_key(status))))
        return all(found.get(key) == value for key, value in self._build(status).items() if key != "url")

    async def set(self, commit: str, status: Status) -> None:
        await self._api.write("POST", self._builds(commit), {**self._build(status), "url": self._page})

    def _build(self, status: Status) -> dict[str, str]:
        """The description is a part of the name, because pages show that alone."""
        return {
            "description": status.description,
            "key": _key(status),
            "name": cut(f"{status.name} [{status.description}]", _LONGEST_NAME),
            "state": _STATES[status.state],
        }

    def _builds(self, commit: str) -> URL:
        return under(self._repository, "commits", commit, "builds")


def _key(status: Status) -> str:
    """A key has 40 characters at most; it is no secret that the digest keeps."""
    return hashlib.sha1(status.context.encode(), usedforsecurity=False).hexdigest()
