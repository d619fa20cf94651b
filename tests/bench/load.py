"""The load: small apps that get healthy without a node, and the objects that roll them out."""

from __future__ import annotations

from pathlib import Path

NAMESPACE = "bench"
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


def write_apps(worktree: Path, count: int, revision: str = "1") -> None:
    """One directory with a kustomization per app."""
    for number in range(count):
        name = f"app-{number:03}"
        folder = worktree / "apps" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "app.yaml").write_text(_APP.format(name=name, revision=revision))
        (folder / "kustomization.yaml").write_text(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
            f"namespace: {NAMESPACE}\nresources:\n  - app.yaml\n"
        )


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


def repository(url: str) -> dict:
    """The one source of all apps."""
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "apps", "namespace": NAMESPACE},
        "spec": {"interval": "10m", "url": url, "ref": {"branch": "main"}},
    }


def kustomization(number: int, *, prefix: str = "app", after: str = "") -> dict:
    """Rolls out one app; `after` names the one it depends on."""
    spec = {
        "interval": "60m",
        "retryInterval": "2s",
        "path": f"./apps/app-{number:03}",
        "prune": True,
        "wait": True,
        "timeout": "5m",
        "serviceAccountName": ACCOUNT,
        "sourceRef": {"kind": "GitRepository", "name": "apps"},
    }
    if prefix != "app":
        spec["namePrefix"] = f"{prefix}-"
    if after:
        spec["dependsOn"] = [{"name": after}]
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": f"{prefix}-{number:03}", "namespace": NAMESPACE},
        "spec": spec,
    }
