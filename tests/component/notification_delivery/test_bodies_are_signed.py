"""What `generic-hmac` signs are the bytes that travel, with the key as it stands in the Secret."""

import hashlib
import hmac
from dataclasses import replace

import pytest

from notification_controller.delivery import Unusable

KEY = "7152fed34dd6149a7c75a276c510da27cb6f82b0"


@pytest.mark.parametrize("key", [KEY, f" {KEY}\n", b"\xff\x00binary"])
@pytest.mark.parametrize("headers", [{}, {"headers": "X-Signature: sha256=0000\nx-signature: x"}])
async def test_the_signature_is_over_the_body_as_it_was_sent(
    inbox, deliver, provider, cluster, failure, key, headers
):
    cluster.add("s", token=key, **headers)
    await deliver(
        provider("generic-hmac", inbox.url, secretRef="s"), replace(failure, message="<&> \u2028 ä")
    )
    request = inbox.received[0]
    raw = key.encode() if isinstance(key, str) else key
    assert request.headers["x-signature"] == f"sha256={hmac.digest(raw, request.body, hashlib.sha256).hex()}"


async def test_the_body_is_what_controllers_of_go_would_have_sent(inbox, deliver, provider, info):
    await deliver(
        provider("generic", inbox.url), replace(info, message="<a & b>", metadata={"z": "1", "a": "<"})
    )
    assert inbox.received[0].body == (
        b'{"involvedObject":{"kind":"Kustomization","namespace":"apps","name":"web","uid":"u-1",'
        b'"apiVersion":"kustomize.toolkit.fluxcd.io/v1","resourceVersion":"7"},"severity":"info",'
        b'"timestamp":"2026-01-02T03:04:05Z","message":"\\u003ca \\u0026 b\\u003e",'
        b'"reason":"ReconciliationSucceeded","metadata":{"a":"\\u003c","z":"1"},'
        b'"reportingController":"kustomize-controller","reportingInstance":"kustomize-controller-0"}'
    )


@pytest.mark.parametrize("secret", [None, {"token": ""}, {"other": "x"}])
async def test_without_a_key_nothing_is_sent(inbox, deliver, provider, cluster, secret):
    spec = {}
    if secret is not None:
        cluster.add("s", **secret)
        spec["secretRef"] = "s"
    with pytest.raises(Unusable, match="HMAC key is empty"):
        await deliver(provider("generic-hmac", inbox.url, **spec))
    assert inbox.received == []
