"""What tells the statuses of one commit apart."""

import pytest

from notification_controller.delivery.git.contexts import Contexts, compile_context
from notification_controller.event import Event, Involved
from notification_controller.notification import NotDelivered

EVENT = Event(
    Involved("Kustomization", "apps", "Web", "uid", "kustomize.toolkit.fluxcd.io/v1"),
    "info",
    "all well",
    "ReconciliationSucceeded",
    "kustomize-controller",
    metadata={"environment": "production", "commit": "a" * 40},
)
ALERT = {"metadata": {"name": "status", "namespace": "apps"}, "spec": {"eventSeverity": "info"}}


def provider(expression=None):
    spec = {"type": "github"} | ({"commitStatusExpr": expression} if expression is not None else {})
    return {"metadata": {"name": "p", "uid": "0C9C2E41-d2f9-4f9b-9c41-bebc1984d67a"}, "spec": spec}


@pytest.mark.parametrize(
    ("expression", "context"),
    [
        (None, "kustomization/web/0c9c2e41"),
        ("", "kustomization/web/0c9c2e41"),
        (
            "event.metadata.environment + '/' + provider.metadata.uid.split('-').first().value()",
            "production/0C9C2E41",
        ),
        ("string(event.metadata.environment)", "production"),
        ("event.involvedObject.namespace + '/' + event.involvedObject.name", "apps/Web"),
        ("alert.metadata.namespace + '.' + alert.spec.eventSeverity", "apps.info"),
        ("event.metadata[?'cluster'].orValue('none') + '/' + provider.spec.type", "none/github"),
        ("[event.reason, event.severity, event.message].join('|')", "ReconciliationSucceeded|info|all well"),
    ],
)
async def test_contexts_are_told(expression, context):
    assert await Contexts().of(EVENT, ALERT, provider(expression)) == context


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("event.involvedObject.kind == 'x'", "it gives bool, not string"),
        ("event.metadata.environment", r"it gives dyn, not string; use string\(...\)"),
        ("cluster.name + '/'", "undeclared reference to 'cluster"),
        ("event.metadata.missing + '/'", "missing"),
        ("event +", "failed to parse"),
    ],
)
async def test_bad_expressions_are_told(expression, told):
    prefix = "failed to create commit status: failed to evaluate the spec.commitStatusExpr CEL expression"
    with pytest.raises(NotDelivered, match=f"^{prefix} for the event: .*{told}"):
        await Contexts().of(EVENT, ALERT, provider(expression))


async def test_a_context_is_never_empty():
    with pytest.raises(NotDelivered, match=r"spec.commitStatusExpr gives an empty text$"):
        await Contexts().of(EVENT, ALERT, provider("''"))


async def test_an_expression_is_compiled_once():
    compiled = []

    def compiler(text):
        compiled.append(text)
        return compile_context(text)

    contexts = Contexts(2, compiler)
    for number in (1, 2, 1, 2, 3, 1):
        assert await contexts.of(EVENT, ALERT, provider(f"'{number}'")) == str(number)
    assert compiled == ["'1'", "'2'", "'3'", "'1'"]
