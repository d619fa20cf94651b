"""Waiting by watch and pruning by owner, on a real API server."""

import asyncio
from datetime import timedelta

import pytest

from shared.ssa import Entry, HealthCheckFailed, HealthWaiter, ObjectId, prune, wait_gone

LIMIT = timedelta(seconds=20)


def job(ssa):
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a:1"}]}}
    # Managed by nobody: the test itself is its controller.
    return ssa.make("Job", "once", "batch/v1", spec={"template": template, "managedBy": "example.com/test"})


async def test_a_job_is_waited_for_with_one_watch(ssa):
    applied = await ssa.run(job(ssa))
    ssa.client.asked.clear()
    wait = HealthWaiter(ssa.watches).wait(ssa.client, applied.objects, applied.objects, timeout=LIMIT)
    async with asyncio.TaskGroup() as group:
        group.create_task(wait)
        now = "2026-01-01T00:00:00Z"
        done = [{"type": kind, "status": "True"} for kind in ("SuccessCriteriaMet", "Complete")]
        status = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": done}
        await ssa.edit({"status": status}, "job-controller", "Job", "once", "batch", "status")
    assert ssa.client.asked["GET"] == 0


async def test_a_tenant_without_rights_is_told(ssa):
    tenant = ssa.client.impersonate(f"system:serviceaccount:{ssa.namespace}:nobody")
    identity = ObjectId(ssa.namespace, "a", "", "ConfigMap")
    with pytest.raises(HealthCheckFailed, match=r"status: 'Unknown': .*forbidden"):
        await HealthWaiter(ssa.watches).wait(tenant, [identity], {}, timeout=timedelta(seconds=1))


async def test_only_what_is_still_ours_is_pruned(ssa):
    objects = [
        ssa.make(name="ours"),
        ssa.make(name="moved"),
        ssa.make(name="kept", annotations={"prune": "disabled"}),
    ]
    await ssa.run(*objects)
    await ssa.edit(
        {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "other"}}}, "other", name="moved"
    )
    stale = [Entry.of(obj) for obj in (*objects, ssa.make(name="gone"))]
    pruned = await prune(ssa.client, stale, ssa.options)
    pruned.check()
    assert [f"{change.id.name} {change.action}" for change in pruned.changes] == [
        "ours deleted",
        "moved skipped",
        "kept skipped",
        "gone deleted",
    ]
    await wait_gone(ssa.watches, ssa.client, pruned.uids, timeout=LIMIT)
    assert (await ssa.live(name="moved"))["metadata"]["name"] == "moved"
