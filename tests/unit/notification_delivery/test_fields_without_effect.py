"""Fields that a type makes no use of are named, one sentence each; all others are not."""

import pytest

from notification_controller.delivery import ignored_fields
from notification_controller.delivery.table import TYPES
from shared.api.notification_v1beta3 import Provider, ProviderType

ALL = {
    "address": "https://a.example.com",
    "channel": "c",
    "username": "u",
    "proxy": "http://proxy",
    "proxySecretRef": {"name": "p"},
    "certSecretRef": {"name": "c"},
    "serviceAccountName": "a",
    "secretRef": {"name": "s"},
    "interval": "1m",
    "timeout": "1m",
}
#: What has no effect of all these, by type.
WITHOUT = {
    "generic": "channel username serviceAccountName",
    "generic-hmac": "channel username serviceAccountName",
    "slack": "serviceAccountName",
    "discord": "channel serviceAccountName",
    "rocket": "serviceAccountName",
    "msteams": "channel username serviceAccountName",
    "googlechat": "channel username serviceAccountName",
    "webex": "username serviceAccountName",
    "telegram": "address username serviceAccountName",
    "lark": "channel username serviceAccountName",
    "matrix": "username serviceAccountName",
    "zulip": "serviceAccountName",
    "zoom": "channel username serviceAccountName",
    "opsgenie": "channel username serviceAccountName",
    "alertmanager": "channel serviceAccountName",
    "grafana": "channel serviceAccountName",
    "pagerduty": "username serviceAccountName",
    "incident.io": "channel username serviceAccountName",
    "datadog": "channel username serviceAccountName",
    "sentry": "username serviceAccountName",
    "otel": "channel serviceAccountName",
    "nats": "proxy proxySecretRef serviceAccountName",
    "googlepubsub": "username",
    "azureeventhub": "username",
}


def provider(kind, spec):
    return Provider.model_validate(
        {"metadata": {"name": "p", "namespace": "n"}, "spec": {"type": kind, **spec}}
    )


@pytest.mark.parametrize("kind", sorted(WITHOUT))
def test_what_has_no_effect_is_named(kind):
    found = ignored_fields(provider(kind, ALL))
    assert sorted(found) == sorted(
        f"spec.{field} has no effect on providers of type '{kind}'" for field in WITHOUT[kind].split()
    )
    assert ignored_fields(provider(kind, {})) == ()


def test_every_type_is_known():
    assert set(TYPES) == set(ProviderType)
