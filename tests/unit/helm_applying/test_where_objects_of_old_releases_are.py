"""What an old manifest names is looked for in the version that the cluster serves now."""

import pytest

from helm_controller.cluster.applying import Owner, delete_dropped
from helm_controller.cluster.objects import ClusterError, known, placed
from helm_controller.cluster.removing import remove
from shared.kube.discovery import Discovery
from shared.kube.errors import NoMatch, NotFound
from shared.lang.json import dumps


def group(name, kind, plural, *versions):
    resource = {"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced"}
    return {
        "metadata": {"name": name},
        "versions": [{"version": version, "resources": [resource]} for version in versions],
    }


class Cluster:
    """Has ConfigMaps and CronJobs, the latter in some versions; has all that it is asked for."""

    def __init__(self, *versions):
        self.discovery = Discovery(self._get)
        self.versions = versions
        self.deleted = []

    async def _get(self, path, accept, etag):
        if path == "/api":
            return "", dumps({"items": [group("", "ConfigMap", "configmaps", "v1")]})
        return "", dumps({"items": [group("batch", "CronJob", "cronjobs", *self.versions)]})

    def _served(self, resource):
        if resource.group == "batch" and resource.version not in self.versions:
            raise NotFound(404, "Unknown", "the server answered 404: 404 page not found")

    async def get(self, resource, namespace, name):
        self._served(resource)
        return {"metadata": {"name": name, "namespace": namespace, "uid": "1"}}

    async def delete(self, resource, namespace, name, **_):
        self._served(resource)
        self.deleted.append(resource.path(namespace, name))


def obj(api_version, kind):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "nightly"}}


CONFIG, OLD, GONE = obj("v1", "ConfigMap"), obj("batch/v1beta1", "CronJob"), obj("example.com/v1", "Thing")

NIGHTLY = "/apis/batch/v1/namespaces/apps/cronjobs/nightly"


async def test_an_object_whose_version_is_no_longer_served_is_still_known():
    found = await known(Cluster("v1"), [CONFIG, OLD, GONE], "apps")
    assert [each.id.display for each in found] == ["ConfigMap/apps/nightly", "CronJob/apps/nightly"]
    assert found[1].resource.path("apps", "nightly") == NIGHTLY


async def test_an_object_that_is_to_be_applied_needs_its_version():
    with pytest.raises(ClusterError, match="no matches for kind") as refused:
        await placed(Cluster("v1"), [OLD], "apps")
    assert str(NoMatch("batch", "CronJob", "v1beta1")) in str(refused.value)


async def drop(cluster, objects):
    return await delete_dropped(cluster, objects, [])


async def uninstall(cluster, objects):
    return (await remove(cluster, objects, Owner("app", "apps"))).uids


@pytest.mark.parametrize("take_out", [drop, uninstall])
@pytest.mark.parametrize(("versions", "deleted"), [(["v1"], [NIGHTLY]), ([], [])], ids=["version", "kind"])
async def test_an_object_whose_version_goes_after_it_was_looked_up_goes_itself(take_out, versions, deleted):
    cluster = Cluster("v1", "v1beta1")
    objects = await known(cluster, [OLD], "apps")
    cluster.versions = versions
    assert len(await take_out(cluster, objects)) == len(deleted)
    assert cluster.deleted == deleted
