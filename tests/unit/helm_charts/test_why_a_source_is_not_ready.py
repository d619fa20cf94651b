"""A HelmRelease whose chart isn't there yet says what the source says."""

from datetime import timedelta

import pytest

from helm_controller.helm_release.sources import Sources
from shared.api.helm_v2 import HelmRelease
from shared.api.source_v1 import GROUP
from shared.kube.informer import Informer
from shared.runtime.outcome import Waiting
from shared.runtime.sources import SourceHeader

ARTIFACT = {
    "revision": "1.0.0",
    "digest": "sha256:def",
    "url": "http://source/chart.tgz",
    "path": "chart.tgz",
}
READY = {"type": "Ready", "status": "True", "message": "pulled"}
FAILED = {"type": "Ready", "status": "False", "message": "no version matches '>=9'"}
STALLED = {"type": "Stalled", "status": "True", "message": "invalid range '>='"}


@pytest.mark.parametrize(
    ("conditions", "generation", "artifact", "why"),
    [
        ([FAILED], 2, ARTIFACT, FAILED["message"]),
        ([READY], 2, ARTIFACT, "latest generation of object has not been reconciled"),
        ([FAILED, STALLED], 1, ARTIFACT, STALLED["message"]),
        ([READY], 1, None, "does not have an artifact"),
    ],
    ids=["failed", "not-looked-at", "stalled", "no-artifact"],
)
async def test_a_source_that_is_not_ready_is_told_by_its_own_words(conditions, generation, artifact, why):
    status = {"observedGeneration": 1, "conditions": conditions, "artifact": artifact}
    metadata = {"name": "chart", "namespace": "apps", "uid": "1", "generation": generation}
    source = Informer(None, GROUP, "OCIRepository", SourceHeader.of)
    source.store.put({"metadata": metadata, "status": status})
    sources = Sources(
        {"OCIRepository": source}, cross_namespace=True, external_artifacts=True, wait=timedelta(seconds=30)
    )
    obj = HelmRelease.model_validate(
        {
            "metadata": {"name": "app", "namespace": "apps"},
            "spec": {"interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "chart"}},
        }
    )
    found = await sources.resolve(obj)
    assert isinstance(found, Waiting)
    assert found.message == f"OCIRepository 'apps/chart' is not ready: {why}"
