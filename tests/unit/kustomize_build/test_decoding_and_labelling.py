"""Built text becomes objects, which carry their owner and no ciphertext."""

import pytest

from kustomize_controller.kustomization.decode import objects
from kustomize_controller.kustomization.metadata import EncryptedSecret, decorate, own, refuse_encrypted
from kustomize_controller.kustomization.request import BuildFailed

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n"


def labelled(**metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", **metadata}}


def secret(**fields):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "ns"}, **fields}


def test_lists_are_flattened_and_empty_documents_dropped():
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: in-list}\n"
    )
    found = objects([CONFIG % "a", "# nothing\n", "{}\n", text])
    assert [item["metadata"]["name"] for item in found] == ["a", "in-list"]


def test_kustomizations_of_kustomize_are_dropped():
    text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: k}\n"
    flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: k}\n"
    assert [item["apiVersion"] for item in objects([text, flux])] == ["kustomize.toolkit.fluxcd.io/v1"]


@pytest.mark.parametrize(
    "text",
    [
        "kind: X\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: X\n",
        "apiVersion: v1\nmetadata: {name: a}\n",
        "- a",
    ],
)
def test_what_is_no_object_fails_without_its_content(text):
    with pytest.raises(
        BuildFailed, match="failed to decode Kubernetes apiVersion, kind and name from"
    ) as failed:
        objects([text + "\nsecret: s3cret\n" if ":" in text else text])
    assert "s3cret" not in str(failed.value)


def test_owner_labels_join_the_others():
    objects_ = [labelled(labels={"mine": "1"}), labelled(), labelled(labels=None)]
    own(objects_, "app", "team")
    owner = {"kustomize.toolkit.fluxcd.io/name": "app", "kustomize.toolkit.fluxcd.io/namespace": "team"}
    assert [item["metadata"]["labels"] for item in objects_] == [{"mine": "1", **owner}, owner, owner]


def test_common_metadata_wins_over_all():
    manifest = labelled(labels={"a": "old", "b": "kept"})
    decorate([manifest], {"a": "new"}, {"note": "x"})
    assert manifest["metadata"] == {
        "name": "a",
        "labels": {"a": "new", "b": "kept"},
        "annotations": {"note": "x"},
    }


def test_nothing_is_added_for_empty_common_metadata():
    manifest = labelled()
    decorate([manifest], {}, {})
    assert manifest["metadata"] == {"name": "a"}


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_an_encrypted_secret_is_refused_and_named(field):
    with pytest.raises(EncryptedSecret) as refused:
        refuse_encrypted([labelled(), secret(**{field: {"k": "ENC[x]"}, "sops": {"mac": "x"}})])
    assert str(refused.value) == (
        "Secret/ns/s is SOPS encrypted, configuring decryption is required for this secret to be reconciled"
    )


def test_ciphertext_is_applied_where_asked_for():
    manifest = secret(sops={"mac": "x"})
    manifest["metadata"]["annotations"] = {"kustomize.toolkit.fluxcd.io/decrypt": "Disabled"}
    refuse_encrypted([manifest, secret(), labelled(), {**labelled(), "sops": {}}])
