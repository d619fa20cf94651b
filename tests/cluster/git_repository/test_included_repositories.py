"""Artifacts of other repositories become part of one's own, and are news when they change."""

import asyncio
import hashlib
import io
import tarfile
from datetime import timedelta

import aiohttp
import pytest

from shared.api.source_v1 import GROUP
from shared.auth import Secrets
from shared.auth.cloud import Clouds
from shared.events import Recorder
from shared.git import GitClient
from shared.git.configured import ConfiguredRemotes
from shared.kube.informer import Informer
from shared.observe import metrics
from shared.observe.clock import SystemClock
from shared.runtime.controller import Controller, Policy
from shared.testing.git_upstream import Upstream
from source_controller.artifacts import Shelf
from source_controller.git_repository.included import GitRepositoryHeader, Includes, IncludeTrigger
from source_controller.git_repository.publisher import Publisher
from source_controller.git_repository.reconciler import GitRepositoryReconciler
from source_controller.git_repository.remotes import Remotes
from source_controller.git_repository.verification import Verifier
from source_controller.storage import Storage

FILES = {"app.yaml": "a: 1\n"}
BASE = {"deploy/base.yaml": "b: 1\n", "deploy/run": "x", "docs/read.md": "x"}


def condition(obj, type_):
    found = [each for each in obj["status"]["conditions"] if each["type"] == type_]
    return found[0] if found else None


def include(name, from_path=None, to_path=None):
    paths = {"fromPath": from_path, "toPath": to_path}
    return {"repository": {"name": name}} | {key: path for key, path in paths.items() if path is not None}


@pytest.fixture
async def base(source, tmp_path):
    """Another repository, and a ready GitRepository `base` of it."""
    upstream = Upstream(tmp_path, "base.git")
    upstream.commit(BASE, executable=["deploy/run"])
    await source.repository("base", url=source.server.url(upstream.path))
    await source.ready("base")
    return upstream


@pytest.mark.case("source-g32")
async def test_an_include_that_is_not_there_is_waited_for(source):
    source.upstream.commit(FILES)
    await source.repository(include=[include("nobody")])
    obj = await source.fails("NotFound", "could not get resource for include 'nobody'")
    missing = condition(obj, "IncludeUnavailable")
    assert (missing["status"], missing["reason"]) == ("True", "NotFound")
    assert condition(obj, "Stalled") is None
    told = await source.events("NotFound")
    assert {event["type"] for event in told} == {"Normal"}


async def test_what_was_missing_is_forgotten_once_it_is_there(source, tmp_path):
    source.upstream.commit(FILES)
    await source.repository(include=[include("base")])
    await source.fails("NotFound")
    await source.repository("base", ref={"branch": "nowhere"})
    await source.fails("GitOperationFailed", name="base")
    waiting = await source.reconcile()
    assert condition(waiting, "IncludeUnavailable")["reason"] == "NoArtifact"
    assert condition(waiting, "Ready")["message"] == "no artifact available for include 'base'"
    await source.change("base", ref={"branch": "main"})
    await source.ready("base")
    obj = await source.reconcile()
    assert condition(obj, "IncludeUnavailable") is None
    assert await source.names(obj) == ["app.yaml", "base/app.yaml"]


@pytest.mark.case("source-g33")
async def test_includes_have_their_places_and_change_the_digest_alone(source, base):
    commit = source.upstream.commit(FILES)
    await source.repository("other")
    await source.ready("other")
    await source.repository(include=[include("base", to_path="a"), include("other")])
    before = await source.ready()
    members = {member.name: member for member in await source.members(before)}
    assert list(members) == [
        ".", "a", "a/deploy", "a/deploy/base.yaml", "a/deploy/run", "a/docs", "a/docs/read.md",
        "app.yaml", "other", "other/app.yaml",
    ]  # fmt: skip
    assert (members["a/deploy/run"].mode, members["a/deploy/base.yaml"].mode) == (0o700, 0o600)
    expected = [(await source.get(name))["status"]["artifact"] for name in ("base", "other")]
    assert before["status"]["includedArtifacts"] == expected
    assert before["status"]["observedInclude"] == before["spec"]["include"]
    base.commit({"deploy/base.yaml": "b: 2\n"})
    changed = (await source.reconcile("base"))["status"]["artifact"]
    after = await source.reconcile()
    assert after["status"]["includedArtifacts"] == [changed, expected[1]]
    assert after["status"]["artifact"]["revision"] == f"main@sha1:{commit}"
    assert after["status"]["artifact"]["path"] == before["status"]["artifact"]["path"]
    assert after["status"]["artifact"]["digest"] != before["status"]["artifact"]["digest"]
    body = (await source.fetch(after))[2]
    assert f"sha256:{hashlib.sha256(body).hexdigest()}" == after["status"]["artifact"]["digest"]


async def test_a_part_of_an_include_is_enough(source, base):
    source.upstream.commit(FILES | {"apps/app.yaml": "old"})
    await source.repository(
        include=[
            include("base", "/deploy", "apps/./base"),
            include("base", "deploy/base.yaml", "apps/app.yaml"),
            include("base", "../../docs", "../docs"),
        ]
    )
    obj = await source.ready()
    assert await source.names(obj) == [
        "app.yaml", "apps/app.yaml", "apps/base/base.yaml", "apps/base/run", "docs/read.md",
    ]  # fmt: skip
    _, _, body = await source.fetch(obj)
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.extractfile("apps/app.yaml").read().decode() == BASE["deploy/base.yaml"]


@pytest.mark.case("source-g34")
@pytest.mark.parametrize(
    ("from_path", "to_path", "why"),
    [
        ("", "deploy", "'deploy' exists already and is a directory that is not empty"),
        ("", ".", "the root of the artifact exists already"),
        ("", "app.yaml", "'app.yaml' exists already and is a file"),
        ("deploy/base.yaml", "deploy", "'deploy' exists already and is a directory that is not empty"),
        ("", "app.yaml/below", "'app.yaml' is a file"),
        ("../../x", "x", "no such file or directory in the included artifact"),
        ("../../app.yaml", "x", "no such file or directory in the included artifact"),
        ("deploy/base.yaml/below", "x", "no such file or directory in the included artifact"),
    ],
)
async def test_an_include_has_to_have_a_place(source, base, from_path, to_path, why):
    source.upstream.commit(FILES | {"deploy/app.yaml": "x"})
    await source.repository(include=[include("base", from_path, to_path)])
    text = f"failed to copy 'base' include from {from_path} to {to_path}: {why}"
    obj = await source.fails("CopyFailure", text)
    assert condition(obj, "StorageOperationFailed")["reason"] == "CopyFailure"


async def test_two_includes_cannot_have_one_place(source, base):
    source.upstream.commit(FILES)
    await source.repository(include=[include("base", to_path="a/b"), include("base", "docs", "a")])
    text = "failed to copy 'base' include from docs to a: 'a' exists already"
    await source.fails("CopyFailure", text)
    await source.change(include=[include("base", to_path="a"), include("base", "docs", "a/more")])
    assert "a/more/read.md" in await source.names(await source.ready())


@pytest.mark.parametrize(("to_path", "why"), [("x" * 300, "it is too long"), ("a\\b", "a backslash")])
async def test_a_path_that_cannot_be_is_refused(source, base, to_path, why):
    source.upstream.commit(FILES)
    await source.repository(include=[include("base", to_path=to_path)])
    obj = await source.fails("IllegalPath", "path calculation for include 'base' failed: spec.include.toPath")
    assert why in condition(obj, "StorageOperationFailed")["message"]


async def test_rules_for_files_count_for_included_ones(source, tmp_path):
    upstream = Upstream(tmp_path, "ruled.git")
    upstream.commit({".sourceignore": "!*.txt\nb.yaml\n", "a.txt": "x", "b.yaml": "x", "c.yaml": "x"})
    await source.repository("ruled", url=source.server.url(upstream.path), ignore="")
    await source.ready("ruled")
    source.upstream.commit(FILES | {"b.yaml": "x", ".sourceignore": "*.txt\n"})
    await source.repository(ignore="c.yaml", include=[include("ruled")])
    names = await source.names(await source.ready())
    assert [name for name in names if not name.endswith(".sourceignore")] == [
        "app.yaml", "b.yaml", "ruled/a.txt",
    ]  # fmt: skip


async def test_removing_includes_removes_their_files(source, base):
    source.upstream.commit(FILES)
    await source.repository(include=[include("base")])
    assert len(await source.names(await source.ready())) > 1
    await source.change(include=None)
    obj = await source.ready()
    assert await source.names(obj) == ["app.yaml"]
    assert "includedArtifacts" not in obj["status"]
    assert "observedInclude" not in obj["status"]


async def test_nothing_is_built_while_includes_stay_the_same(source, base):
    source.upstream.commit(FILES)
    await source.repository(include=[include("base")])
    before = (await source.ready())["status"]
    await source.reconcile("base")
    assert (await source.reconcile())["status"]["artifact"] == before["artifact"]
    assert await source.events("GitOperationSucceeded") != []


async def test_an_included_file_that_was_altered_is_not_taken(source, base):
    source.upstream.commit(FILES)
    artifact = (await source.get("base"))["status"]["artifact"]
    file = source.storage / artifact["path"]
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)
    await source.repository(include=[include("base")])
    await source.fails("CopyFailure", f"computed digest doesn't match '{artifact['digest']}'")
    file.unlink()
    await source.fails("NoArtifact", "no artifact available for include 'base'")
    await source.reconcile("base")
    await source.reconcile()
    await source.ready()


async def test_repositories_that_include_each_other_are_refused(source):
    source.upstream.commit(FILES)
    await source.repository("b", include=[include("c")])
    await source.repository("c", include=[include("app")])
    await source.repository(include=[include("b")])
    obj = await source.fails("IncludeCycle", "spec.include: app -> b -> c -> app is a cycle")
    assert condition(obj, "Stalled")["status"] == "True"
    await source.repository("self", include=[include("self")])
    await source.fails("IncludeCycle", "self -> self", "self")


class Recording(GitRepositoryReconciler):
    """The reconciler, with its outcomes by name."""

    outcomes = None

    async def reconcile(self, obj, turn):
        outcome = await super().reconcile(obj, turn)
        self.outcomes.put_nowait((obj.name, outcome))
        return outcome


@pytest.fixture
async def alone(source, tmp_path):
    """A controller in this process for objects that nobody else looks after; gives their labels."""
    labels = {"test.headrace.io/source": source.namespace}
    (tmp_path / "storage").mkdir()
    (tmp_path / "git").mkdir()
    clock, client = SystemClock(), source.client
    informer = Informer(
        client,
        GROUP,
        "GitRepository",
        GitRepositoryHeader.of,
        namespace=source.namespace,
        label_selector=f"test.headrace.io/source={source.namespace}",
    )
    recorder = Recorder([])
    second = timedelta(seconds=1)
    policy = Policy(2, second, second, 0, "source-controller")
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        git = GitClient(tmp_path / "git", session)
        storage = Storage(tmp_path / "storage", "localhost:1", clock)
        secrets = Secrets(client)
        configured = ConfiguredRemotes(secrets, Clouds(session, client, clock), object_level=False)
        reconciler = Recording(
            Remotes(configured),
            Includes(client),
            git,
            Shelf(storage),
            Publisher(storage),
            Verifier(secrets),
        )
        reconciler.outcomes = asyncio.Queue()
        controller = Controller(reconciler, informer, client, recorder, clock, policy)
        IncludeTrigger(controller)
        tasks = [group.create_task(informer.run()), group.create_task(recorder.run())]
        await informer.synced.wait()
        running = group.create_task(controller.run())
        yield labels, reconciler.outcomes
        controller.stop()
        await running
        for task in tasks:
            task.cancel()
        await git.close()


async def outcome_of(name, outcomes):
    """The next outcome of an object."""
    async with asyncio.timeout(30):
        while True:
            who, outcome = await outcomes.get()
            if who == name:
                return outcome


def errors_counted():
    """Errors of controllers in this process."""
    return metrics.REGISTRY.get_sample_value(
        "controller_runtime_reconcile_errors_total", {"controller": "gitrepository"}
    )


@pytest.mark.case("source-g32")
async def test_a_missing_include_is_no_error_and_looked_for_again_after_half_a_minute(source, alone):
    labels, outcomes = alone
    before = errors_counted()
    source.upstream.commit(FILES)
    await source.repository(labels=labels, include=[include("nobody")])
    assert (await outcome_of("app", outcomes)).after == timedelta(seconds=30)
    await source.fails("NotFound")
    assert errors_counted() == before


async def test_a_new_artifact_brings_those_back_who_include_it(source, alone, tmp_path):
    labels, _ = alone
    upstream = Upstream(tmp_path, "base.git")
    upstream.commit(BASE)
    source.upstream.commit(FILES)
    await source.repository(labels=labels, include=[include("base")])
    await source.fails("NotFound")
    await source.repository("base", labels=labels, url=source.server.url(upstream.path))
    before = await source.ready()
    upstream.commit({"deploy/base.yaml": "b: 2\n"})
    changed = (await source.reconcile("base"))["status"]["artifact"]
    assert changed != before["status"]["includedArtifacts"][0]

    def is_seen(obj):
        return obj["status"]["includedArtifacts"] == [changed]

    assert (await source.until(is_seen))["status"]["artifact"] != before["status"]["artifact"]


async def test_the_end_of_a_cycle_brings_all_of_it_back(source, alone, tmp_path):
    labels, _ = alone
    source.upstream.commit(FILES)
    for name, other in (("app", "b"), ("b", "c"), ("c", "app")):
        await source.repository(name, labels=labels, include=[include(other)])
    for name in ("app", "b", "c"):
        await source.fails("IncludeCycle", name=name)
    await source.change("c", include=None)
    artifact = (await source.ready())["status"]["artifact"]
    with tarfile.open(tmp_path / "storage" / artifact["path"]) as archive:
        files = [member.name for member in archive if member.isfile()]
    assert files == ["app.yaml", "b/app.yaml", "b/c/app.yaml"]


async def test_a_new_revision_of_an_included_repository_is_news_at_once(source, base):
    source.upstream.commit(FILES)
    await source.repository(include=[include("base")])
    before = await source.ready()
    base.commit({"deploy/new.yaml": "n: 1\n"})
    await source.reconcile("base")

    def changed(obj):
        return obj["status"]["artifact"]["digest"] != before["status"]["artifact"]["digest"]

    after = await source.until(changed)  # nobody asked it to, and its interval is an hour
    assert "base/deploy/new.yaml" in await source.names(after)
    assert after["status"]["artifact"]["revision"] == before["status"]["artifact"]["revision"]


async def test_a_missing_include_is_news_when_it_comes(source, tmp_path):
    source.upstream.commit(FILES)
    await source.repository(include=[include("base")])
    await source.fails("NotFound")
    await source.repository("base")
    assert await source.names(await source.ready()) == ["app.yaml", "base/app.yaml"]
