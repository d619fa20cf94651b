"""The load: small apps that get healthy without a node, and the objects that roll them out."""

from __future__ import annotations

import random
from pathlib import Path

from shared.testing.registry import CHART_LAYER, RegistryStore

NAMESPACE = "bench"
BROKEN = "broken"
ACCOUNT = "applier"

_APP = """apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector:
    app: {name}
  ports:
    - name: http
      port: 80
      targetPort: 8080
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 0
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
      annotations:
        revision: "{revision}"
    spec:
      serviceAccountName: {name}
      containers:
        - name: app
          image: registry.example.com/app:1.0
          ports:
            - containerPort: 8080
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
spec:
  rules:
    - host: {name}.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {name}
                port:
                  name: http
"""


def app(number: int) -> str:
    """The name of an app, and of everything that belongs to it."""
    return f"app-{number:03}"


def app_chart(name: str, version: str) -> dict[str, str]:
    """The same app as a chart; its releases give it its name."""
    app = _APP.format(name="NAME", revision=version).replace("NAME", "{{ .Release.Name }}")
    return {
        "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n",
        "values.yaml": "replicas: 1\n",
        "templates/app.yaml": app.replace("replicas: 0", "replicas: {{ .Values.replicas }}"),
    }


def write_app(worktree: Path, number: int, revision: str = "1") -> None:
    """The directory of one app."""
    folder = worktree / "apps" / app(number)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "app.yaml").write_text(_APP.format(name=app(number), revision=revision))
    (folder / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"namespace: {NAMESPACE}\nresources:\n  - app.yaml\n"
    )


def write_broken(worktree: Path) -> None:
    """A directory with an object that the API server refuses."""
    folder = worktree / "apps" / BROKEN
    folder.mkdir(parents=True)
    (folder / "broken.yaml").write_text(
        f"apiVersion: v1\nkind: Service\nmetadata:\n  name: {BROKEN}\n  namespace: {NAMESPACE}\n"
        "spec:\n  ports:\n    - port: 99999\n"
    )


def write_files(worktree: Path, folders: int, files: int) -> int:
    """A big tree of files of 4 KiB that hardly compress; gives its size in bytes."""
    noise = random.Random(0)
    size = 0
    for folder in range(folders):
        place = worktree / "files" / f"folder-{folder:03}"
        place.mkdir(parents=True)
        for file in range(files):
            size += (place / f"file-{file:02}.txt").write_text(noise.randbytes(2025).hex() + "\n")
    return size


def tenant() -> list[dict]:
    """The namespace, and the account that everything is applied as."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": NAMESPACE}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": ACCOUNT, "namespace": NAMESPACE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
        },
    ]


def repository(name: str, url: str) -> dict:
    """A source."""
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"interval": "60m", "url": url, "ref": {"branch": "main"}},
    }


def chart_index(name: str, url: str) -> dict:
    """A repository of charts."""
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmRepository",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"interval": "60m", "url": url},
    }


def chart(name: str, of: str) -> dict:
    """A chart of a repository."""
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmChart",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "interval": "60m",
            "chart": name,
            "version": "1.x",
            "sourceRef": {"kind": "HelmRepository", "name": of},
        },
    }


def bucket(name: str, endpoint: str, secret: str) -> dict:
    """A source in a store that speaks S3, of which a Secret has the keys."""
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "Bucket",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "interval": "60m",
            "timeout": "10m",
            "bucketName": name,
            "endpoint": endpoint,
            "insecure": True,
            "region": "us-east-1",
            "secretRef": {"name": secret},
        },
    }


def keys(name: str) -> dict:
    """A Secret with keys that any store of the bench takes."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": {"accesskey": "bench", "secretkey": "bench"},
    }


def image(name: str, url: str) -> dict:
    """A source in a registry."""
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "OCIRepository",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"interval": "60m", "url": url},
    }


def chart_image(name: str, url: str) -> dict:
    """A chart in a registry, always the newest of its first major version."""
    source = image(name, url)
    source["spec"] |= {
        "ref": {"semver": "1.x"},
        "layerSelector": {"mediaType": CHART_LAYER, "operation": "copy"},
    }
    return source


def push_apps(store: RegistryStore, worktree: Path, count: int) -> dict[str, str]:
    """An image for each app; their addresses by the names of the apps."""
    for name in map(app, range(count)):
        folder = worktree / "apps" / name
        files = {f"apps/{name}/{file.name}": file.read_bytes() for file in folder.iterdir()}
        store.push(f"apps/{name}", "latest", files)
    return {name: f"oci://{store.host}/apps/{name}" for name in map(app, range(count))}


def kustomization(
    path: str, source: str, *, name: str = "", after: str = "", kind: str = "GitRepository"
) -> dict:
    """Rolls out one directory of apps; `after` names the Kustomization that it depends on."""
    spec = {
        "interval": "60m",
        "retryInterval": "2s",
        "path": f"./apps/{path}",
        "prune": True,
        "wait": True,
        "timeout": "5m",
        "serviceAccountName": ACCOUNT,
        "sourceRef": {"kind": kind, "name": source},
    }
    if name:
        spec["namePrefix"] = f"{name}-"
    if after:
        spec["dependsOn"] = [{"name": after}]
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name or path, "namespace": NAMESPACE},
        "spec": spec,
    }
