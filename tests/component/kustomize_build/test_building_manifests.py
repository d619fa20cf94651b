"""What comes out of a tree, built by the real program."""

import hashlib
import shutil

import pytest

from kustomize_controller.kustomization.build import BuildSettings
from kustomize_controller.kustomization.builder import ManifestBuilder
from kustomize_controller.kustomization.cache import BuildCache
from kustomize_controller.kustomization.request import (
    BuildFailed,
    BuildRequest,
    ImageOverride,
    Overlay,
    Substitution,
)

HEADER = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"


def config(name, **data):
    lines = "".join(f'  {key}: "{value}"\n' for key, value in data.items())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n{lines or '  k: v'}\n"


def deployment(image):
    return f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: {image}
"""


def names(built):
    return [f"{o['kind']}/{o['metadata']['name']}" for o in built.objects]


def image_of(built):
    return built.objects[0]["spec"]["template"]["spec"]["containers"][0]["image"]


def snapshot(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


async def test_builds_what_a_kustomization_lists(builder, tree):
    root = tree(
        {"app/kustomization.yaml": HEADER + "resources: [a.yaml]\n", "app/a.yaml": config("a", x="1")}
    )
    built = await builder.build(root, BuildRequest(path="./app"))
    assert built.objects == [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}}
    ]
    text = 'apiVersion: v1\ndata:\n  x: "1"\nkind: ConfigMap\nmetadata:\n  name: a\n'
    assert built.digest == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


async def test_never_writes_into_the_tree(builder, tree):
    root = tree({"app/a.yaml": config("a"), "other/b.yaml": config("b")})
    before = snapshot(root)
    await builder.build(root, BuildRequest(path="app", overlay=Overlay(name_prefix="x-")))
    assert snapshot(root) == before


async def test_leaves_nothing_in_its_scratch(builder, tree, tmp_path):
    root = tree({"app/a.yaml": config("a")})
    await builder.build(root, BuildRequest(path="app"))
    with pytest.raises(BuildFailed):
        await builder.build(
            tree({"bad/kustomization.yaml": "resources: [no.yaml]"}), BuildRequest(path="bad")
        )
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.case("kustomize-9")
async def test_a_nested_kustomization_is_one_resource_of_plain_manifests(builder, tree):
    root = tree(
        {
            "a.yaml": config("a"),
            "nested/kustomization.yaml": HEADER + "namePrefix: n-\nresources: [b.yaml]\n",
            "nested/b.yaml": config("b"),
            "nested/unlisted.yaml": config("unlisted"),
            "plain/c.yml": config("c"),
            "readme.md": "not a manifest",
        }
    )
    assert names(await builder.build(root, BuildRequest())) == ["ConfigMap/a", "ConfigMap/n-b", "ConfigMap/c"]


@pytest.mark.case("kustomize-10")
async def test_a_file_that_is_no_manifest_fails_by_name(builder, tree):
    root = tree({"app/a.yaml": config("a"), "app/.sops.yaml": "creation_rules:\n- age: abc\n"})
    with pytest.raises(BuildFailed, match=r"failed to decode Kubernetes YAML from app/\.sops\.yaml: .*kind"):
        await builder.build(root, BuildRequest(path="app"))


async def test_an_empty_directory_builds_nothing(builder, tree):
    root = tree({"app/readme.md": "nothing here"})
    built = await builder.build(root, BuildRequest(path="app"))
    assert built.objects == []
    assert built.digest == f"sha256:{hashlib.sha256(b'').hexdigest()}"


async def test_a_generator_alone_leaves_the_origin(builder, tree):
    text = HEADER + "configMapGenerator:\n- name: c\n  literals: [a=b]\n"
    built = await builder.build(tree({"app/kustomization.yaml": text}), BuildRequest(path="app"))
    assert "config.kubernetes.io/origin" in built.objects[0]["metadata"]["annotations"]


async def test_unknown_fields_are_dropped_in_the_root_and_refused_below(builder, tree):
    root = tree(
        {
            "kustomization.yaml": HEADER + "Resources: [a.yaml]\nunknownField: 1\n",
            "a.yaml": config("a"),
            "over/kustomization.yaml": HEADER + "resources: [../strict]\n",
            "strict/kustomization.yaml": HEADER + "resources: []\nunknownField: 1\n",
        }
    )
    assert names(await builder.build(root, BuildRequest())) == ["ConfigMap/a"]
    with pytest.raises(BuildFailed, match="unknownField"):
        await builder.build(root, BuildRequest(path="over"))


async def test_lays_the_spec_over_the_file(builder, tree):
    root = tree({"app/kustomization.yml": HEADER + "resources: [a.yaml]\n", "app/a.yaml": config("a")})
    patch = "- op: add\n  path: /data/added\n  value: yes-it-is\n"
    overlay = Overlay(
        target_namespace="tenant",
        name_prefix="p-",
        name_suffix="-s",
        patches=({"patch": patch, "target": {"kind": "ConfigMap"}},),
    )
    built = await builder.build(root, BuildRequest(path="app", overlay=overlay))
    assert built.objects[0]["metadata"] == {"name": "p-a-s", "namespace": "tenant"}
    assert built.objects[0]["data"]["added"] == "yes-it-is"


@pytest.mark.case("kustomize-13")
async def test_an_image_of_the_spec_keeps_the_tag_of_the_file(builder, tree):
    text = HEADER + "resources: [d.yaml]\nimages:\n- name: a\n  newTag: v1\n"
    root = tree({"kustomization.yaml": text, "d.yaml": deployment("a")})
    overlay = Overlay(images=(ImageOverride("a", new_name="b"),))
    assert image_of(await builder.build(root, BuildRequest(overlay=overlay))) == "b:v1"


@pytest.mark.case("kustomize-14")
async def test_a_tag_of_the_spec_replaces_the_digest_of_the_file(builder, tree):
    digest = "sha256:" + "0" * 64
    text = HEADER + f"resources: [d.yaml]\nimages:\n- name: a\n  digest: {digest}\n"
    root = tree({"kustomization.yaml": text, "d.yaml": deployment("a")})
    overlay = Overlay(images=(ImageOverride("a", new_tag="v2"),))
    assert image_of(await builder.build(root, BuildRequest(overlay=overlay))) == "a:v2"


async def test_tag_and_digest_together_are_both_kept(builder, tree):
    digest = "sha256:" + "0" * 64
    root = tree({"kustomization.yaml": HEADER + "resources: [d.yaml]\n", "d.yaml": deployment("a")})
    overlay = Overlay(images=(ImageOverride("a", new_tag="v2", digest=digest),))
    assert image_of(await builder.build(root, BuildRequest(overlay=overlay))) == f"a:v2@{digest}"


@pytest.mark.case("kustomize-15")
async def test_missing_components_fail_unless_they_may_be_missing(builder, tree):
    root = tree(
        {
            "app/kustomization.yaml": HEADER + "resources: [a.yaml]\n",
            "app/a.yaml": config("a"),
            "common/kustomization.yaml": COMPONENT + "nameSuffix: -c\n",
        }
    )
    components = ("../missing", "../common")
    lenient = Overlay(components=components, ignore_missing_components=True)
    assert names(await builder.build(root, BuildRequest("app", lenient))) == ["ConfigMap/a-c"]
    with pytest.raises(BuildFailed, match="missing"):
        await builder.build(root, BuildRequest("app", Overlay(components=components)))


async def test_files_beside_the_path_are_in_reach(builder, tree):
    root = tree(
        {
            "apps/web/kustomization.yaml": HEADER
            + "resources: [../../base, ../shared.yaml]\n"
            + "patches:\n- path: ../../patches/p.yaml\n"
            + "configMapGenerator:\n- name: g\n"
            + "  files: [key=../../files/f.txt]\n  envs: [../../files/e.env]\n"
            + "generatorOptions: {disableNameSuffixHash: true}\n",
            "apps/shared.yaml": config("shared"),
            "base/Kustomization": HEADER + "resources: [b.yaml]\n",
            "base/b.yaml": config("b", x="1"),
            "patches/p.yaml": config("b", patched="1"),
            "files/f.txt": "content",
            "files/e.env": "ENV=value\n",
        }
    )
    built = await builder.build(root, BuildRequest(path="apps/web"))
    assert names(built) == ["ConfigMap/b", "ConfigMap/shared", "ConfigMap/g"]
    assert built.objects[0]["data"] == {"x": "1", "patched": "1"}
    assert built.objects[2]["data"] == {"key": "content", "ENV": "value"}


async def test_builtin_plugins_work_inline_and_from_files(builder, tree):
    transformer = """apiVersion: builtin
kind: PrefixTransformer
metadata: {name: %s}
prefix: %s-
fieldSpecs:
- path: metadata/name
"""
    inline = "\n".join("  " + line for line in (transformer % ("inline", "inline")).splitlines())
    root = tree(
        {
            "kustomization.yaml": HEADER
            + f"resources: [a.yaml]\ntransformers:\n- t.yaml\n- dir\n- |\n{inline}\n",
            "a.yaml": config("a"),
            "t.yaml": transformer % ("file", "file"),
            "dir/kustomization.yaml": HEADER + "resources: [d.yaml]\n",
            "dir/d.yaml": transformer % ("dir", "dir"),
        }
    )
    (name,) = names(await builder.build(root, BuildRequest()))
    assert all(part in name for part in ("file-", "dir-", "inline-"))


async def test_plugins_that_a_directory_builds_find_files_where_they_are_used(builder, tree):
    root = tree(
        {
            "app/kustomization.yaml": HEADER + "resources: [a.yaml]\ntransformers: [../plugins]\n",
            "app/a.yaml": config("a", x="1"),
            "app/p.yaml": config("a", y="2"),
            "plugins/kustomization.yaml": HEADER + "resources: [t.yaml]\n",
            "plugins/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\n"
            "metadata: {name: p}\npath: p.yaml\n",
        }
    )
    built = await builder.build(root, BuildRequest(path="app"))
    assert built.objects[0]["data"] == {"x": "1", "y": "2"}


async def test_replacements_and_patches_of_plugins_find_their_files(builder, tree):
    root = tree(
        {
            "kustomization.yaml": HEADER
            + "resources: [a.yaml]\nreplacements:\n- path: r.yaml\ntransformers: [t.yaml]\n",
            "a.yaml": config("a", x="1"),
            "r.yaml": "source: {kind: ConfigMap, name: a, fieldPath: metadata.name}\n"
            "targets:\n- select: {kind: ConfigMap}\n  fieldPaths: [data.x]\n",
            "t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\npath: p/p.yaml\n",
            "p/p.yaml": config("a", y="2"),
        }
    )
    built = await builder.build(root, BuildRequest())
    assert built.objects[0]["data"] == {"x": "a", "y": "2"}


async def test_local_config_is_dropped_and_order_is_that_of_the_input(builder, tree):
    mark = "metadata:\n  annotations: {config.kubernetes.io/local-config: 'true'}"
    local = config("local").replace("metadata:", mark)
    root = tree(
        {
            "kustomization.yaml": HEADER + "resources: [z.yaml, local.yaml, a.yaml]\n",
            "z.yaml": config("z"),
            "a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
            "local.yaml": local,
        }
    )
    assert names(await builder.build(root, BuildRequest())) == ["ConfigMap/z", "Namespace/a"]


async def test_a_manifest_without_api_version_fails_and_shows_no_content(builder, tree):
    root = tree({"a.yaml": config("a", x="content").replace("apiVersion: v1\n", "")})
    with pytest.raises(
        BuildFailed, match="failed to decode Kubernetes apiVersion, kind and name from"
    ) as failed:
        await builder.build(root, BuildRequest())
    assert "content" not in str(failed.value)


async def test_messages_have_paths_as_in_the_artifact(builder, tree, tmp_path):
    root = tree({"app/kustomization.yaml": HEADER + "resources: [missing.yaml]\n"})
    with pytest.raises(BuildFailed, match=r"kustomize build failed: .*app/missing\.yaml") as failed:
        await builder.build(root, BuildRequest(path="app"))
    assert str(tmp_path) not in str(failed.value)
    assert "--reorder" not in str(failed.value)


async def test_a_missing_path_is_said_so(builder, tree):
    with pytest.raises(BuildFailed, match=r"kustomization path not found: .*'nowhere'"):
        await builder.build(tree({"a.yaml": config("a")}), BuildRequest(path="./nowhere"))


async def test_expands_variables_over_the_whole_build(builder, tree):
    root = tree({"a.yaml": config("a", x="${who}"), "b.yaml": config("b", x="plain")})
    built = await builder.build(root, BuildRequest(substitution=Substitution({"who": "me"})))
    assert [o["data"]["x"] for o in built.objects] == ["me", "plain"]


async def test_an_unchanged_artifact_needs_no_tree(builder, tree):
    root = tree({"app/a.yaml": config("a", x="${v}")})
    first = BuildRequest(path="app", artifact_digest="sha256:1", substitution=Substitution({"v": "1"}))
    assert await builder.rebuild(first) is None
    await builder.build(root, first)
    shutil.rmtree(root)
    second = BuildRequest(path="app", artifact_digest="sha256:1", substitution=Substitution({"v": "b"}))
    again = await builder.rebuild(second)
    assert again.objects[0]["data"]["x"] == "b"
    assert await builder.rebuild(BuildRequest(path="app", artifact_digest="sha256:2")) is None


async def test_a_commit_elsewhere_needs_no_new_build(kustomize, tree, tmp_path):
    cache = BuildCache()
    builder = ManifestBuilder(BuildSettings(kustomize, tmp_path / "scratch"), cache)
    files = {"apps/web/a.yaml": config("a"), "apps/api/b.yaml": config("b")}
    first = await builder.build(tree(files), BuildRequest("apps/web", artifact_digest="sha256:1"))
    changed = tree({"apps/api/b.yaml": config("b", changed="1"), "new.yaml": config("new")})
    second = await builder.build(changed, BuildRequest("apps/web", artifact_digest="sha256:2"))
    assert second == first
    assert (cache.usage.hits, cache.usage.entries) == (1, 1)
    other = await builder.build(tree({"apps/web/a.yaml": config("z")}), BuildRequest("apps/web"))
    assert names(other) == ["ConfigMap/z"]
