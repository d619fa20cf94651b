"""The Receivers of the guide, with payloads like those of the hosts and objects that they are about."""

import json
import re
from pathlib import Path

import pytest
import yaml

from notification_controller.receivers.blueprint import Blueprint
from notification_controller.receivers.checks import read
from notification_controller.receivers.filters import accepts
from notification_controller.receivers.stored import StoredReceiver
from notification_controller.receivers.webhook import Webhook
from shared.api.decode import decode
from shared.api.notification_v1 import Receiver
from shared.lang.gojson import with_doubles

GUIDE = (Path(__file__).parents[3] / "docs/guides/webhooks.md").read_text("utf-8")
RECEIVERS = {
    obj["metadata"]["name"]: obj
    for block in re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    for obj in yaml.safe_load_all(block)
    if obj["kind"] == "Receiver"
}
NOTED = {"hooks.example.com/repository": "example/app", "hooks.example.com/path": "apps/shop"}


def push(ref="refs/heads/main", repository="example/app", files=("README.md",)):
    commit = {"added": [], "modified": list(files), "removed": []}
    named = {"full_name": repository, "default_branch": "main"}
    return {"ref": ref, "repository": named, "commits": [commit]}


def gitlab(kind, ref):
    return {"object_kind": kind, "ref": ref}


def harbor(tag="main-1", kind="PUSH_ARTIFACT", repository="fleet/apps"):
    event = {"resources": [{"tag": tag}], "repository": {"repo_full_name": repository}}
    return {"type": kind, "event_data": event}


def hub(tag, repository="fleet/apps"):
    return {"push_data": {"tag": tag}, "repository": {"repo_name": repository}}


def artifact(purl):
    return {"subject": {"id": purl}}


#: Receiver, number of its entry, what comes in, annotations of the object, and whether it is asked for.
CASES = [
    ("pipeline", 0, {"tag": "1.4.2"}, {}, True),
    ("fleet", 0, push(), {}, True),
    ("fleet", 0, push("refs/heads/dev"), {}, False),
    ("fleet", 0, push("refs/tags/main"), {}, False),
    ("fleet", 0, {"zen": "Keep it logically awesome.", "hook_id": 1}, {}, True),
    ("organization", 0, push(), NOTED, True),
    ("organization", 0, push(), {}, False),
    ("organization", 0, push(), {"other": "x"}, False),
    ("organization", 0, push(repository="example/other"), NOTED, False),
    ("organization", 0, push("refs/heads/dev"), NOTED, False),
    ("monorepo", 0, push(files=("docs/a.md", "apps/shop/values.yaml")), NOTED, True),
    ("monorepo", 0, push(files=("apps/shopping/values.yaml",)), NOTED, False),
    ("monorepo", 0, push(files=()), NOTED, False),
    ("monorepo", 0, push(files=("apps/shop/values.yaml",)), {}, False),
    ("gitlab", 0, gitlab("tag_push", "refs/tags/v1.2.0"), {}, True),
    ("gitlab", 0, gitlab("tag_push", "refs/tags/nightly"), {}, False),
    ("gitlab", 0, gitlab("push", "refs/heads/main"), {}, False),
    ("gitlab", 1, gitlab("push", "refs/heads/main"), {}, True),
    ("gitlab", 1, gitlab("push", "refs/heads/dev"), {}, False),
    ("gitlab", 1, gitlab("tag_push", "refs/tags/v1.2.0"), {}, False),
    ("harbor", 0, harbor(), {}, True),
    ("harbor", 0, harbor(tag="dev-1"), {}, False),
    ("harbor", 0, harbor(kind="DELETE_ARTIFACT"), {}, False),
    ("harbor", 0, harbor(repository="fleet/other"), {}, False),
    ("dockerhub", 0, hub("latest"), {}, True),
    ("dockerhub", 0, hub("1.0"), {}, False),
    ("dockerhub", 0, hub("latest", "fleet/other"), {}, False),
    ("quay", 0, {"updated_tags": ["1.0", "latest"]}, {}, True),
    ("quay", 0, {"updated_tags": ["1.0"]}, {}, False),
    ("azure", 0, {"action": "push", "target": {"repository": "fleet/apps", "tag": "1"}}, {}, True),
    ("azure", 0, {"action": "delete", "target": {"repository": "fleet/apps", "tag": "1"}}, {}, False),
    ("google", 0, {"action": "INSERT", "digest": "", "tag": "europe.example/fleet/apps:latest"}, {}, True),
    ("google", 0, {"action": "INSERT", "digest": "x", "tag": ""}, {}, False),
    ("release", 0, {"name": "object"}, {}, True),
    ("release", 0, {"name": "other"}, {}, False),
    ("release", 0, {}, {}, False),
    ("cdevents", 0, artifact("pkg:oci/apps@sha256:1"), {}, True),
    ("cdevents", 0, artifact("pkg:oci/other@sha256:1"), {}, False),
]


def blueprint(name):
    return Blueprint.of(decode(StoredReceiver, RECEIVERS[name]))


@pytest.mark.parametrize(("name", "entry", "payload", "annotations", "asked"), CASES)
def test_an_example_chooses(name, entry, payload, annotations, asked):
    made = blueprint(name)
    metadata = {"name": "object", "annotations": annotations} if annotations else {"name": "object"}
    res = {"apiVersion": "v1", "kind": made.spec.resources[entry].kind, "metadata": metadata}
    given = {"req": with_doubles(json.loads(json.dumps(payload))), "claims": {}}
    assert accepts(made.filters.of(entry), given, res) is asked


@pytest.mark.parametrize("name", sorted(RECEIVERS))
def test_every_example_is_right_and_is_tried(name):
    decode(Receiver, RECEIVERS[name])
    assert {asked for receiver, _, _, _, asked in CASES if receiver == name} >= {True}
    if blueprint(name).filters:
        assert {asked for receiver, _, _, _, asked in CASES if receiver == name} == {True, False}


@pytest.mark.parametrize(
    ("name", "header", "event"),
    [
        ("fleet", "X-GitHub-Event", "ping"),
        ("fleet", "X-GitHub-Event", "push"),
        ("gitlab", "X-Gitlab-Event", "Tag Push Hook"),
    ],
)
def test_the_events_of_the_examples_are_those_of_the_hosts(name, header, event):
    spec = blueprint(name).spec
    read(spec.type, Webhook({header: event, "Content-Type": "application/json"}, b"{}"), spec.events)


def test_the_issuer_of_the_example_lets_in_one_branch_of_one_repository():
    (issuer,) = blueprint("release").issuers
    good = {"repository_owner": "example", "repository": "example/fleet", "ref": "refs/heads/main"}
    issuer.conditions.check(dict(good))
    for change in ({"ref": "refs/pull/1/merge"}, {"repository": "example/other"}):
        with pytest.raises(Exception, match="token validation failed: only "):
            issuer.conditions.check(good | change)
