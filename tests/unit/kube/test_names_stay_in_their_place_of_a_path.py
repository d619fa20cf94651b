"""Whatever is given as a name, a path never leads to another object than the one of that name."""

import pytest
from yarl import URL

from shared.kube.errors import NotFound, UnusableName
from shared.kube.resources import Resource

SECRETS = Resource("", "v1", "secrets", "Secret")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)

UNUSABLE = ["", ".", "..", "../b", "a/b", "/", "a/../../../b/secrets/c", "%2e%2e", "..%2fc", "a%00"]


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_can_be_no_name_is_refused_with_the_kind_and_the_rule(name):
    with pytest.raises(UnusableName) as refused:
        SECRETS.path("ns", name)
    assert str(refused.value) == (
        f"no Secret can be named '{name}': a name is neither empty nor '.' nor '..', "
        "and has no '/' or '%' in it"
    )


@pytest.mark.parametrize("namespace", [name for name in UNUSABLE if name])
def test_so_is_what_can_be_no_namespace(namespace):
    for name in (None, "s"):
        with pytest.raises(UnusableName, match=r"^no Namespace can be named"):
            SECRETS.path(namespace, name)


def test_nothing_has_such_a_name():
    assert issubclass(UnusableName, NotFound)
    assert UnusableName("Secret", "..").status == 404


def test_the_namespace_does_not_matter_where_there_is_none():
    assert ROLES.path("..", "r") == "/apis/rbac.authorization.k8s.io/v1/clusterroles/r"


@pytest.mark.parametrize(
    "name", ["plain", "a.b-c", "...", "system:node", "a?watch=true", "a#b", "a b", "ü\\..", "a;b&c=d"]
)
def test_every_other_name_is_one_segment_of_the_address_that_is_asked(name):
    path = SECRETS.path("ns", name)
    assert URL(f"https://api:6443{path}").parts == ("/", "api", "v1", "namespaces", "ns", "secrets", name)
    assert not URL(f"https://api:6443{path}").query
    assert URL(f"https://api:6443{SECRETS.path('ns', name, 'status')}").parts[-2:] == (name, "status")


def test_names_as_most_are_stand_there_as_they_are():
    assert ROLES.path(None, "system:node") == "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node"
    assert SECRETS.path() == "/api/v1/secrets"
    assert SECRETS.path("ns") == "/api/v1/namespaces/ns/secrets"
    assert SECRETS.path("") == "/api/v1/secrets"
