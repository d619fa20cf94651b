"""The header is taken from unvalidated JSON: it never raises, and it reads what is there."""

from hypothesis import example, given
from hypothesis import strategies as st

from kustomize_controller.kustomization.header import KustomizationHeader
from shared.kube.resources import ObjectKey
from shared.runtime.sources import SourceHeader

FIELDS = ("sourceRef", "dependsOn", "postBuild", "kubeConfig", "decryption", "conditions", "artifact", "name")
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=10,
)


@given(spec=ANY, status=ANY)
@example(spec={}, status={"conditions": [{"type": {}}]})
@example(spec={}, status={"conditions": [{"type": ["Ready"], "status": "True"}]})
def test_nothing_in_spec_or_status_raises(spec, status):
    obj = {"metadata": {"name": "a", "namespace": "n"}, "spec": spec, "status": status}
    KustomizationHeader.of(obj)
    SourceHeader.of(obj)


def test_references_without_namespace_mean_the_own_one():
    spec = {
        "sourceRef": {"kind": "GitRepository", "name": "app"},
        "dependsOn": [{"name": "one"}, {"name": "two", "namespace": "other"}],
        "postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]},
        "decryption": {"provider": "sops", "secretRef": {"name": "keys"}},
        "kubeConfig": {"configMapRef": {"name": "remote"}},
    }
    header = KustomizationHeader.of({"metadata": {"name": "a", "namespace": "n"}, "spec": spec})
    assert header.source == ("GitRepository", "n", "app")
    assert header.depends_on == (ObjectKey("n", "one"), ObjectKey("other", "two"))
    assert header.configs == (
        ("ConfigMap", "n", "vars"),
        ("ConfigMap", "n", "remote"),
        ("Secret", "n", "keys"),
    )
    assert header.observed_generation == -1
