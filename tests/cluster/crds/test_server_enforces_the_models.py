"""The API server accepts, refuses and completes objects as the models say."""

from pathlib import Path

import pytest

from shared.api.notification_v1 import Receiver
from shared.codegen.crds import KINDS
from shared.lang import json, yaml

CASES = Path(__file__).parents[2] / "data" / "api"


def load(name):
    return yaml.load((CASES / f"{name}.yaml").read_text())


def names(group):
    found = sorted(str(file.relative_to(CASES).with_suffix("")) for file in CASES.glob(f"*/{group}/*.yaml"))
    assert found
    return found


def holds(wanted, found):
    """Whether everything wanted is found; mappings may have more."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(holds(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(holds, wanted, found))
    return wanted == found


def refused(kubectl, namespace, name):
    case = load(name)
    _, refusal = kubectl.dry_run(case["object"], namespace)
    assert case["want"] in refusal


def stored(kubectl, namespace, name):
    case = load(name)
    found, refusal = kubectl.dry_run(case["object"], namespace)
    assert not refusal
    assert holds(case["stored"], found), found
    assert holds(case["object"]["spec"], found["spec"]), "a field was pruned"
    return found


@pytest.mark.parametrize("name", names("invalid"))
def test_refuses(kubectl, namespace, name):
    refused(kubectl, namespace, name)


@pytest.mark.parametrize("name", names("valid"))
def test_stores(kubectl, namespace, name):
    stored(kubectl, namespace, name)


@pytest.mark.case("source-g1")
def test_git_urls_and_durations_are_checked(kubectl, namespace):
    refused(kubectl, namespace, "gitrepository/invalid/scp-form-of-url")
    refused(kubectl, namespace, "gitrepository/invalid/timeout-in-hours")
    stored(kubectl, namespace, "gitrepository/valid/interval-in-hours")


@pytest.mark.case("source-g2")
def test_git_timeout_and_verify_mode_have_defaults(kubectl, namespace):
    assert stored(kubectl, namespace, "gitrepository/valid/defaults")["spec"]["timeout"] == "60s"
    found = stored(kubectl, namespace, "gitrepository/valid/verify-defaults-to-head")
    assert found["spec"]["verify"]["mode"] == "HEAD"


@pytest.mark.case("source-g3")
def test_git_account_needs_a_provider_with_accounts(kubectl, namespace):
    refused(kubectl, namespace, "gitrepository/invalid/account-with-github")
    refused(kubectl, namespace, "gitrepository/invalid/account-without-provider")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_a_new_object_is_unobserved_and_adds_no_defaults_of_ours(kubectl, namespace, kind):
    obj = load(f"{kind.KIND.lower()}/valid/defaults")["object"]
    answer = kubectl("create", "-n", namespace, "-f", "-", "-o", "json", stdin=json.dumps(obj).decode())
    found = json.loads(answer.stdout)
    assert found.get("status") == (dict(getattr(kind, "STATUS_DEFAULT", {})) or None)
    ours = {"timeout", "force", "provider", "version", "reconcileStrategy", "eventSeverity"}
    ours |= {"exclusionList", "digestReflectionPolicy", "update"}
    ours |= {"interval"} if kind is Receiver else set()
    assert set(found["spec"]) - set(obj["spec"]) <= ours


@pytest.mark.parametrize(
    ("short", "header"),
    [
        ("gitrepo", "NAME URL AGE READY STATUS"),
        ("ocirepo", "NAME URL READY STATUS AGE"),
        ("helmrepo", "NAME URL AGE READY STATUS"),
        ("hc", "NAME CHART VERSION SOURCE KIND SOURCE NAME AGE READY STATUS"),
        ("ea", "NAME AGE READY STATUS SOURCE"),
        ("ks", "NAME AGE READY STATUS"),
    ],
)
def test_tables_have_the_columns_in_order(kubectl, namespace, short, header):
    kind = next(kind for kind in KINDS if short in kind.SHORT_NAMES)
    obj = load(f"{kind.KIND.lower()}/valid/defaults")["object"]
    obj["metadata"]["name"] = "table"
    kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(obj).decode())
    assert kubectl("get", "-n", namespace, short).stdout.splitlines()[0].split() == header.split()
