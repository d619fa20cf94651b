"""What is left of a release when a process ends in the middle of it, and how the next one goes on."""

import asyncio
import base64
import contextlib
import gzip
import os
import signal
from pathlib import Path

import pytest

from shared.lang import json
from shared.testing.faulty_api import Hold, Rule

CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-config}
data: {word: {{ .Values.word | default "none" | quote }}}
"""
LOOKUP = CONFIG_MAP + '# {{ lookup "v1" "ConfigMap" .Release.Namespace "slow" | len }}\n'
#: Healthy as soon as somebody says so.
SIGNED = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "current": "has(metadata.annotations) && 'signed' in metadata.annotations",
}


async def signed(releases):
    await releases.edit("ConfigMap", "app-config", {"metadata": {"annotations": {"signed": "yes"}}})


async def begun(releases, version, word):
    """Waits until a revision is being waited for, with its objects in the cluster."""

    def there(obj):
        return obj is not None and obj["data"]["word"] == word

    await releases.until("ConfigMap", "app-config", there)
    secret = f"sh.helm.release.v1.app.v{version}"
    await releases.until("Secret", secret, lambda obj: obj is not None)


def going(obj):
    return obj is not None and "deletionTimestamp" in obj["metadata"]


def states(releases):
    return [(each["revision"], each["status"]) for each in releases.helm_history()]


async def test_an_upgrade_that_is_interrupted_is_left_as_failed_and_gone_on_with(releases):
    await releases.chart({"config.yaml": CONFIG_MAP})
    await releases.release(labels=releases.mine, values={"word": "one"})
    with releases.own("--graceful-shutdown-timeout=20s") as process:
        await releases.upgraded(1)
        await releases.change(values={"word": "two"}, healthCheckExprs=[SIGNED])
        await begun(releases, 2, "two")
        assert await asyncio.to_thread(process.stop) == 0
    assert states(releases) == [(1, "deployed"), (2, "failed")]
    assert "the controller stopped" in releases.helm_history()[1]["description"]
    with releases.own():
        await begun(releases, 3, "two")
        await signed(releases)
        obj = await releases.upgraded(3)
        assert "upgradeFailures" not in obj["status"]
    assert states(releases) == [(1, "superseded"), (2, "failed"), (3, "deployed")]


async def test_memory_near_its_limit_ends_the_process_as_a_signal_does(releases, tmp_path):
    limit, used = tmp_path / "limit", tmp_path / "used"
    limit.write_text("1000\n")
    used.write_text("10\n")
    await releases.chart({"config.yaml": CONFIG_MAP})
    await releases.release(labels=releases.mine, healthCheckExprs=[SIGNED])
    flags = (
        "--feature-gates=OOMWatch=true",
        "--oom-watch-interval=50ms",
        "--oom-watch-memory-threshold=90",
        f"--oom-watch-max-memory-path={limit}",
        f"--oom-watch-current-memory-path={used}",
    )
    with releases.own(*flags) as process:
        await begun(releases, 1, "none")
        assert process.running
        used.write_text("900\n")
        assert await asyncio.to_thread(process.ended) == 0
        assert "memory is near its limit" in process.log.read_text()
    assert states(releases) == [(1, "failed")]
    with releases.own():
        await begun(releases, 2, "none")
        await signed(releases)
        await releases.upgraded(2)


@pytest.mark.parametrize("state", ["pending-install", "pending-upgrade", "pending-rollback"])
async def test_a_pending_release_is_freed_by_itself(releases, state):
    await releases.chart({"config.yaml": CONFIG_MAP})
    await releases.release(labels=releases.mine)
    with releases.own() as process:
        await releases.upgraded(1)
        process.kill()
    version = 1 if state == "pending-install" else 2
    await pend(releases, version, state)
    with releases.own():
        await releases.reconcile()
        await releases.event(f"in {state} state", "app")
        await releases.upgraded(version + 1)
    assert states(releases)[version - 1 :] == [(version, "failed"), (version + 1, "deployed")]


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_an_uninstallation_that_is_broken_off_is_gone_on_with(releases, end):
    held = CONFIG_MAP.replace("-config}", "-config, finalizers: [test.headrace.io/held]}")
    await releases.chart({"config.yaml": held})
    with releases.own("--graceful-shutdown-timeout=20s") as process:
        install = {"timeout": "2s", "remediation": {"retries": 0, "remediateLastFailure": True}}
        await releases.release(labels=releases.mine, install=install, healthCheckExprs=[SIGNED])
        await releases.until(
            "ConfigMap", "app-config", lambda obj: obj and "deletionTimestamp" in obj["metadata"]
        )
        await asyncio.to_thread(getattr(process, end))
    assert states(releases) == [(1, "uninstalling")]
    with releases.own():
        await releases.edit("ConfigMap", "app-config", {"metadata": {"finalizers": None}})
        obj = await releases.stalls("RetriesExceeded", "Failed to install after 1 attempt(s)")
        assert releases.condition(obj, "Remediated")["reason"] == "UninstallSucceeded"
    assert await releases.records() == []


async def pend(releases, version, state):
    """Makes a revision that is as a process leaves it that dies in the middle."""
    (record,) = await releases.records()
    record |= {"version": version, "info": record["info"] | {"status": state}}
    name = f"sh.helm.release.v1.app.v{version}"
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record)))).decode()
    first = await releases.live("Secret", "sh.helm.release.v1.app.v1")
    labels = first["metadata"]["labels"] | {"status": state, "version": str(version)}
    secret = {"metadata": {"name": name, "labels": labels}, "data": {"release": packed}}
    if version == 1:
        await releases.edit("Secret", name, secret)
    else:
        await releases.create({"apiVersion": "v1", "kind": "Secret", "type": first["type"], **secret})


def helms():
    """Processes of helm that render."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if b"--dry-run=server" in command:
                found[int(folder.name)] = command
    return found


def end_rendering(releases):
    """Kills what renders in the namespace."""
    for pid, command in helms().items():
        if releases.namespace.encode() in command:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def held(releases, api):
    """Lets helm hang in the middle of a template."""
    rule = Rule("GET", rf"/namespaces/{releases.namespace}/configmaps/slow$", Hold(forward=False))
    api.disturb(rule)
    yield rule
    api.heal()


async def test_a_helm_that_is_killed_in_the_middle_of_a_rendering(releases, api):
    await releases.chart({"config.yaml": LOOKUP})
    with held(releases, api) as rule, releases.own(through=api.kubeconfig):
        await releases.release(labels=releases.mine)
        await asyncio.to_thread(api.wait, lambda: rule.hits)
        end_rendering(releases)
        obj = await releases.fails("InstallFailed", "helm")
        assert await releases.records() == []
        assert "installFailures" not in obj["status"]
        api.heal()
        # The next try may be held already.
        end_rendering(releases)
        await releases.upgraded(1)


async def test_a_controller_that_is_killed_in_the_middle_of_a_rendering(releases, api):
    await releases.chart({"config.yaml": LOOKUP})
    with held(releases, api) as rule:
        with releases.own(through=api.kubeconfig) as process:
            await releases.release(labels=releases.mine)
            await asyncio.to_thread(api.wait, lambda: rule.hits)
            process.kill()
        # In a container it ends with the controller.
        end_rendering(releases)
    assert await releases.records() == []
    with releases.own(through=api.kubeconfig):
        await releases.upgraded(1)
    assert states(releases) == [(1, "deployed")]


async def test_what_a_killed_run_left_of_its_renderings_goes(releases, tmp_path):
    folder = tmp_path / "renders"
    left = folder / "helm-controller-killed"
    left.mkdir(parents=True)
    (left / "values.json").write_text('{"password": "hunter2"}')
    with releases.own(f"--render-path={folder}"):
        await releases.chart({"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"})
        await releases.release(labels=releases.mine)
        await releases.ready()
        (own,) = folder.iterdir()
        assert own != left
        assert not list(own.iterdir())
