"""The real helm-controller against a real API server, and charts to feed it."""

import pytest

from shared.testing.helm import Releases

CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
data:
  greeting: {{ .Values.greeting | default "hello" | quote }}
  upgrade: {{ .Release.IsUpgrade | quote }}
"""
# Without a node its pods never become ready.
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec: {containers: [{name: main, image: "main:1"}]}
"""


@pytest.fixture
async def releases(cluster, namespace, artifacts, suite, helm_controller):
    async with Releases.connected(
        cluster.kubeconfig, namespace, artifacts, suite, helm_controller
    ) as releases:
        yield releases


@pytest.fixture(scope="session")
def config_map_template():
    return {"config.yaml": CONFIG_MAP}


@pytest.fixture(scope="session")
def deployment_template():
    return {"deployment.yaml": DEPLOYMENT}
