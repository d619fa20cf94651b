"""HelmReleases and their charts as tests of helm-controller speak of them.

Sources are written by hand: an OCIRepository object whose artifact is served from loopback.
"""

from __future__ import annotations

import base64
import gzip
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from localcluster import programs
from shared.lang import json, yaml
from shared.lang.json import JsonObject
from shared.testing.controllers import ControllerProcess, Suite
from shared.testing.kstatus_contract import violations
from shared.testing.patience import PATIENCE
from shared.testing.rollouts import Rollouts

HELM_RELEASE: Final = "HelmRelease.helm.toolkit.fluxcd.io"
OCI_REPOSITORY: Final = "OCIRepository.source.toolkit.fluxcd.io"
OWN: Final = "test.headrace.io/own"


class Releases(Rollouts):
    """One namespace in which helm-controller works."""

    finalised = (HELM_RELEASE, OWN)

    @staticmethod
    def shared_process(suite: Suite) -> ControllerProcess:
        """The process that most tests share, not started."""
        return _process(suite, f"--watch-label-selector=!{OWN}")

    @staticmethod
    def group_process(suite: Suite, group: str, *flags: str) -> ControllerProcess:
        """A process with flags, not started, for the releases with the label `OWN=group`."""
        return _process(suite, f"--watch-label-selector={OWN}={group}", *flags, name=f"helm-{group}")

    @contextmanager
    def own(self, *flags: str, through: Callable[[Path], Path] | None = None) -> Iterator[ControllerProcess]:
        """Another process, with flags, that works on releases with `labels=releases.mine` alone.

        `through` is as in `Suite.controller`.
        """
        selector = f"--watch-label-selector={OWN}={self.namespace}"
        process = _process(self._suite, selector, *flags, name=f"helm-{self.namespace}", through=through)
        usual, self.process = self.process, process
        try:
            process.start()
            yield process
        finally:
            process.kill()
            self.process = usual

    @property
    def mine(self) -> dict[str, str]:
        """Labels of the releases that `own` works on."""
        return {OWN: self.namespace}

    # Charts

    async def chart(
        self,
        templates: Mapping[str, str],
        *,
        name: str = "demo",
        version: str = "1.0.0",
        values: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
        source: str = "chart",
    ) -> JsonObject:
        """Publishes a chart and announces it as the artifact of an OCIRepository; gives the artifact."""
        content = {
            f"{name}/Chart.yaml": yaml.dump(
                {"apiVersion": "v2", "name": name, "version": version, "appVersion": f"app-{version}"}
            ),
            f"{name}/values.yaml": yaml.dump(dict(values or {})),
            **{f"{name}/templates/{path}": text for path, text in templates.items()},
            **{f"{name}/{path}": text for path, text in (files or {}).items()},
        }
        artifact = self.artifacts.publish(content)
        artifact["revision"] = f"{version}@{artifact['digest']}"
        await self.announce(artifact, source)
        return artifact

    async def announce(self, artifact: JsonObject | None, source: str = "chart") -> None:
        """Says in the status of an OCIRepository that it has the artifact, or none."""
        live = await self.live(OCI_REPOSITORY, source)
        if live is None:
            live = await self.create(
                {
                    "apiVersion": "source.toolkit.fluxcd.io/v1",
                    "kind": "OCIRepository",
                    "metadata": {"name": source},
                    "spec": {"interval": "1h", "url": "oci://registry.invalid/chart"},
                }
            )
        status = {"artifact": artifact, "observedGeneration": live["metadata"]["generation"]}
        await self.edit(OCI_REPOSITORY, source, {"status": status}, "source-controller", "status")

    # HelmReleases

    async def release(
        self,
        name: str = "app",
        *,
        source: str = "chart",
        labels: Mapping[str, str] | None = None,
        **spec: Any,
    ) -> JsonObject:
        """Creates a HelmRelease with the given fields of the spec."""
        defaults: JsonObject = {"interval": "1h"}
        if "chart" not in spec:
            defaults["chartRef"] = {"kind": "OCIRepository", "name": source}
        return await self.create(
            {
                "apiVersion": "helm.toolkit.fluxcd.io/v2",
                "kind": "HelmRelease",
                "metadata": {"name": name, "labels": dict(labels or {})},
                "spec": defaults | spec,
            }
        )

    async def change(self, name: str = "app", **spec: Any) -> JsonObject:
        """Edits the spec of a HelmRelease."""
        return await self.edit(HELM_RELEASE, name, {"spec": spec})

    async def ready(self, name: str = "app", *, reason: str = "", seconds: float = PATIENCE) -> JsonObject:
        """Waits until a HelmRelease is ready at its generation."""

        def met(obj: JsonObject | None) -> bool:
            ready = self.condition(obj, "Ready")
            return (
                obj is not None
                and ready["status"] == "True"
                and obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
                and (not reason or ready["reason"] == reason)
            )

        return _sound(await self.until(HELM_RELEASE, name, met, seconds))

    async def upgraded(self, version: int, name: str = "app", *, seconds: float = PATIENCE) -> JsonObject:
        """Waits until a HelmRelease is ready with a revision."""

        def met(obj: JsonObject | None) -> bool:
            history = ((obj or {}).get("status") or {}).get("history") or [{}]
            ready = self.condition(obj, "Ready")["status"] == "True"
            return ready and bool(history[0].get("version") == version)

        return _sound(await self.until(HELM_RELEASE, name, met, seconds))

    async def states(
        self, type_: str, reason: str, text: str = "", name: str = "app", *, seconds: float = PATIENCE
    ) -> JsonObject:
        """Waits until a condition has a reason, with the text in its message."""

        def met(obj: JsonObject | None) -> bool:
            found = self.condition(obj, type_)
            return found["reason"] == reason and text in found["message"]

        found = await self.until(HELM_RELEASE, name, met, seconds)
        return found or {}

    async def fails(
        self, reason: str, text: str = "", name: str = "app", *, seconds: float = PATIENCE
    ) -> JsonObject:
        """Waits until a HelmRelease is not ready for a reason."""

        def met(obj: JsonObject | None) -> bool:
            ready = self.condition(obj, "Ready")
            return (ready["status"], ready["reason"]) == ("False", reason) and text in ready["message"]

        return _sound(await self.until(HELM_RELEASE, name, met, seconds))

    async def stalls(
        self, reason: str, text: str = "", name: str = "app", *, seconds: float = PATIENCE
    ) -> JsonObject:
        """Waits until a HelmRelease is stalled for a reason."""
        return _sound(await self.states("Stalled", reason, text, name, seconds=seconds))

    async def reconcile(self, name: str = "app", **more: str) -> JsonObject:
        """Asks for a turn, `force=token` and `reset=token` included; gives the object as it was left."""
        token = more.pop("token", f"request-{next(self._requests)}")
        annotations = {"reconcile.fluxcd.io/requestedAt": token}
        annotations |= {f"reconcile.fluxcd.io/{key}At": value for key, value in more.items()}
        await self.edit(HELM_RELEASE, name, {"metadata": {"annotations": annotations}})

        def met(obj: JsonObject | None) -> bool:
            return ((obj or {}).get("status") or {}).get("lastHandledReconcileAt") == token

        return _sound(await self.until(HELM_RELEASE, name, met))

    async def remove(self, name: str = "app") -> None:
        """Deletes a HelmRelease and waits until it is gone."""
        await self.delete(HELM_RELEASE, name)
        await self.gone(HELM_RELEASE, name)

    # Helm

    def helm(self, *arguments: str, namespace: str = "", program: str = "helm") -> str:
        """Runs the real helm in the namespace, or `helm3`; gives what it prints."""
        command = [str(programs.ensure(program)), *arguments, "--namespace", namespace or self.namespace]
        command += ["--kubeconfig", str(self._suite.cluster.kubeconfig)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise RuntimeError(f"helm {arguments[0]}: {done.stderr}")
        return done.stdout

    def helm_history(self, name: str = "app", namespace: str = "") -> list[JsonObject]:
        """What `helm history` says, the oldest first."""
        found: list[JsonObject] = json.loads(self.helm("history", name, "--output=json", namespace=namespace))
        return found

    async def records(self, name: str = "app", namespace: str = "") -> list[JsonObject]:
        """The records of a release as Helm stores them, the oldest first."""
        secrets = await self.resource("Secret")
        found = await self.client.list(
            secrets, namespace or self.namespace, label_selector=f"owner=helm,name={name}"
        )
        records = [
            json.loads(gzip.decompress(base64.b64decode(base64.b64decode(item["data"]["release"]))))
            for item in found["items"]
        ]
        return sorted(records, key=lambda record: record["version"])

    def in_vain(self, why: str) -> BaseException:
        """What ends a test that waited for nothing; tells what the process said last."""
        return super().in_vain(f"{why}\n{self.process.tail()}")


def _sound(obj: JsonObject | None) -> JsonObject:
    found = obj or {}
    broken = violations(found)
    if broken:
        raise AssertionError(f"{broken}: {found.get('status')}")
    return found


def _process(
    suite: Suite, *flags: str, name: str = "", through: Callable[[Path], Path] | None = None
) -> ControllerProcess:
    arguments = [
        *flags,
        f"--helm-binary={programs.ensure('helm')}",
        f"--kustomize-binary={programs.ensure('kustomize')}",
        "--requeue-dependency=1s",
    ]
    return suite.controller("helm_controller", "helm-controller", arguments, name, through)
