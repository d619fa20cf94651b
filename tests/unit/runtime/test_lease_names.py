import hashlib

from shared.runtime.lease import lease_name


def test_a_controller_without_selector_has_one_lease():
    assert lease_name("kustomize-controller", "") == "kustomize-controller-leader-election"


def test_a_shard_has_its_own_lease():
    selector = "sharding.fluxcd.io/key=shard1"
    ending = hashlib.sha256(selector.encode()).hexdigest()[:8]
    assert lease_name("kustomize-controller", selector) == f"kustomize-controller-leader-election-{ending}"
    assert lease_name("kustomize-controller", selector) != lease_name("kustomize-controller", "other=shard")
