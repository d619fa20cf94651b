"""What becomes of a Receiver: its path, and the conditions that say why it has none."""

import pytest

RECEIVER = "Receiver.notification.toolkit.fluxcd.io"
#: Of `s3cr3t`, `github-receiver` and `flux-system`, as flux computes it, too.
PATH = "/hook/605dbd4976c3504a20afec155a68122702621389b3b29f71feb118008a1696a1"
ISSUER = {
    "issuerURL": "https://issuer.example",
    "validations": [{"expression": "claims.sub == 'x'", "message": "not x"}],
}


def said(hooks, obj, kind):
    condition = hooks.condition(obj, kind)
    return condition["status"], condition["reason"], condition["message"]


@pytest.mark.case("notification-4")
async def test_a_receiver_tells_its_path(working):
    async with working(namespace="flux-system") as hooks:
        assert await hooks.receiver("github", "github-receiver") == PATH
        obj = await hooks.live(RECEIVER, "github-receiver")
        assert said(hooks, obj, "Ready") == ("True", "Succeeded", f"Receiver initialized for path: {PATH}")
        assert obj["status"]["observedGeneration"] == 1
        assert obj["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
        assert "notification-controller" in hooks.managers(obj)
        event = await hooks.event("Reconciliation finished, next run in 1h0m0s", "github-receiver")
        assert (event["type"], event["reason"]) == ("Normal", "Succeeded")


@pytest.mark.case("notification-5")
async def test_without_its_secret_a_receiver_has_no_path(hooks):
    await hooks.repository()
    path = await hooks.receiver()
    assert await hooks.call(path) == (200, "")
    await hooks.delete("Secret", "token")
    await hooks.edit(RECEIVER, "hook", {"spec": {"interval": "2h"}})
    obj = await hooks.settled(status="False")
    text = f"unable to read token from secret '{hooks.namespace}/token' error: secrets \"token\" not found"
    assert said(hooks, obj, "Ready") == ("False", "TokenNotFound", text)
    assert said(hooks, obj, "Reconciling") == ("True", "ProgressingWithRetry", "Reconciliation in progress")
    assert "webhookPath" not in obj["status"]
    assert obj["status"]["observedGeneration"] == 1
    event = await hooks.event(text, "hook")
    assert (event["type"], event["reason"]) == ("Warning", "Failed")
    await hooks.call_until(path, 404)
    await hooks.secret(token="other")
    obj = await hooks.settled()
    assert hooks.condition(obj, "Reconciling")["status"] == ""
    assert obj["status"]["observedGeneration"] == 2
    assert await hooks.call_until_known(obj["status"]["webhookPath"]) == (200, "")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"tokens": "x"}, "invalid '{}/token' secret data: required fields 'token'"),
        ({"token": ""}, "invalid '{}/token' secret data: the key 'token' is empty"),
    ],
)
async def test_a_secret_needs_a_token(hooks, data, text):
    await hooks.secret(**data)
    await hooks.declare("github")
    obj = await hooks.settled(status="False")
    assert said(hooks, obj, "Ready") == ("False", "TokenNotFound", text.format(hooks.namespace))
    assert obj["status"]["observedGeneration"] == -1


@pytest.mark.case("notification-6")
async def test_a_new_token_gives_a_new_path_at_once(hooks):
    await hooks.repository()
    await hooks.secret(token="first", labels={"reconcile.fluxcd.io/watch": "Enabled"})
    path = await hooks.receiver()
    await hooks.new_token("second")
    obj = await hooks.until(RECEIVER, "hook", lambda obj: obj["status"]["webhookPath"] != path)
    assert said(hooks, obj, "Ready")[:2] == ("True", "Succeeded")
    assert await hooks.call_until_known(obj["status"]["webhookPath"]) == (200, "")


@pytest.mark.case("notification-7")
async def test_a_broken_filter_stalls_a_receiver(hooks):
    await hooks.repository()
    path = await hooks.receiver()
    await hooks.edit(RECEIVER, "hook", {"spec": {"resourceFilter": "has(res.metadata.annotations"}})
    obj = await hooks.settled(status="False")
    status, reason, text = said(hooks, obj, "Stalled")
    assert (status, reason) == ("True", "InvalidCELExpression")
    assert said(hooks, obj, "Ready") == ("False", reason, text)
    assert text.startswith(
        "Reconciliation failed terminally due to configuration error: invalid resourceFilter expression: "
    )
    assert hooks.condition(obj, "Reconciling")["status"] == ""
    assert (obj["status"]["observedGeneration"], obj["status"]["webhookPath"]) == (2, path)
    await hooks.call_until(path, 503)
    event = await hooks.event(text, "hook")
    assert (event["type"], event["reason"]) == ("Warning", "InvalidCELExpression")
    # Another one fails and is retried for longer than the first retry would have taken.
    await hooks.declare(name="other", secretRef={"name": "none"})
    await hooks.settled("other", status="False")
    await hooks.secret("none", token="x")
    await hooks.settled("other")
    turns = 'controller_runtime_terminal_reconcile_errors_total{controller="receiver"} 1.0'
    assert turns in hooks.process.metrics()
    await hooks.edit(RECEIVER, "hook", {"spec": {"resourceFilter": "has(res.metadata.annotations)"}})
    obj = await hooks.settled()
    assert said(hooks, obj, "Ready")[:2] == ("True", "Succeeded")
    assert hooks.condition(obj, "Stalled")["status"] == ""
    assert obj["status"]["webhookPath"] == path


@pytest.mark.case("notification-8")
async def test_only_issuers_give_claims(hooks):
    await hooks.secret(token="s")
    await hooks.declare("generic", "plain", resourceFilter="claims.sub == 'x'")
    obj = await hooks.settled("plain", status="False")
    assert said(hooks, obj, "Ready")[1] == "InvalidCELExpression"
    path = await hooks.receiver(
        "generic-oidc", "oidc", oidcProviders=[ISSUER], resourceFilter="claims.sub == 'x'"
    )
    assert path.startswith("/hook/")


async def test_nothing_is_told_twice(hooks):
    await hooks.receiver()
    obj = await hooks.live(RECEIVER, "hook")
    again = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}
    await hooks.edit(RECEIVER, "hook", again)
    handled = await hooks.until(
        RECEIVER, "hook", lambda obj: obj["status"].get("lastHandledReconcileAt") == "now"
    )
    assert handled["status"]["conditions"] == obj["status"]["conditions"]
    await hooks.edit(RECEIVER, "hook", {"spec": {"suspend": True}})
    await hooks.edit(RECEIVER, "hook", {"spec": {"suspend": False, "interval": "3h"}})
    await hooks.event("next run in 3h0m0s", "hook")
    told = await hooks.client.list(
        await hooks.resource("Event"), hooks.namespace, field_selector="involvedObject.name=hook"
    )
    assert {(each["message"], each["count"]) for each in told["items"]} == {
        ("Reconciliation finished, next run in 1h0m0s", 1),
        ("Reconciliation finished, next run in 3h0m0s", 1),
    }


async def test_a_deleted_receiver_goes(hooks):
    path = await hooks.receiver()
    await hooks.delete(RECEIVER, "hook")
    await hooks.gone(RECEIVER, "hook")
    await hooks.call_until(path, 404)
