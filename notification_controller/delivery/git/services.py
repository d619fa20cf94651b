"""Opens the types of providers that are Git hosts; what can't work is refused before anything is sent."""

from __future__ import annotations

import os
from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.git.accounts import (
    DevOpsAccount,
    GitHubAccount,
    pair_of,
    server_login,
    token_of,
)
from notification_controller.delivery.git.api import Api, telling
from notification_controller.delivery.git.azure_devops import AzureDevOps, repository_of
from notification_controller.delivery.git.bitbucket import SERVER_HEADERS, BitbucketCloud, BitbucketServer
from notification_controller.delivery.git.conversation import Comments
from notification_controller.delivery.git.gitea import Gitea
from notification_controller.delivery.git.github import HEADERS, GitHub
from notification_controller.delivery.git.gitlab import GitLab, project_of, without_commands
from notification_controller.delivery.git.repositories import repository
from notification_controller.delivery.git.statuses import EVERY_STATE, CommitStatuses
from notification_controller.delivery.poster import Poster
from notification_controller.delivery.service import Means, Service
from notification_controller.notification import Notification

_GITEA_DEBUG: Final = "NOTIFIER_GITEA_DEBUG"
_PULL: Final = "flux-pr-comment-key"
_MERGE: Final = "flux-mr-comment-key"


def github(access: Access, means: Means) -> Service:
    """Statuses at GitHub."""
    return CommitStatuses(_GitHubs(access, means).one)


def github_comments(access: Access, means: Means) -> Service:
    """Comments on pull requests at GitHub."""
    opened = _GitHubs(access, means)
    return Comments(opened.one, means.memory, access.uid, _PULL, opened.account.key)


def github_dispatch(access: Access, means: Means) -> Service:
    """Dispatches of GitHub, which start workflows; they are there for all events."""
    return _Dispatches(_GitHubs(access, means))


class _GitHubs:
    """A repository at GitHub, for all deliveries of one Provider."""

    def __init__(self, access: Access, means: Means) -> None:
        self.account = GitHubAccount(access, means.clouds)
        self._address = repository(access.type, access.address)

    async def one(self, poster: Poster) -> GitHub:
        """The repository, in one delivery."""
        api = Api(poster, {**HEADERS, "Authorization": await self.account.header()})
        return GitHub(api, self._address, self.account.bot)


class _Dispatches:
    def __init__(self, opened: _GitHubs) -> None:
        self._opened = opened

    async def deliver(self, notification: Notification, poster: Poster) -> None:
        event = notification.event
        involved = event.involved
        host = await self._opened.one(poster)
        with telling("could not send github repository dispatch webhook"):
            await host.dispatch(f"{involved.kind}/{involved.name}.{involved.namespace}", event.wire())


def gitlab(access: Access, means: Means) -> Service:
    """Statuses at GitLab."""
    return CommitStatuses(_GitLabs(access, means).one)


def gitlab_comments(access: Access, means: Means) -> Service:
    """Comments on merge requests at GitLab."""
    opened = _GitLabs(access, means)
    return Comments(opened.one, means.memory, access.uid, _MERGE, opened.token, without_commands)


class _GitLabs:
    """A project at GitLab, for all deliveries of one Provider."""

    def __init__(self, access: Access, means: Means) -> None:
        self.token = token_of(access, "gitlab")
        self._address = repository(access.type, access.address)
        self._memory = means.memory

    async def one(self, poster: Poster) -> GitLab:
        """The project, in one delivery."""
        api = Api(poster, {"PRIVATE-TOKEN": self.token})
        return GitLab(api, *await project_of(api, self._address, self._memory))


def gitea(access: Access, means: Means) -> Service:
    """Statuses at Gitea, which tell of progress as well."""
    del means
    return CommitStatuses(_Giteas(access).one, EVERY_STATE, loud=os.environ.get(_GITEA_DEBUG) == "true")


def gitea_comments(access: Access, means: Means) -> Service:
    """Comments on pull requests at Gitea."""
    opened = _Giteas(access)
    return Comments(opened.one, means.memory, access.uid, _PULL, opened.token)


class _Giteas:
    """A repository at Gitea, for all deliveries of one Provider."""

    def __init__(self, access: Access) -> None:
        self.token = token_of(access, "gitea")
        self._address = repository(access.type, access.address)

    async def one(self, poster: Poster) -> Gitea:
        """The repository, in one delivery."""
        return Gitea(Api(poster, {"Authorization": f"token {self.token}"}), self._address)


def bitbucket(access: Access, means: Means) -> Service:
    """Statuses at bitbucket.org."""
    del means
    headers = {"Authorization": pair_of(access).header}
    address = repository(access.type, access.address)

    async def host(poster: Poster) -> BitbucketCloud:
        return BitbucketCloud(Api(poster, headers), address)

    return CommitStatuses(host)


def bitbucket_server(access: Access, means: Means) -> Service:
    """Statuses at a Bitbucket server."""
    del means
    headers = {**SERVER_HEADERS, "Authorization": server_login(access)}
    address = repository(access.type, access.address)
    page = str(access.url)

    async def host(poster: Poster) -> BitbucketServer:
        return BitbucketServer(Api(poster, headers), address, page)

    return CommitStatuses(host)


def azure_devops(access: Access, means: Means) -> Service:
    """Statuses at Azure DevOps."""
    account = DevOpsAccount(access, means.clouds)
    address = repository_of(repository(access.type, access.address))

    async def host(poster: Poster) -> AzureDevOps:
        return AzureDevOps(Api(poster, {"Authorization": await account.header()}), address)

    return CommitStatuses(host)
