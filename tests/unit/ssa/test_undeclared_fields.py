"""What the server's schema of a built-in kind doesn't have is dropped, as the server itself names it."""

import pytest

from shared.ssa.undeclared import without_undeclared

MESSAGE = (
    "failed to create typed patch object (n/a; apps/v1, Kind=Deployment): errors:\n"
    "  .spec.replica: field not declared in schema\n"
    '  .spec.template.spec.containers[name="app"].imagePullpolicy: field not declared in schema'
)


def deployment(group="apps"):
    containers = [{"name": "app", "imagePullpolicy": "x"}, {"name": "side", "imagePullpolicy": "x"}]
    spec = {"replica": 1, "template": {"spec": {"containers": containers}}}
    return {"apiVersion": f"{group}/v1", "kind": "Deployment", "spec": spec}


def test_named_fields_are_dropped_and_no_others():
    result, dropped = without_undeclared(deployment(), MESSAGE)
    assert dropped == (".spec.replica", '.spec.template.spec.containers[name="app"].imagePullpolicy')
    assert result["spec"]["template"]["spec"]["containers"] == [
        {"name": "app"},
        {"name": "side", "imagePullpolicy": "x"},
    ]
    assert "replica" not in result["spec"]


@pytest.mark.parametrize(
    "refused", ["n/a; apps/v1, Kind=Deployment", "n.s/a.b; networking.k8s.io/v1, Kind=X"]
)
def test_a_single_field_is_named_behind_what_was_refused(refused):
    message = f"failed to create typed patch object ({refused}): .spec.replica: field not declared in schema"
    result, dropped = without_undeclared(deployment(), message)
    assert dropped == (".spec.replica",)
    assert "replica" not in result["spec"]


@pytest.mark.parametrize("text", [".x" * 400_000, "[" * 800_000, "=" * 800_000], ids=lambda text: text[:2])
def test_long_refusals_take_no_longer_than_others(text):
    # With what takes time by the square of a length, these would take hours.
    for message in (text, f"data[{text}]: .{text}: field not declared in schema"):
        given = deployment()
        assert without_undeclared(given, message) == (given, ())


@pytest.mark.parametrize(
    "message",
    [
        "",
        "something else",
        ".spec.other: field not declared in schema",
        ".spec..x: field not declared in schema",
    ],
)
def test_nothing_named_nothing_dropped(message):
    given = deployment()
    assert without_undeclared(given, message) == (given, ())


def test_custom_kinds_are_refused_as_they_are():
    given = deployment("apps.example.com")
    assert without_undeclared(given, MESSAGE) == (given, ())


def test_groups_that_only_look_built_in_are_refused_as_they_are():
    """Nothing but the server knows what a field of the gateway API means."""
    given = deployment("gateway.networking.k8s.io")
    assert without_undeclared(given, MESSAGE) == (given, ())
    built_in = deployment("networking.k8s.io")
    assert without_undeclared(built_in, MESSAGE)[1]
