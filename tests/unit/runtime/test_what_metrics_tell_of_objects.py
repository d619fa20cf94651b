"""`gotk_resource_info`: the labels of each kind, and that a series lives as long as its object."""

import pytest

from shared.api.kustomize_v1 import Kustomization
from shared.api.source_v1 import Bucket, GitRepository, HelmChart, HelmRepository
from shared.kube.informer import Informer
from shared.observe.resources import ResourceInfo
from shared.runtime.resource_info import follow, labels_of

COMMON = {"exported_namespace": "ns", "name": "app", "ready": "True", "suspended": "false"}


def obj(spec=None, status=None, version="1", uid="u"):
    metadata = {"name": "app", "namespace": "ns", "resourceVersion": version, "uid": uid}
    ready = {"conditions": [{"type": "Healthy", "status": "False"}, {"type": "Ready", "status": "True"}]}
    return {"metadata": metadata, "spec": spec or {}, "status": ready | (status or {})}


ARTIFACT = {"artifact": {"revision": "main@sha1:a"}}


@pytest.mark.parametrize(
    ("model", "spec", "status", "labels"),
    [
        (
            Kustomization,
            {"sourceRef": {"name": "src"}},
            {"lastAppliedRevision": "main@sha1:a"},
            {"revision": "main@sha1:a", "source_name": "src"},
        ),
        (
            GitRepository,
            {"url": "ssh://git@host/x"},
            ARTIFACT,
            {"revision": "main@sha1:a", "url": "ssh://git@host/x"},
        ),
        (
            Bucket,
            {"endpoint": "host:9000", "bucketName": "b"},
            ARTIFACT,
            {"revision": "main@sha1:a", "endpoint": "host:9000", "bucket_name": "b"},
        ),
        (
            HelmChart,
            {"chart": "web", "version": "1.x"},
            ARTIFACT,
            {"revision": "main@sha1:a", "chart_name": "web", "chart_version": "1.x"},
        ),
    ],
)
def test_labels_of_a_kind(model, spec, status, labels):
    kind = {
        "customresource_group": model.GROUP,
        "customresource_version": "v1",
        "customresource_kind": model.KIND,
    }
    assert labels_of(model, obj(spec, status)) == kind | COMMON | labels


@pytest.mark.parametrize(
    "url",
    ["https://token@host/x", "https://u:token@host/x", "https://host/x?t=token", "https://host/x#token"],
)
def test_an_address_is_shown_without_what_may_be_a_secret(url):
    assert labels_of(HelmRepository, obj({"url": url}))["url"] == "https://host/x"


@pytest.mark.parametrize("url", [None, 1, ["x"], "https://[::1", ""])
def test_fields_that_nobody_validated_do_no_harm(url):
    broken = {"metadata": {"name": "app"}, "spec": {"url": url, "suspend": 1}, "status": {"artifact": "x"}}
    labels = labels_of(HelmRepository, broken)
    assert labels["suspended"] == "false"
    assert "ready" not in labels


def test_what_is_suspended_says_so():
    assert labels_of(Kustomization, obj({"suspend": True}))["suspended"] == "true"


@pytest.fixture
def informer():
    return Informer(None, Kustomization.GROUP, Kustomization.KIND, lambda obj: 0)


def test_a_series_follows_its_object_and_goes_with_it(informer):
    info = ResourceInfo()
    follow(Kustomization, informer, info)
    assert info.text() == b""
    informer.absorb(obj(status={"lastAppliedRevision": "one"}))
    (series,) = [line for line in info.text().splitlines() if not line.startswith(b"#")]
    assert series.startswith(b"gotk_resource_info{")
    assert series.endswith(b"} 1.0")
    assert b'revision="one"' in series
    informer.absorb(obj(status={"lastAppliedRevision": "two"}, version="2"))
    assert b'revision="two"' in info.text()
    assert info.text().count(b"\ngotk_resource_info{") == 1
    informer._tell(informer.store.drop(next(iter(informer.store))))
    assert info.text() == b""


def test_values_are_escaped(informer):
    info = ResourceInfo()
    follow(Kustomization, informer, info)
    informer.absorb(obj({"sourceRef": {"name": 'a"b\\c\nd'}}))
    assert rb'source_name="a\"b\\c\nd"' in info.text()
    assert len(info.text().splitlines()) == 3
