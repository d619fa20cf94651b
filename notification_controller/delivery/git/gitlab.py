"""GitLab: gitlab.com and self-managed servers, which may be served below a path."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from yarl import URL

from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.git.address import Address, segment, under
from notification_controller.delivery.git.api import Api, newest, number_in, text_in
from notification_controller.delivery.git.conversation import Comment
from notification_controller.delivery.git.memory import Memory
from notification_controller.delivery.git.status import State, Status
from notification_controller.delivery.request import Answer
from shared.lang.json import mapping

_COMMAND: Final = re.compile(r"^([^\S\n]*)/", re.MULTILINE)
_REFUSALS: Final = (401, 403)
_STATES: Final = {State.SUCCESS: "success", State.FAILURE: "failed"}


def without_commands(text: str) -> str:
    """A text in which no line is an order: GitLab does what a line like `/merge` says, as who writes it.

    Messages quote what others wrote, who may not be allowed to do that themselves.
    """
    return _COMMAND.sub(r"\1\\/", text)


class _Nowhere(Exception):
    """No GitLab answers at any address that it could be at."""


async def project_of(api: Api, address: Address, memory: Memory) -> tuple[URL, URL]:
    """Where the API is, and the project below it.

    Groups may be in groups, so a path does not tell how much of it belongs to the server. Where it has more
    than two parts, the server is asked; where none answers, it has no path of its own.

    Raises:
        Trouble: somebody has trouble with answering.
    """
    longest = len(address.parts) - 2

    async def ask() -> str:
        for count in range(longest + 1):
            if _is_gitlab(await api.look(under(_api(address, count), "version"))):
                return str(count)
        raise _Nowhere

    try:
        found = await memory.fact(ask, "gitlab", str(address.origin), address.id) if longest > 0 else "0"
    except _Nowhere:  # and that is not remembered
        found = "0"
    count = int(found)
    base = _api(address, count)
    return base, under(base, "projects", segment("/".join(address.parts[count:])))


class GitLab:
    """A project at GitLab."""

    def __init__(self, api: Api, base: URL, project: URL) -> None:
        """The addresses are those of `project_of`."""
        self._api = api
        self._base = base
        self._project = project

    @property
    def place(self) -> str:
        return str(self._project)

    async def holds(self, commit: str, status: Status) -> bool:
        """Of each context GitLab lists the newest status of each branch and tag, in no order to rely on."""
        url = under(self._project, "repository", "commits", commit, "statuses")
        listed = (await self._api.read(url.with_query(name=status.context))).json()
        found = newest(listed, name=status.context)
        return (found.get("status"), found.get("description")) == (_STATES[status.state], status.description)

    async def set(self, commit: str, status: Status) -> None:
        payload = {
            "name": status.context,
            "description": status.description,
            "state": _STATES[status.state],
        }
        await self._api.write("POST", under(self._project, "statuses", commit), payload)

    async def login(self) -> str:
        return text_in((await self._api.read(under(self._base, "user"))).json(), "username")

    async def comments(self, number: int) -> AsyncIterator[Comment]:
        query = {"sort": "asc", "order_by": "created_at", "per_page": "100"}
        async for found in self._api.pages(self._notes(number).with_query(query)):
            author = str(mapping(found.get("author")).get("username"))
            yield Comment(number_in(found, "id"), author, str(found.get("body") or ""))

    async def create(self, number: int, body: str) -> int:
        return number_in(
            await self._api.write("POST", self._notes(number), {"body": body}, again=False), "id"
        )

    async def edit(self, number: int, comment: int, body: str) -> bool:
        return await self._api.change("PUT", under(self._notes(number), str(comment)), {"body": body})

    def _notes(self, number: int) -> URL:
        return under(self._project, "merge_requests", str(number), "notes")


def _api(address: Address, count: int) -> URL:
    """Where the API is if so many parts of the path belong to the server."""
    return under(address.origin, *map(segment, address.parts[:count]), "api", "v4")


def _is_gitlab(answer: Answer) -> bool:
    """Whether this is the API, which has a form of its own for strangers, too."""
    if answer.passing:
        answer.check()
    try:
        said = mapping(answer.json())
    except Trouble:
        return False
    return "version" in said if answer.good else answer.status in _REFUSALS and bool(said)
