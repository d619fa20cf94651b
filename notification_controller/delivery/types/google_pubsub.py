"""Google Cloud Pub/Sub: the event as a message of a topic, by one request of its REST API."""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import quote

from yarl import URL

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.poster import Poster
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Means
from notification_controller.notification import Notification
from shared.auth.cloud import Clouds, User
from shared.lang.json import JsonObject

_SERVICE: Final = "https://pubsub.googleapis.com/v1/projects/{project}/topics/{topic}:publish"
_KIND: Final = "Provider"


class PubSub:
    """The address is a project, the channel a topic; who publishes is a key in the Secret, or an identity."""

    def __init__(self, access: Access, means: Means) -> None:
        """Nothing is sent yet.

        Raises:
            Unusable: project or topic is missing.
        """
        if not access.address:
            raise Unusable("GCP project ID cannot be empty: set spec.address")
        if not access.channel:
            raise Unusable("GCP Pub/Sub topic ID cannot be empty: set spec.channel")
        project, topic = quote(access.address, safe=""), quote(access.channel, safe="")
        self._url = URL(_SERVICE.format(project=project, topic=topic), encoded=True)
        self._access = access
        self._clouds: Clouds = means.clouds

    async def deliver(self, notification: Notification, poster: Poster) -> None:
        """Publishes the event."""
        message: JsonObject = {"data": base64.b64encode(notification.event.encoded()).decode()}
        if self._access.headers:
            message["attributes"] = dict(self._access.headers)
        headers = {"Authorization": f"Bearer {await self._token()}"}
        await poster.send(Request.of_json(self._url, {"messages": [message]}, headers=headers))

    async def _token(self) -> str:
        access = self._access
        user = User(_KIND, access.namespace, access.name)
        if access.token:
            return (await self._clouds.gcp_key_token(access.token, user, proxy=access.way.proxy)).token
        found = await self._clouds.gcp_token(user, account=access.account, proxy=access.way.proxy)
        return found.token
