"""Gitea and Forgejo, which may be served below a path."""

from __future__ import annotations

from typing import Final

from notification_controller.delivery.git.address import Address, under
from notification_controller.delivery.git.api import Api, newest, text_in
from notification_controller.delivery.git.issue_comments import IssueComments
from notification_controller.delivery.git.status import State, Status

_STATES: Final = {State.SUCCESS: "success", State.FAILURE: "failure", State.PENDING: "pending"}


class Gitea(IssueComments):
    """A repository at a Gitea."""

    def __init__(self, api: Api, address: Address) -> None:
        host, owner, name = address.below_any_path()
        self._base = under(host, "api", "v1")
        super().__init__(api, under(self._base, "repos", owner, name), {"limit": "100"})

    @property
    def place(self) -> str:
        return str(self._repository)

    async def holds(self, commit: str, status: Status) -> bool:
        """The list is ordered by seconds, which is not enough to tell the newest; its number is."""
        url = under(self._repository, "commits", commit, "statuses").with_query(page=1, limit=50)
        found = newest((await self._api.read(url)).json(), context=status.context)
        return (found.get("status"), found.get("description")) == (_STATES[status.state], status.description)

    async def set(self, commit: str, status: Status) -> None:
        payload = {
            "state": _STATES[status.state],
            "target_url": "",
            "description": status.description,
            "context": status.context,
        }
        await self._api.write("POST", under(self._repository, "statuses", commit), payload)

    async def login(self) -> str:
        return text_in((await self._api.read(under(self._base, "user"))).json(), "login")
