"""Azure DevOps: the service, and servers of one's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from yarl import URL

from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.git.address import Address, under
from notification_controller.delivery.git.api import Api
from notification_controller.delivery.git.status import State, Status
from shared.lang.json import mapping, mappings

_SERVICE: Final = URL("https://dev.azure.com")
_SSH_HOST: Final = "ssh.dev.azure.com"
_SSH_VERSION: Final = "v3"
_VERSION: Final = "5.1"
"""Of the API: the service and all servers that are still supported have it."""

_GENRE: Final = "fluxcd"
_SIGN_IN: Final = 203
_STATES: Final = {State.SUCCESS: "succeeded", State.FAILURE: "error"}


def repository_of(address: Address) -> Address:
    """The address as it is on the web; that of SSH has a version in front, and no `_git`."""
    if address.origin.host != _SSH_HOST or address.parts[0] != _SSH_VERSION:
        return address
    *organization, name = address.parts[1:]
    return replace(address, origin=_SERVICE, parts=(*organization, "_git", name))


class AzureDevOps:
    """A repository at Azure DevOps."""

    def __init__(self, api: Api, address: Address) -> None:
        self._api = api
        organization, project, _, name = address.exactly(4)
        self._repository = under(address.origin, organization, project, "_apis", "git", "repositories", name)

    async def holds(self, commit: str, status: Status) -> bool:
        answer = await self._api.read(self._statuses(commit).update_query(latestOnly="true"))
        if answer.status == _SIGN_IN:
            raise Trouble("the token is not accepted: the host answers with a page to sign in")
        wanted = _context(status)
        for found in mappings(mapping(answer.json()).get("value")):
            context = mapping(found.get("context"))
            if {key: context.get(key) for key in wanted} == wanted:
                return (found.get("state"), found.get("description")) == (
                    _STATES[status.state],
                    status.description,
                )
        return False

    async def set(self, commit: str, status: Status) -> None:
        payload = {
            "state": _STATES[status.state],
            "description": status.description,
            "context": _context(status),
        }
        await self._api.write("POST", self._statuses(commit), payload)

    def _statuses(self, commit: str) -> URL:
        url = under(self._repository, "commits", commit, "statuses")
        return url.with_query({"api-version": _VERSION})


def _context(status: Status) -> dict[str, str]:
    """Statuses of several summaries stand side by side."""
    genre = _GENRE if status.summary is None else f"{_GENRE}:{status.summary}"
    return {"genre": genre, "name": status.context}
