"""Processes of source-controller with flags of their own: stand-by replicas, restarts, another address."""

import asyncio
import urllib.error
import urllib.request

import pytest

from localcluster import programs
from localcluster.ports import free_ports

FILES = {"app.yaml": "a: 1\n"}


@pytest.fixture
def replica(source, source_suite, tmp_path):
    """Makes source-controllers that look after the objects labelled for this test only."""
    made = []

    def make(name, *flags, storage="data", port=0):
        folder = tmp_path / storage
        folder.mkdir(exist_ok=True)
        port = port or free_ports(1)[0]
        process = source_suite.suite.controller(
            "source_controller",
            "source-controller",
            [
                f"--storage-path={folder}",
                f"--storage-addr=127.0.0.1:{port}",
                f"--watch-label-selector=test.headrace.io/own={source.namespace}",
                *flags,
            ],
            name=f"{name}-{source.namespace}",
        )
        process.storage_port = port
        made.append(process)
        return process

    yield make
    for process in made:
        process.kill()


def answers(process):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{process.storage_port}/", timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


async def until(condition):
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - a port that opens can't be watched
            await asyncio.sleep(0.1)


@pytest.mark.case("runtime-31")
@pytest.mark.case("source-g48")
async def test_only_the_leader_serves_until_it_dies(replica):
    terms = [
        "--enable-leader-election",
        "--leader-election-lease-duration=10s",
        "--leader-election-renew-deadline=7s",
        "--leader-election-retry-period=500ms",
    ]
    first, second = replica("first", *terms), replica("second", *terms, storage="other")
    await asyncio.to_thread(first.start)
    await until(lambda: answers(first))
    await asyncio.to_thread(second.start)
    await until(lambda: "leader_election_master_status" in second.metrics() or second.running)
    assert not answers(second)
    assert answers(first)
    first.kill()
    await until(lambda: answers(second))


@pytest.mark.case("source-g43")
async def test_another_address_is_told_without_a_new_artifact(source, replica):
    source.upstream.commit(FILES)
    labels = {"test.headrace.io/own": source.namespace, "test.headrace.io/source": "own"}
    process = replica("before", "--storage-adv-addr=before.example.com")
    await asyncio.to_thread(process.start)
    await source.repository(labels=labels)
    before = (await source.ready())["status"]["artifact"]
    assert before["url"] == f"http://before.example.com/{before['path']}"
    assert await asyncio.to_thread(process.stop) == 0
    process = replica("after", "--storage-adv-addr=after.example.com.")
    await asyncio.to_thread(process.start)
    after = await source.until(lambda obj: "after" in obj["status"]["artifact"]["url"])
    assert after["status"]["artifact"] == before | {"url": f"http://after.example.com./{before['path']}"}


async def test_a_lost_volume_is_filled_again(source, replica):
    source.upstream.commit(FILES)
    labels = {"test.headrace.io/own": source.namespace, "test.headrace.io/source": "own"}
    process = replica("one")
    await asyncio.to_thread(process.start)
    await source.repository(labels=labels)
    before = (await source.ready())["status"]["artifact"]
    await source.events("NewArtifact")
    process.kill()
    process = replica("two", storage="empty", port=process.storage_port)
    await asyncio.to_thread(process.start)
    await until(lambda: answers(process))
    after = await source.reconcile()
    assert after["status"]["artifact"]["digest"] == before["digest"]
    assert (await source.fetch(after))[0] == 200
    assert sum(event["count"] for event in await source.events("NewArtifact")) == 1


@pytest.mark.case("runtime-37")
async def test_a_default_account_is_an_identity_for_sources_and_an_impersonation_for_appliers(
    source, replica, source_suite
):
    with pytest.raises(RuntimeError, match="did not start") as refused:
        await asyncio.to_thread(replica("refused", "--default-service-account=x").start)
    assert "ObjectLevelWorkloadIdentity" in str(refused.value)
    applier = source_suite.suite.controller(
        "kustomize_controller",
        "kustomize-controller",
        [
            f"--kustomize-binary={programs.ensure('kustomize')}",
            "--default-service-account=x",
            f"--watch-label-selector=test.headrace.io/own={source.namespace}",
        ],
        name=f"applier-{source.namespace}",
    )
    await asyncio.to_thread(applier.start)
    assert await asyncio.to_thread(applier.stop) == 0


async def test_logs_are_what_the_flux_command_reads(source):
    source.upstream.commit(FILES)
    await source.repository()
    await source.ready()
    mine = [line for line in source.process.said() if line.get("namespace") == source.namespace]
    assert mine
    for line in mine:
        assert line["controllerKind"] == "GitRepository"
        assert line["GitRepository"] == {"name": "app", "namespace": source.namespace}
        assert {"level", "ts", "msg", "reconcileID"} <= line.keys()
