"""Comments on issues as GitHub's API has them, which Gitea's follows; pull requests are issues there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from yarl import URL

from notification_controller.delivery.git.address import under
from notification_controller.delivery.git.api import Api, number_in
from notification_controller.delivery.git.conversation import Comment
from shared.lang.json import mapping


class IssueComments:
    """The comments of a repository; `oldest_first` is the query for all of them."""

    def __init__(self, api: Api, repository: URL, oldest_first: Mapping[str, str]) -> None:
        self._api = api
        self._repository = repository
        self._oldest_first = oldest_first

    async def comments(self, number: int) -> AsyncIterator[Comment]:
        url = under(self._repository, "issues", str(number), "comments")
        async for found in self._api.pages(url.with_query(self._oldest_first)):
            author = str(mapping(found.get("user")).get("login"))
            yield Comment(number_in(found, "id"), author, str(found.get("body") or ""))

    async def create(self, number: int, body: str) -> int:
        url = under(self._repository, "issues", str(number), "comments")
        return number_in(await self._api.write("POST", url, {"body": body}, again=False), "id")

    async def edit(self, number: int, comment: int, body: str) -> bool:
        del number
        url = under(self._repository, "issues", "comments", str(comment))
        return await self._api.change("PATCH", url, {"body": body})
