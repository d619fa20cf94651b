"""An API server that fails once in the middle of a release: the release is recorded, counted and known."""

from shared.testing.faulty_api import Answer, Rule

CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: app-config}
"""
HOOK = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: app-hook
  annotations: {helm.sh/hook: post-install}
"""


async def test_kinds_that_can_not_be_asked_for_fail_the_release(releases, api):
    await releases.chart({"config.yaml": CONFIG_MAP, "hook.yaml": HOOK})
    path = f"/namespaces/{releases.namespace}/configmaps/app-config"

    def applied(_):
        return any(each.verb == "PATCH" and each.path.endswith(path) for each in api.requests)

    api.disturb(Rule("GET", "^/api$", Answer(403), times=1, chosen=applied))
    with releases.own(through=api.kubeconfig):
        await releases.release(labels=releases.mine, persistentClient=False)
        obj = await releases.stalls("RetriesExceeded", "Failed to install after 1 attempt(s)")
        assert releases.condition(obj, "Ready")["reason"] == "InstallFailed"
        (snapshot,) = obj["status"]["history"]
        assert (snapshot["version"], snapshot["status"]) == (1, "failed")
        (record,) = await releases.records()
        assert record["info"]["status"] == "failed"
        await releases.remove()
    assert await releases.live("ConfigMap", "app-config") is None
