"""What an object calls the name of another is never a way to a third; nobody is asked."""

import pytest

from helm_controller.values.composing import ValuesComposer, ValuesFailed
from kustomize_controller.kustomization.variables import Variables
from notification_controller.receivers.known_secrets import KnownSecrets
from notification_controller.receivers.material import NoToken
from notification_controller.receivers.reconciler import ReceiverReconciler
from notification_controller.receivers.resources import NotRequested, Requests
from notification_controller.receivers.stored import StoredReceiver
from shared.api.helm_v2 import ValuesReference
from shared.api.kustomize_v1 import Kustomization
from shared.api.meta import KubeConfigReference
from shared.api.notification_v1 import ReceiverResource
from shared.api.source_v1 import GitRepository
from shared.auth.cloud import User
from shared.auth.cloud.accounts import Account, Accounts
from shared.auth.cloud.asking import CloudError
from shared.auth.stored import Secrets, SecretUnavailable
from shared.kube.client import exists
from shared.kube.errors import UnusableName
from shared.kube.resources import ObjectKey, Resource
from shared.observe.clock import SystemClock
from shared.runtime.cluster_leads import ClusterNotNamed, Leads
from shared.runtime.outcome import Failure
from shared.status.draft import StatusDraft
from source_controller.git_repository.included import Includes, NotAvailable

WAYS_OUT = ["", ".", "..", "../../flux-system/secrets/git", "a/../../../flux-system/secrets/git", "..%2fgit"]
#: An empty name is refused by the schemas of most.
WRITABLE = WAYS_OUT[1:]
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
METADATA = {"name": "app", "namespace": "ns", "generation": 1}


@pytest.fixture(params=WAYS_OUT, ids=lambda name: name or "empty")
def name(request):
    return request.param


@pytest.fixture(autouse=True)
def nobody_is_asked(api):
    yield
    assert api.requests == []


@pytest.mark.parametrize("metadata", [None, {}, {"name": ""}, {"name": 5}, {"name": ".."}])
async def test_of_an_object_that_is_written(client, metadata):
    obj = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    for write in (client.apply, client.replace):
        with pytest.raises(UnusableName, match="no ServiceAccount can be named"):
            await write(ACCOUNTS, obj, manager="test")


async def test_of_the_secret_of_a_provider_or_of_a_source(client, name):
    for read in (Secrets(client).read, Secrets(client).proxy, Secrets(client).tls):
        with pytest.raises(SecretUnavailable) as told:
            await read("ns", name)
        assert f"secret 'ns/{name}': no Secret can be named '{name}'" in str(told.value)


async def test_of_an_account_whose_token_is_wanted(client, name):
    accounts = Accounts(client)
    with pytest.raises(CloudError, match=r"failed to get service account .*no ServiceAccount can be named"):
        await accounts.read("ns", name)
    with pytest.raises(
        CloudError, match=r"failed to create kubernetes token .*no ServiceAccount can be named"
    ):
        await accounts.token(Account("ns", name, {}), "audience")
    with pytest.raises(SecretUnavailable, match="no ServiceAccount can be named"):
        await Secrets(client).pull_secrets("ns", name)


async def test_of_an_account_that_need_not_be_there(client, name):
    assert not await exists(client, ACCOUNTS, "ns", name)


async def test_of_the_secret_of_a_receiver(client, name):
    class Turn:
        draft = StatusDraft({"metadata": METADATA, "status": {"webhookPath": "/hook/old"}})

        def __init__(self):
            self.events = []

        def event(self, severity, reason, message):
            self.events.append(message)

    turn = Turn()
    receiver = StoredReceiver.model_validate(
        {
            "metadata": METADATA,
            "spec": {
                "type": "github",
                "secretRef": {"name": name},
                "resources": [{"kind": "Bucket", "name": "b"}],
            },
        }
    )
    with pytest.raises(Failure) as failed:
        await ReceiverReconciler(client).reconcile(receiver, turn)
    assert failed.value.reason == "TokenNotFound"
    assert f"no Secret can be named '{name}'" in failed.value.message
    assert turn.events == [failed.value.message]
    held = await KnownSecrets(client, None, SystemClock()).read(ObjectKey("ns", name))
    with pytest.raises(NoToken, match="no Secret can be named"):
        _ = held.usable


class Discovery:
    async def find(self, group, kind, version):
        return Resource(group, version, f"{kind.lower()}s", kind)


@pytest.mark.parametrize("options", [{}, {"matchLabels": {"a": "b"}}], ids=["one", "all"])
@pytest.mark.parametrize("cross_namespace", [True, False])
@pytest.mark.parametrize("name", WRITABLE)
async def test_of_what_a_receiver_asks_for(client, name, options, cross_namespace):
    client.discovery = Discovery()
    requests = Requests(client, SystemClock(), manager="test", cross_namespace=cross_namespace)
    for namespace, called in (("ns", name), (name, "*" if options else "b")):
        entry = {"kind": "Bucket", "name": called, "namespace": namespace} | options
        with pytest.raises(NotRequested, match=r"can be named|is in another namespace"):
            await requests.make(ObjectKey("ns", "hook"), ReceiverResource.model_validate(entry), (), {})


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("name", WRITABLE)
async def test_of_variables_and_values_although_they_are_optional(client, name, kind, optional):
    reference = {"kind": kind, "name": name, "optional": optional}
    obj = Kustomization.model_validate(
        {
            "metadata": METADATA,
            "spec": {
                "interval": "1h",
                "prune": True,
                "sourceRef": {"kind": "GitRepository", "name": "app"},
                "postBuild": {"substituteFrom": [reference]},
            },
        }
    )
    with pytest.raises(Failure) as failed:
        await Variables(client).load(obj)
    assert f"substitute from '{kind}/{name}' error: no {kind} can be named" in failed.value.message
    with pytest.raises(ValuesFailed, match=f"no {kind} can be named"):
        await ValuesComposer(client).compose("ns", [ValuesReference.model_validate(reference)], None)


async def test_of_what_leads_to_another_cluster(client, name):
    leads = Leads(client, None, None, SystemClock())
    for field in ("secretRef", "configMapRef"):
        reference = KubeConfigReference.model_validate({field: {"name": name}})
        with pytest.raises(ClusterNotNamed, match=r"can be named"):
            await leads.read(reference, User("Kustomization", "ns", "app", "reconcile"))


async def test_of_an_included_repository(client, name):
    obj = GitRepository.model_validate(
        {
            "metadata": METADATA,
            "spec": {"interval": "1h", "url": "https://x", "include": [{"repository": {"name": name}}]},
        }
    )
    with pytest.raises(
        NotAvailable, match=r"could not get resource for include .*no GitRepository can be named"
    ):
        await Includes(client).resolve(obj)
