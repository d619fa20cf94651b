"""Builds are kept by what they read, within bounds."""

import random

import pytest

from kustomize_controller.kustomization.cache import BuildCache, content_key, pack, unpack
from kustomize_controller.kustomization.confine import Survey, survey
from kustomize_controller.kustomization.generate import generate
from kustomize_controller.kustomization.request import BuildRequest, Overlay

FILES = {
    "apps/web/kustomization.yaml": "resources: [../../base, d.yaml]\npatches: [{path: p.yaml}]\n",
    "apps/web/d.yaml": "",
    "apps/web/p.yaml": "",
    "apps/web/unread.yaml": "",
    "base/kustomization.yaml": "configMapGenerator: [{name: c, files: [f.txt, k=g.txt], envs: [e.env]}]\n",
    "base/f.txt": "",
    "base/g.txt": "",
    "base/e.env": "",
    "other/x.yaml": "",
}


@pytest.fixture
def tree(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def look(tree):
    root = generate(tree, "apps/web", Overlay())
    return root, survey(tree, root, remote_allowed=False)


def test_a_survey_lists_exactly_what_is_read(tree):
    _, surveyed = look(tree)
    assert surveyed.files == (
        "apps/web/d.yaml",
        "apps/web/p.yaml",
        "base/e.env",
        "base/f.txt",
        "base/g.txt",
        "base/kustomization.yaml",
    )
    assert surveyed.directories == ("apps/web", "base")


@pytest.mark.parametrize(
    ("changed", "differs"), [("base/g.txt", True), ("other/x.yaml", False), ("apps/web/unread.yaml", False)]
)
def test_the_key_follows_what_is_read(tree, changed, differs):
    root, surveyed = look(tree)
    before = content_key(surveyed.digest(tree), root, surveyed)
    (tree / changed).write_text("changed")
    root, surveyed = look(tree)
    assert (content_key(surveyed.digest(tree), root, surveyed) != before) is differs


def test_a_build_with_remote_parts_has_no_key(tree):
    root, surveyed = look(tree)
    remote = Survey(surveyed.files, surveyed.directories, ("https://example.invalid/x",))
    assert content_key("digest", root, remote) is None


def test_results_come_back_unchanged():
    cache, text = BuildCache(), "text ünïcode\n" * 1000
    cache.put("k", pack(text))
    assert unpack(cache.get("k")) == text
    assert cache.get("other") is None
    assert cache.usage.size < 2000
    assert (cache.usage.hits, cache.usage.misses, cache.usage.entries) == (1, 1, 1)


def test_the_longest_unused_result_makes_room():
    noise = random.Random(1)
    texts = {name: noise.randbytes(3000) for name in "abc"}
    cache = BuildCache(capacity=8000)
    cache.put("a", texts["a"])
    cache.put("b", texts["b"])
    assert cache.get("a") == texts["a"]
    cache.put("c", texts["c"])
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (texts["a"], None, texts["c"])
    assert cache.usage.size <= 8000


def test_a_result_that_is_replaced_counts_once():
    cache = BuildCache()
    cache.put("a", b"x" * 100)
    size = cache.usage.size
    cache.put("a", b"x" * 100)
    assert cache.usage.size == size


def test_requests_are_remembered_by_artifact_path_and_overlay():
    cache = BuildCache(names=2)
    request = BuildRequest("app", artifact_digest="sha256:1")
    cache.remember(request, "key")
    assert cache.known(request) == "key"
    assert cache.known(BuildRequest("app", artifact_digest="sha256:2")) is None
    assert cache.known(BuildRequest("web", artifact_digest="sha256:1")) is None
    assert cache.known(BuildRequest("app", Overlay(name_prefix="x"), artifact_digest="sha256:1")) is None
    for number in range(2):
        cache.remember(BuildRequest(f"other{number}", artifact_digest="sha256:1"), "other")
    assert cache.known(request) is None


def test_requests_without_an_artifact_are_not_remembered():
    cache = BuildCache()
    cache.remember(BuildRequest("app"), "key")
    assert cache.known(BuildRequest("app")) is None
