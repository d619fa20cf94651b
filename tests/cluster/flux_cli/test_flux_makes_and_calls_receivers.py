"""The commands of flux for Receivers, Alerts and Providers, and its calls of Receivers."""

import asyncio

import pytest

from shared.lang import json, yaml
from shared.testing.issuer import Issuer

WATCH = "reconcile.fluxcd.io/requestedAt"


def create_receiver(team, name, kind="generic"):
    team.flux(
        "create", "secret", "receiver", name, "--token=s3cr3t", f"--type={kind}", "--hostname=flux.example"
    )
    return team.flux(
        "create", "receiver", name, f"--type={kind}", f"--secret-ref={name}", "--resource=GitRepository/app"
    )


def requested(team):
    annotations = team.live("gitrepository", "app")["metadata"].get("annotations") or {}
    return annotations.get(WATCH, "")


@pytest.mark.case("notification-50")
async def test_flux_looks_after_all_three_kinds(team, headrace):
    await asyncio.to_thread(_receivers, team)
    await asyncio.to_thread(_providers_and_alerts, team)
    team.create_source()
    team.flux("suspend", "source", "git", "app")
    await _triggers(team, headrace.webhooks_url)


def _receivers(team):
    flux = team.flux
    made = create_receiver(team, "hook", "github")
    path = team.live("receiver", "hook")["status"]["webhookPath"]
    assert f"generated webhook URL {path}" in made.progress
    # flux computes the same path, without asking.
    annotations = team.live("secret", "hook")["metadata"]["annotations"]
    assert annotations["notification.toolkit.fluxcd.io/webhook"] == f"https://flux.example{path}"
    assert flux("get", "receivers").lines[1] == f"hook False True Receiver initialized for path: {path}"
    flux("suspend", "receiver", "hook")
    assert flux("get", "receivers").lines[1].startswith("hook True True")
    resumed = flux("resume", "receiver", "hook")
    assert "Receiver reconciliation completed" in resumed.progress
    assert team.live("receiver", "hook")["spec"].get("suspend") in (None, False)
    flux("reconcile", "receiver", "hook")
    exported = yaml.load(flux("export", "receiver", "hook").out)
    assert exported["spec"] == team.live("receiver", "hook")["spec"] | {"interval": "10m0s"}
    flux("delete", "receiver", "hook", "--silent")
    assert "no Receiver objects found" in flux.run("get", "receivers").progress


def _providers_and_alerts(team):
    flux = team.flux
    flux(
        "create", "alert-provider", "chat", "--type=generic", "--address=http://127.0.0.1:1/",
        "--channel=general", "--username=flux",
    )  # fmt: skip
    flux(
        "create",
        "alert",
        "news",
        "--provider-ref=chat",
        "--event-source=GitRepository/*",
        "--event-severity=info",
    )
    assert flux("get", "alert-providers").lines[1].startswith("chat")
    assert flux("get", "alerts").lines[1] == "news False True Alert is Ready"
    for kind, name in (("alert-provider", "chat"), ("alert", "news")):
        flux("suspend", kind, name)
        live = {"alert-provider": "provider", "alert": "alert"}[kind]
        assert team.live(live, name)["spec"]["suspend"] is True
        flux("resume", kind, name)
        assert not team.live(live, name)["spec"].get("suspend")
        exported = yaml.load(flux("export", kind, name).out)
        assert exported["spec"] == team.live(live, name)["spec"]
        flux("delete", kind, name, "--silent")
        assert name not in team.kubectl("get", live, "-o", "name")


async def _triggers(team, url):
    def trigger(name, *arguments):
        return team.flux.run("trigger", "receiver", name, f"--url={url}", "--retries=0", *arguments)

    for kind in ("generic", "generic-hmac"):
        await asyncio.to_thread(create_receiver, team, kind, kind)
        before = requested(team)
        told = await asyncio.to_thread(
            trigger, kind, f"--type={kind}", "--token=s3cr3t", '--payload={"a": 1}'
        )
        assert told.code == 0, told.progress
        assert requested(team) > before
        wrong = await asyncio.to_thread(trigger, kind, f"--type={kind}", "--token=guess")
        assert "404" in wrong.progress
    async with Issuer() as issuer:
        await asyncio.to_thread(_create_oidc_receiver, team, issuer.url)
        before = requested(team)
        told = await asyncio.to_thread(
            trigger, "oidc", "--type=generic-oidc", f"--oidc-token={issuer.token()}"
        )
        assert told.code == 0, told.progress
        assert requested(team) > before
        bad = await asyncio.to_thread(
            trigger,
            "oidc",
            "--type=generic-oidc",
            f"--oidc-token={issuer.token(sub='somebody')}",
            "--retries=9",
        )
        assert bad.code != 0
        assert "400" in bad.progress
        assert "token validation failed: only main may call" in bad.progress


def _create_oidc_receiver(team, issuer):
    validations = [{"expression": "claims.sub.endsWith('/main')", "message": "only main may call"}]
    receiver = {
        "apiVersion": "notification.toolkit.fluxcd.io/v1",
        "kind": "Receiver",
        "metadata": {"name": "oidc"},
        "spec": {
            "type": "generic-oidc",
            "resources": [{"kind": "GitRepository", "name": "app"}],
            "oidcProviders": [{"issuerURL": issuer, "validations": validations}],
        },
    }
    team.kubectl("create", "-f", "-", stdin=json.dumps(receiver).decode())
    team.kubectl("wait", "receiver/oidc", "--for=condition=Ready", "--timeout=30s")
