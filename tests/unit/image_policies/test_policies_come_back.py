"""Policies come back when the tags of their repository change, or return after they were lost."""

import pytest

from image_controllers.reflector.image_policy.triggers import (
    PolicyHeader,
    RepositoryHeader,
    RepositoryTrigger,
)
from image_controllers.reflector.image_repository.scanning import Scanner, adler
from image_controllers.reflector.tags import Tags
from shared.api.decode import decode
from shared.api.image_v1 import ImageRepository
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.observe.clock import SystemClock

GROUP = "image.toolkit.fluxcd.io"


class Policies:
    """The controller of policies, as far as others ask it for turns."""

    def __init__(self):
        self.informer = Informer(None, GROUP, "ImagePolicy", PolicyHeader.of)
        self.asked = []

    def trigger(self, key, by):
        self.asked.append((str(key), by))

    def put(self, name, repository, ready=""):
        conditions = [{"type": "Ready", "status": ready}] if ready else []
        spec = {"imageRepositoryRef": {"name": repository}}
        self.informer.absorb(obj(name, spec, {"conditions": conditions}))


def obj(name, spec, status, version="1"):
    metadata = {"namespace": "ns", "name": name, "uid": name, "resourceVersion": version}
    return {"metadata": metadata, "spec": spec, "status": status}


@pytest.fixture
def policies():
    return Policies()


@pytest.fixture
def repositories():
    return Informer(None, GROUP, "ImageRepository", RepositoryHeader.of)


@pytest.fixture
def trigger(policies, repositories):
    return RepositoryTrigger(policies, repositories)


def test_policies_that_wait_come_back_with_the_tags(trigger, policies):
    policies.put("ready", "app", "True")
    policies.put("waits", "app", "False")
    policies.put("new", "app")
    policies.put("other", "other", "False")
    trigger.wake(ObjectKey("ns", "app"))
    assert sorted(policies.asked) == [
        ("ns/new", "ImageRepository/ns/app"),
        ("ns/waits", "ImageRepository/ns/app"),
    ]
    trigger.wake(ObjectKey("ns", "nobody"))
    assert len(policies.asked) == 2


def test_all_come_back_with_other_tags(trigger, policies, repositories):
    policies.put("ready", "app", "True")
    for version, revision in enumerate(("", "a", "a", "b"), 1):
        status = {"lastScanResult": {"revision": revision}} if revision else {}
        repositories.absorb(obj("app", {}, status, str(version)))
    assert len(policies.asked) == 3


def test_all_come_back_once_another_image_was_scanned(trigger, policies, repositories):
    """Its tags may be the same; until they are known there is nothing to choose from."""
    policies.put("ready", "app", "True")
    seen = []
    for version, (image, scanned) in enumerate(
        [
            ("alpine", None),
            ("alpine", "index.docker.io/library/alpine"),
            ("mirror.example/alpine", "index.docker.io/library/alpine"),
            ("mirror.example/alpine", "mirror.example/alpine"),
            ("mirror.example/alpine", "mirror.example/alpine"),
            ("https://x", "mirror.example/alpine"),
            ("docker.io/alpine", "index.docker.io/library/alpine"),
            ("alpine", "index.docker.io/library/alpine"),
        ],
        1,
    ):
        status = {"canonicalImageName": scanned, "lastScanResult": {"revision": "a"}}
        repositories.absorb(obj("app", {"image": image}, status, str(version)))
        seen.append(len(policies.asked))
    assert seen == [1, 2, 2, 3, 3, 3, 4, 5]


class Found:
    """A registry with these tags."""

    def __init__(self, *tags):
        self.found = tags

    async def tags(self, most):
        del most
        return list(self.found)


async def test_only_a_scan_that_brings_the_same_tags_back_is_told_of(tmp_path):
    returned = []
    tags = Tags(tmp_path, 0)
    scanner = Scanner(tags, adler, 10, 0.0)
    scanner.on_return(returned.append)

    async def scan(known, *found):
        last = {"revision": known, "tagCount": 1} if known else None
        spec = {"image": "org/app", "interval": "1h"}
        raw = obj("app", spec, {"lastScanResult": last} if last else {})
        return (await scanner.scan(decode(ImageRepository, raw), Found(*found), SystemClock().now)).revision

    first = await scan("", "a")
    await scan(first, "a")
    assert returned == []
    await tags.remove(ObjectKey("ns", "app"))
    await scan(first, "a", "b")
    assert returned == []
    await tags.remove(ObjectKey("ns", "app"))
    await scan(first, "a")
    assert returned == [ObjectKey("ns", "app")]
    await scan(await scan(first))
    assert len(returned) == 1
