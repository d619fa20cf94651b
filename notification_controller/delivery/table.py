"""Which types of providers there are, and what each makes of the fields of a Provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.git import services as git
from notification_controller.delivery.service import Means, Service
from notification_controller.delivery.types.alertmanager import alertmanager
from notification_controller.delivery.types.datadog import datadog
from notification_controller.delivery.types.event_hub import EventHub
from notification_controller.delivery.types.generic import generic, generic_hmac
from notification_controller.delivery.types.google_chat import google_chat
from notification_controller.delivery.types.google_pubsub import PubSub
from notification_controller.delivery.types.grafana import grafana
from notification_controller.delivery.types.incident_io import incident_io
from notification_controller.delivery.types.lark import lark
from notification_controller.delivery.types.matrix import matrix
from notification_controller.delivery.types.nats import Nats
from notification_controller.delivery.types.opsgenie import opsgenie
from notification_controller.delivery.types.otel import otel
from notification_controller.delivery.types.pagerduty import pagerduty
from notification_controller.delivery.types.sentry import sentry
from notification_controller.delivery.types.slack import discord, rocket, slack
from notification_controller.delivery.types.teams import msteams
from notification_controller.delivery.types.telegram import telegram
from notification_controller.delivery.types.webex import webex
from notification_controller.delivery.types.zoom import zoom
from notification_controller.delivery.types.zulip import zulip
from shared.api.notification_v1beta3 import ProviderType


class Field(StrEnum):
    """A field that some types have no use for."""

    ADDRESS = "spec.address"
    CHANNEL = "spec.channel"
    USERNAME = "spec.username"
    PROXY = "spec.proxy"
    PROXY_SECRET = "spec.proxySecretRef"  # noqa: S105 - the name of a field
    CERTIFICATES = "spec.certSecretRef"
    ACCOUNT = "spec.serviceAccountName"


Opener = Callable[[Access, Means], Service]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of providers: how it is opened, and which fields it makes use of."""

    opened: Opener
    uses: frozenset[Field]


HTTP: Final = frozenset({Field.ADDRESS, Field.PROXY, Field.PROXY_SECRET, Field.CERTIFICATES})
"""What every type uses that is reached by HTTP at an address of its own."""


def _alone(opener: Callable[[Access], Service]) -> Opener:
    """For types that need nothing but the access."""

    def opened(access: Access, means: Means) -> Service:
        del means
        return opener(access)

    return opened


_CLOUD: Final = HTTP | {Field.CHANNEL, Field.ACCOUNT}

TYPES: Final[Mapping[ProviderType, Kind]] = {
    ProviderType.GENERIC: Kind(_alone(generic), HTTP),
    ProviderType.GENERIC_HMAC: Kind(_alone(generic_hmac), HTTP),
    ProviderType.SLACK: Kind(_alone(slack), HTTP | {Field.CHANNEL, Field.USERNAME}),
    ProviderType.DISCORD: Kind(_alone(discord), HTTP | {Field.USERNAME}),
    ProviderType.GITHUB: Kind(git.github, HTTP),
    ProviderType.GITHUB_DISPATCH: Kind(git.github_dispatch, HTTP),
    ProviderType.GITHUB_COMMENT: Kind(git.github_comments, HTTP),
    ProviderType.GITLAB: Kind(git.gitlab, HTTP),
    ProviderType.GITLAB_COMMENT: Kind(git.gitlab_comments, HTTP),
    ProviderType.GITEA: Kind(git.gitea, HTTP),
    ProviderType.GITEA_COMMENT: Kind(git.gitea_comments, HTTP),
    ProviderType.BITBUCKET: Kind(git.bitbucket, HTTP),
    ProviderType.BITBUCKET_SERVER: Kind(git.bitbucket_server, HTTP | {Field.USERNAME}),
    ProviderType.AZURE_DEVOPS: Kind(git.azure_devops, HTTP | {Field.ACCOUNT}),
    ProviderType.ROCKET: Kind(_alone(rocket), HTTP | {Field.CHANNEL, Field.USERNAME}),
    ProviderType.MSTEAMS: Kind(_alone(msteams), HTTP),
    ProviderType.GOOGLE_CHAT: Kind(_alone(google_chat), HTTP),
    ProviderType.WEBEX: Kind(_alone(webex), HTTP | {Field.CHANNEL}),
    ProviderType.TELEGRAM: Kind(_alone(telegram), HTTP - {Field.ADDRESS} | {Field.CHANNEL}),
    ProviderType.LARK: Kind(_alone(lark), HTTP),
    ProviderType.MATRIX: Kind(_alone(matrix), HTTP | {Field.CHANNEL}),
    ProviderType.ZULIP: Kind(_alone(zulip), HTTP | {Field.CHANNEL, Field.USERNAME}),
    ProviderType.ZOOM: Kind(_alone(zoom), HTTP),
    ProviderType.OPSGENIE: Kind(_alone(opsgenie), HTTP),
    ProviderType.ALERTMANAGER: Kind(_alone(alertmanager), HTTP | {Field.USERNAME}),
    ProviderType.GRAFANA: Kind(_alone(grafana), HTTP | {Field.USERNAME}),
    ProviderType.PAGERDUTY: Kind(_alone(pagerduty), HTTP | {Field.CHANNEL}),
    ProviderType.INCIDENT_IO: Kind(_alone(incident_io), HTTP),
    ProviderType.DATADOG: Kind(_alone(datadog), HTTP),
    ProviderType.SENTRY: Kind(sentry, HTTP | {Field.CHANNEL}),
    ProviderType.OTEL: Kind(otel, HTTP | {Field.USERNAME}),
    ProviderType.NATS: Kind(
        _alone(Nats), frozenset({Field.ADDRESS, Field.CHANNEL, Field.USERNAME, Field.CERTIFICATES})
    ),
    ProviderType.GOOGLE_PUBSUB: Kind(PubSub, _CLOUD),
    ProviderType.AZURE_EVENT_HUB: Kind(EventHub, _CLOUD),
}
