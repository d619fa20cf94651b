"""The pattern of bootstrapped clusters: the source holds the Kustomization that applies it."""

from shared.testing.flux import KUSTOMIZATION


async def test_it_waits_for_all_but_itself_follows_its_own_changes_and_goes_with_everything(flux, config_map):
    def itself(**spec):
        source = {"kind": "GitRepository", "name": "app"}
        body = {"interval": "1h", "retryInterval": "1s", "prune": True, "wait": True, "sourceRef": source}
        return {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": "app", "namespace": flux.namespace},
            "spec": body | {"targetNamespace": flux.namespace} | spec,
        }

    await flux.publish(itself(), config_map("a"))
    await flux.apply(itself(), "flux")
    app = await flux.ready()
    assert flux.condition(app, "Healthy")["status"] == "True"
    assert flux.id_of("Kustomization", "app", "kustomize.toolkit.fluxcd.io") in flux.inventory(app)
    version = (await flux.reconcile())["metadata"]["generation"]
    assert version == 1
    await flux.publish(itself(interval="2h", path="./"), config_map("a"))
    app = await flux.ready()
    assert (app["spec"]["interval"], app["metadata"]["generation"]) == ("2h", 2)
    await flux.publish(config_map("b"))
    await flux.gone(KUSTOMIZATION, "app")
    assert await flux.names() == []
