"""Ready, from the conditions about release, tests and remediation."""

from __future__ import annotations

from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.reasons import RELEASED, REMEDIATED, TEST_SUCCESS
from helm_controller.helm_release.record import Record
from helm_controller.release.digest import piece_digest
from shared.api.helm_v2 import HelmRelease
from shared.api.model import WireModel
from shared.lang.json import JsonObject
from shared.status.conditions import FALSE, READY, STALLED, TRUE


def summarise(attempt: Attempt) -> None:
    """States Ready, and what of the spec it is about."""
    state_ready(attempt.obj, attempt.record)
    post_renderers, common_metadata = spec_digests(attempt.obj)
    attempt.record.set("observedPostRenderersDigest", post_renderers)
    attempt.record.set("observedCommonMetadataDigest", common_metadata)


def state_ready(obj: HelmRelease, record: Record) -> None:
    """The first of the conditions decides, a later one only with news; a remediated release isn't ready."""
    conditions = record.conditions
    if not obj.test.enable:
        conditions.remove(TEST_SUCCESS)
    order = [REMEDIATED, TEST_SUCCESS, RELEASED]
    if not obj.test.enable or obj.test.ignore_failures:
        order.remove(TEST_SUCCESS)
    found = [condition for type_ in order if (condition := conditions.get(type_))]
    if not found:
        return
    decisive = found[0]
    for condition in found[1:]:
        if condition.observed_generation > decisive.observed_generation:
            decisive = condition
    status = FALSE if decisive.type == REMEDIATED else decisive.status
    if status == TRUE:
        conditions.remove(STALLED)
    conditions.set(READY, status, decisive.reason, decisive.message)


def spec_digests(obj: HelmRelease) -> tuple[str, str]:
    """Digests of post-renderers and common metadata; nothing where they are absent."""
    renderers, common = obj.spec.post_renderers, obj.spec.common_metadata
    post = None if renderers is None else [_wire(each) for each in renderers]
    shared = None
    if common is not None:
        # The order of the API's own fields, which is not that of the model.
        shared = {
            key: dict(sorted(value.items()))
            for key, value in (("annotations", common.annotations), ("labels", common.labels))
            if value
        }
    return piece_digest(post), piece_digest(shared)


def _wire(model: WireModel) -> JsonObject:
    found: JsonObject = model.model_dump(by_alias=True, exclude_none=True, mode="json")
    return found
