"""What is known of an automation before its remote is asked: its branches, and what is wrong."""

from types import SimpleNamespace

import pytest

from image_controllers.automation.update.plans import InvalidSource, NoPlan, Plans
from shared.api.decode import decode
from shared.api.image_v1 import ImageUpdateAutomation
from shared.git.configured import ConfiguredRemotes, InvalidProvider
from shared.kube.resources import ObjectKey

AUTHOR = {"author": {"email": "bot@example.org"}}


class Secrets:
    def __init__(self, **data):
        self.data = {key: value.encode() for key, value in data.items()}

    async def read(self, namespace, name):
        return None, self.data


def automation(**git):
    spec = {"interval": "1h", "sourceRef": {"kind": "GitRepository", "name": "app"}}
    if git:
        spec["git"] = {"commit": AUTHOR, **git}
    metadata = {"name": "auto", "namespace": "team", "generation": 1}
    obj = {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageUpdateAutomation"}
    return decode(ImageUpdateAutomation, obj | {"metadata": metadata, "spec": spec})


def plans(secrets=None, **source):
    spec = {"interval": "1h", "url": "https://git.example.com/app"} | source
    metadata = {"name": "app", "namespace": "team", "generation": 1}
    obj = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository"}
    known = {ObjectKey("team", "app"): obj | {"metadata": metadata, "spec": spec}} if source else {}
    secrets = secrets or Secrets()
    remotes = ConfiguredRemotes(secrets, None, object_level=False)
    return Plans(SimpleNamespace(store=known), remotes, secrets, cross_namespace=True)


@pytest.mark.parametrize(
    ("ref", "pushed", "switches"),
    [
        ({"branch": "main"}, "main", False),
        ({"branch": "main"}, "auto", True),
        (None, "master", False),
        (None, "main", True),
        ({"tag": "v1"}, "master", True),
        ({"name": "refs/heads/main"}, "main", True),
        ({"branch": "main", "tag": "v1"}, "main", False),
    ],
)
async def test_which_branches_are_others_than_the_one_that_is_checked_out(ref, pushed, switches):
    source = {"ref": ref} if ref else {"suspend": False}
    plan = await plans(**source).of(automation(push={"branch": pushed}))
    assert (plan.branch, plan.switches) == (pushed, switches)


async def test_without_a_branch_to_push_to_there_is_no_plan():
    with pytest.raises(NoPlan, match="push spec not provided"):
        await plans(ref={"tag": "v1"}).of(automation(checkout={"ref": {"tag": "v2"}}))


@pytest.mark.case("image-29")
async def test_without_git_nothing_else_is_looked_at():
    with pytest.raises(InvalidSource, match=r"necessitates field \.spec\.git"):
        await plans().of(automation())


async def test_an_app_that_can_not_be_used_may_be_mended_and_one_that_is_missing_may_not():
    source = {"ref": {"branch": "main"}, "provider": "github", "secretRef": {"name": "app"}}
    with pytest.raises(InvalidProvider, match="github app data must be specified"):
        await plans(**source).of(automation(push={"branch": "main"}))
    broken = Secrets(githubAppID="1", githubAppInstallationID="2", githubAppPrivateKey="no key")
    with pytest.raises(NoPlan, match="githubAppPrivateKey"):
        await plans(broken, **source).of(automation(push={"branch": "main"}))
