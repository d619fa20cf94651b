"""Every enum value, bound and pattern of Alerts, Providers and Receivers, as the server enforces them."""

import itertools
from pathlib import Path

import pytest

from shared.api.notification_v1 import Receiver, ReceiverType
from shared.api.notification_v1beta3 import COMMIT_STATUS, Alert, Provider, ProviderType
from shared.lang import json, yaml

CASES = Path(__file__).parents[2] / "data" / "api"
KINDS = (
    "Bucket", "GitRepository", "Kustomization", "HelmRelease", "HelmChart", "HelmRepository",
    "ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "OCIRepository", "ArtifactGenerator",
    "ExternalArtifact",
)  # fmt: skip
PROVIDERS = (
    "slack", "discord", "msteams", "rocket", "generic", "generic-hmac", "github", "gitlab", "gitea",
    "giteapullrequestcomment", "bitbucketserver", "bitbucket", "azuredevops", "googlechat", "googlepubsub",
    "webex", "sentry", "azureeventhub", "telegram", "lark", "matrix", "opsgenie", "alertmanager", "grafana",
    "githubdispatch", "githubpullrequestcomment", "gitlabmergerequestcomment", "pagerduty", "datadog", "nats",
    "zulip", "otel", "zoom", "incident.io",
)  # fmt: skip
RECEIVERS = (
    "generic", "generic-hmac", "generic-oidc", "github", "gitlab", "bitbucket", "harbor", "dockerhub", "quay",
    "gcr", "nexus", "acr", "cdevents",
)  # fmt: skip
HOURLESS, WITH_HOURS = ("90s", "1.5m", "100ms", "1m30s"), ("1h", "1h30m", "0.5h")
NO_DURATION = ("", "1", "1d", "-5m", "5 m", "1us")
OPTIONAL_TEXTS = ("channel", "username", "address")
SOURCE = {"kind": "Bucket", "name": "a"}
OIDC = {
    "issuerURL": "https://issuer.example.com",
    "validations": [{"expression": "true", "message": "no"}],
}


def alert(**spec):
    return (Alert, {"providerRef": {"name": "a"}, "eventSources": [SOURCE]} | spec)


def provider(**spec):
    return (Provider, {"type": "generic"} | spec)


def receiver(**spec):
    return (Receiver, {"type": "generic", "resources": [SOURCE], "secretRef": {"name": "a"}} | spec)


def oidc(**provider):
    return receiver(type="generic-oidc", secretRef=None, oidcProviders=[OIDC | provider])


def of_type(name):
    return oidc() if name == "generic-oidc" else receiver(type=name)


def references(**changes):
    yield alert(eventSources=[SOURCE | changes])
    yield receiver(resources=[SOURCE | changes])


def chain(*parts):
    return list(itertools.chain.from_iterable(parts))


ACCEPTED = chain(
    (provider(type=name) for name in PROVIDERS),
    (of_type(name) for name in RECEIVERS),
    *(references(kind=name) for name in KINDS),
    *(references(name=name) for name in ("*", "n" * 253)),
    references(namespace="n" * 253),
    references(matchLabels={"a": "b"}),
    references(matchLabels={}),
    (alert(eventSeverity=name) for name in ("info", "error")),
    [
        alert(summary="s" * 255),
        alert(inclusionList=["["], exclusionList=["("]),
        alert(eventMetadata={"a": "b"}),
    ],
    (provider(timeout=text) for text in HOURLESS),
    (provider(interval=text) for text in (*HOURLESS, *WITH_HOURS)),
    (receiver(interval=text) for text in (*HOURLESS, *WITH_HOURS)),
    (provider(**{name: "x" * 2048}) for name in OPTIONAL_TEXTS),
    (provider(proxy=f"{scheme}://{'x' * (2048 - len(scheme) - 3)}") for scheme in ("http", "https")),
    (provider(type=name, commitStatusExpr="'a'") for name in sorted(COMMIT_STATUS)),
    [oidc(issuerURL="http://issuer"), oidc(audience="a", variables=[{"name": "a", "expression": "b"}])],
    [receiver(oidcProviders=[]), receiver(events=["push"], resourceFilter="true")],
)
REFUSED = chain(
    [provider(type="fax"), provider(type=""), provider(type=None), receiver(type="svn")],
    *(references(kind=name) for name in ("Deployment", "", "bucket")),
    *(references(name=name) for name in ("", "n" * 254)),
    *(references(namespace=name) for name in ("", "n" * 254)),
    references(matchLabels={"a": 1}),
    (alert(eventSeverity=name) for name in ("trace", "", "Error")),
    [alert(summary="s" * 256), alert(providerRef={}), alert(eventSources=None), alert(suspend="yes")],
    (provider(timeout=text) for text in (*WITH_HOURS, *NO_DURATION)),
    (provider(interval=text) for text in NO_DURATION),
    (receiver(interval=text) for text in NO_DURATION),
    (provider(**{name: "x" * 2049}) for name in OPTIONAL_TEXTS),
    (provider(proxy=text) for text in ("socks5://a", "a", "", "http://" + "x" * 2042)),
    (
        provider(type=name, commitStatusExpr="'a'")
        for name in PROVIDERS
        if name not in {kind.value for kind in COMMIT_STATUS}
    ),
    [oidc(issuerURL="ftp://issuer"), oidc(validations=[]), oidc(validations=None), oidc(issuerURL=None)],
    [oidc(validations=[{"expression": "a"}]), oidc(variables=[{"name": "a"}])],
    [
        receiver(type="generic-oidc", secretRef=None),
        receiver(type="generic-oidc", secretRef=None, oidcProviders=[]),
        receiver(oidcProviders=[OIDC]),
        receiver(type="generic-oidc", oidcProviders=[OIDC]),
        receiver(secretRef=None),
        receiver(type="generic-oidc", secretRef=None, oidcProviders=[OIDC, OIDC]),
    ],
)


def objects(listed):
    for number, (kind, spec) in enumerate(listed):
        yield {
            "apiVersion": kind.api_version(),
            "kind": kind.KIND,
            "metadata": {"name": f"sample-{number}"},
            "spec": {key: value for key, value in spec.items() if value is not None},
        }


def rehearsed(kubectl, namespace, listed):
    """How the server takes objects, which it forgets: numbers of the accepted ones, and its complaints."""
    stream = "".join(f"---\n{json.dumps(obj).decode()}\n" for obj in objects(listed))
    how = ("create", "-n", namespace, "--dry-run=server", "-o", "name", "-f", "-")
    done = kubectl(*how, stdin=stream, check=False)
    return {int(line.rpartition("-")[2]) for line in done.stdout.split()}, done.stderr


@pytest.mark.case("notification-1")
def test_the_server_takes_what_is_specified_and_nothing_else(kubectl, namespace):
    assert {kind.value for kind in ProviderType} == set(PROVIDERS)
    assert {kind.value for kind in ReceiverType} == set(RECEIVERS)
    accepted, complaints = rehearsed(kubectl, namespace, ACCEPTED)
    assert accepted == set(range(len(ACCEPTED))), complaints
    accepted, complaints = rehearsed(kubectl, namespace, REFUSED)
    assert [REFUSED[number] for number in sorted(accepted)] == []
    for text in (
        "generic-oidc receivers must define at least one oidcProvider",
        "oidcProviders can only be set when type is generic-oidc",
        "secretRef cannot be set when type is generic-oidc",
        "secretRef is required when type is not generic-oidc",
        (
            "spec.commitStatusExpr is only supported for the 'github', 'gitlab', 'gitea', 'bitbucketserver', "
            "'bitbucket', 'azuredevops' provider types"
        ),
    ):
        assert text in complaints
    for kind in ("alert", "provider"):
        obj = yaml.load((CASES / kind / "valid" / "defaults.yaml").read_text())["object"]
        assert "status" not in kubectl.dry_run(obj, namespace)[0]
        assert 'unknown field "status"' in kubectl.dry_run(obj | {"status": {"conditions": []}}, namespace)[1]
    obj = yaml.load((CASES / "receiver" / "valid" / "defaults.yaml").read_text())["object"]
    assert kubectl.dry_run(obj, namespace)[0]["status"] == {"observedGeneration": -1}


@pytest.mark.case("notification-2")
def test_the_timeout_of_a_provider_has_no_hours(kubectl, namespace):
    accepted, complaints = rehearsed(kubectl, namespace, [provider(timeout="1h"), provider(timeout="90s")])
    assert accepted == {1}
    assert "spec.timeout" in complaints


@pytest.mark.case("notification-3")
def test_slack_has_no_commit_statuses(kubectl, namespace):
    listed = [provider(type="slack", commitStatusExpr="'a'"), provider(type="github", commitStatusExpr="'a'")]
    accepted, complaints = rehearsed(kubectl, namespace, listed)
    assert accepted == {1}
    assert (
        "spec.commitStatusExpr is only supported for the 'github', 'gitlab', 'gitea', 'bitbucketserver', "
        "'bitbucket', 'azuredevops' provider types"
    ) in complaints
