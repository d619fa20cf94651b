"""The same charts through the real helm program and through helm-controller; what they leave is compared.

Each of the two has a namespace of its own. What may differ because nobody decides it is left out: uids,
resource versions, times, the names of field managers, the labels of the origin that Flux adds, and the way a
manifest is laid out as text. All else has to be equal; what differs on purpose a test states itself.
"""

from __future__ import annotations

import base64
import gzip
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from localcluster import programs
from shared.lang import json, yaml
from shared.lang.json import JsonObject, mapping, mappings
from shared.testing.helm import HELM_RELEASE, Releases
from shared.testing.objects import Objects

NAME: Final = "app"
_ORIGIN: Final = ("helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace")
#: Headrace spells out what lists are merged by, and encodes what is written to Secrets as plain text, before
#: the server does it: the objects are equal, what is remembered of who wrote them is not.
_SPELLED_OUT: Final = ("f:protocol", "f:stringData", "f:data")
_NOBODY_DECIDES: Final = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp"}
)
_ASSIGNED: Final = frozenset({"clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort"})
_TIMES: Final = frozenset(
    {"first_deployed", "last_deployed", "deleted", "started_at", "completed_at", "updated"}
)
_MODTIMES: Final = frozenset({"modtime", "schemamodtime"})
_KINDS: Final = (
    "ConfigMap",
    "Secret",
    "Service",
    "ServiceAccount",
    "PersistentVolumeClaim",
    "Pod",
    "Deployment.apps",
    "StatefulSet.apps",
    "CronJob.batch",
    "Job.batch",
    "Ingress.networking.k8s.io",
    "NetworkPolicy.networking.k8s.io",
    "PodDisruptionBudget.policy",
    "Role.rbac.authorization.k8s.io",
    "RoleBinding.rbac.authorization.k8s.io",
)
_MADE_BY_KUBERNETES: Final = frozenset({"kube-root-ca.crt", "default"})
_STORED: Final = "helm.sh/release.v1"


class HelmRefused(Exception):
    """The helm program failed; str() is what it said."""


class Twins:
    """One release, twice."""

    def __init__(self, releases: Releases, namespace: str, folder: Path, kubeconfig: Path) -> None:
        """`namespace` is that of the helm program; helm-controller works in the one of `releases`."""
        self.ours = releases
        self.more_kinds: tuple[str, ...] = ()
        """Kinds that are compared beside the usual ones, like `Thing.example.com`."""
        self.namespace = namespace
        self._folder = folder
        self._kubeconfig = kubeconfig
        self.labels: Mapping[str, str] = {}
        """Labels of the HelmRelease."""
        self._installed = False
        self._chart = folder / "chart"

    # What is done to both

    async def publish(self, files: Mapping[str, str]) -> None:
        """Gives both the same chart; the paths are those in the chart."""
        version = yaml.load(files["Chart.yaml"])["version"]
        if self._installed:
            await self.want(suspend=True)  # what the chart brings is for the next upgrade
        self._chart = self._folder / f"chart-{len(list(self._folder.iterdir()))}"
        for path, text in files.items():
            target = self._chart / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        artifact = self.ours.artifacts.publish({f"chart/{path}": text for path, text in files.items()})
        artifact["revision"] = f"{version}@{artifact['digest']}"
        await self.ours.announce(artifact)

    async def install(self, *flags: str, values: JsonObject | None = None, **spec: Any) -> None:
        """Installs; `flags` are for the program, `spec` says the same to the controller."""
        self.install_theirs(*flags, values=values)
        await self.ours.release(NAME, labels=self.labels, values=values or {}, **spec)
        await self.ours.upgraded(1, NAME)
        self._installed = True

    async def upgrade(self, version: int, *flags: str, values: JsonObject | None = None, **spec: Any) -> None:
        """Upgrades to a revision."""
        self.upgrade_theirs(*flags, values=values)
        await self.want(values=values or {}, suspend=False, **spec)
        await self.ours.upgraded(version, NAME)

    def install_theirs(self, *flags: str, values: JsonObject | None = None, fails: bool = False) -> None:
        """Installs the release of the program alone; it may be that it has to fail."""
        try:
            self.helm("install", NAME, str(self._chart), *_RELEASE, *flags, values=values or {})
        except HelmRefused:
            if not fails:
                raise

    async def end_pod(self, name: str, phase: str) -> None:
        """Waits for a pod in both namespaces and writes how it ended."""
        theirs = Objects(self.ours.client, self.namespace)
        for objects in (theirs, self.ours):
            await objects.until("Pod", name, lambda obj: obj is not None)
            status = {"status": {"phase": phase}}
            await objects.edit("Pod", name, status, "kubelet", "status")

    def upgrade_theirs(self, *flags: str, values: JsonObject | None = None) -> None:
        """Upgrades the release of the program alone."""
        self.helm("upgrade", NAME, str(self._chart), *_RELEASE, "--reset-values", *flags, values=values or {})

    async def want(self, **spec: Any) -> None:
        """Puts fields of the spec of the HelmRelease in the place of what they were."""
        kind = await self.ours.resource(HELM_RELEASE)
        changes = [{"op": "add", "path": f"/spec/{key}", "value": value} for key, value in spec.items()]
        await self.ours.client.json_patch(kind, self.ours.namespace, NAME, changes, manager="test")

    async def uninstall(self, *flags: str) -> None:
        """Uninstalls."""
        self.helm("uninstall", NAME, "--wait", *flags)
        await self.ours.remove(NAME)

    def helm(self, *arguments: str, values: JsonObject | None = None, namespace: str = "") -> str:
        """Runs the program in its namespace, or in another.

        Raises:
            HelmRefused: it fails.
        """
        command = [str(programs.ensure("helm")), *arguments, "--namespace", namespace or self.namespace]
        command += ["--kubeconfig", str(self._kubeconfig)]
        if values is not None:
            path = self._folder / "values.yaml"
            path.write_bytes(json.dumps(values))
            command += ["--values", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            raise HelmRefused(done.stderr)
        return done.stdout

    # What is there

    async def assert_alike(self) -> None:
        """Compares objects, records, and what the program says."""
        assert_equal(*await self.objects())
        assert_equal(*await self.records())
        assert_equal(*self.said())

    async def objects(self) -> tuple[JsonObject, JsonObject]:
        """The objects in both namespaces, by kind and name."""
        return await self._objects(self.ours.namespace), await self._objects(self.namespace)

    async def records(self) -> tuple[list[JsonObject], list[JsonObject]]:
        """The records of all revisions."""
        return await self._records(self.ours.namespace), await self._records(self.namespace)

    def said(self) -> tuple[JsonObject, JsonObject]:
        """What the program says about both releases."""
        return self._said(self.ours.namespace), self._said(self.namespace)

    async def _objects(self, namespace: str) -> JsonObject:
        found: JsonObject = {}
        for kind in (*_KINDS, *self.more_kinds):
            listed = await self.ours.client.list(await self.ours.resource(kind), namespace)
            for obj in listed["items"]:
                name = obj["metadata"]["name"]
                made = name in _MADE_BY_KUBERNETES or obj["metadata"].get("ownerReferences")
                if obj.get("type") != _STORED and not made:
                    found[f"{kind}/{name}"] = self._neutral(_object(obj), namespace)
        return found

    async def _records(self, namespace: str) -> list[JsonObject]:
        secrets = await self.ours.resource("Secret")
        listed = await self.ours.client.list(secrets, namespace, label_selector=f"owner=helm,name={NAME}")
        records = [_record(secret) for secret in listed["items"]]
        return [
            self._neutral(record, namespace) for record in sorted(records, key=lambda each: each["version"])
        ]

    def _said(self, namespace: str) -> JsonObject:
        def said(*arguments: str) -> str:
            return self.helm(*arguments, namespace=namespace)

        def told(*arguments: str) -> Any:
            return _timeless(json.loads(said(*arguments, "--output=json")))

        status = told("status", NAME)
        for text in ("manifest", "hooks"):
            status.pop(text, None)
        # Live objects; only how many there are is of interest here.
        live = mapping(status["info"].pop("resources", None))
        status["objects"] = {kind: len(found) for kind, found in live.items()}
        metadata = told("get", "metadata", NAME) | {"deployedAt": ""}
        mapping(metadata.get("labels")).pop("modifiedAt", None)
        answers = {
            "list": told("list"),
            "history": told("history", NAME),
            "values": told("get", "values", NAME),
            "all values": told("get", "values", NAME, "--all"),
            "metadata": metadata,
            "manifest": _documents(said("get", "manifest", NAME)),
            "hooks": _documents(said("get", "hooks", NAME)),
            "notes": said("get", "notes", NAME),
            "all": _before_hooks(said("get", "all", NAME)),
            "status": status,
        }
        return mapping(self._neutral(answers, namespace))

    @staticmethod
    def _neutral(found: Any, namespace: str) -> Any:
        """The same, but for the name of the namespace."""
        return json.loads(json.dumps(found).replace(namespace.encode(), b"NAMESPACE"))


def assert_equal(ours: Any, theirs: Any, but: Collection[str] = ()) -> None:
    """Tells where two answers differ, place by place; places below those in `but` may.

    Raises:
        AssertionError: they do.
    """
    found = [each for each in _differences(ours, theirs, "") if not each.startswith(tuple(but))]
    if found:
        raise AssertionError("helm-controller differs from helm:\n" + "\n".join(found))


def _differences(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            yield from _differences(ours.get(key), theirs.get(key), f"{path}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(one, other, f"{path}/{index}")
    elif ours != theirs:
        yield f"{path}: {ours!r}, helm: {theirs!r}"


_RELEASE: Final = ("--take-ownership", "--wait=watcher", "--wait-for-jobs", "--timeout=30s")


def _object(obj: JsonObject) -> JsonObject:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _NOBODY_DECIDES}
    metadata["owned"] = sorted(
        json.dumps(
            [entry["operation"], entry.get("subresource"), _without_origin(entry["fieldsV1"])], sort_keys=True
        ).decode()
        for entry in obj["metadata"].get("managedFields") or ()
    )
    whole = {**obj, "metadata": metadata, "status": None}
    return mapping(_without(_originless(whole), _ASSIGNED))


def _record(secret: JsonObject) -> JsonObject:
    content = gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"])))
    record: JsonObject = json.loads(content)
    record["chart"] = _without(record["chart"], _MODTIMES)
    record["manifest"] = _documents(record.get("manifest") or "")
    for hook in mappings(record.get("hooks")):
        hook["manifest"] = _documents(hook["manifest"])
    labels = dict(secret["metadata"]["labels"])
    labels["times"] = [key for key in ("createdAt", "modifiedAt") if labels.pop(key, None)]
    return mapping(_timeless(record)) | {"labels": labels, "type": secret["type"]}


def _documents(text: str) -> list[Any]:
    return [_originless(document) for document in yaml.load_all(text) if document is not None]


def _originless(obj: JsonObject) -> JsonObject:
    """An object without the labels that tell which HelmRelease it is from."""
    metadata = dict(obj.get("metadata") or {})
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in _ORIGIN}
    metadata.pop("labels", None)
    return {**obj, "metadata": metadata | ({"labels": labels} if labels else {})}


def _without_origin(fields: JsonObject) -> JsonObject:
    found = _without(fields, frozenset({*_SPELLED_OUT, *(f"f:{label}" for label in _ORIGIN)}))
    metadata = mapping(mapping(found).get("f:metadata"))
    if metadata.get("f:labels") in ({}, {".": {}}):
        del metadata["f:labels"]
    return mapping(found)


def _timeless(value: Any) -> Any:
    """Of times, only that they are there."""
    if isinstance(value, dict):
        return {key: "TIME" if key in _TIMES and below else _timeless(below) for key, below in value.items()}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(below, names) for key, below in value.items() if key not in names}
    return [_without(item, names) for item in value] if isinstance(value, list) else value


def _before_hooks(text: str) -> list[str]:
    """What `helm get all` says before it comes to hooks and manifest, without the time."""
    head, _, _ = text.partition("\nHOOKS:")
    return [line for line in head.splitlines() if not line.startswith(("LAST DEPLOYED", "Last "))]
