"""The story of an ImagePolicy: repository -> tags -> choice -> digest."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

from image_controllers.naming import InvalidImage, canonical
from image_controllers.news import SUCCEEDED, Before
from image_controllers.reflector.access import Accesses
from image_controllers.reflector.image_policy.choices import Chooser
from image_controllers.reflector.image_policy.digests import Digests, NoDigest
from image_controllers.reflector.image_policy.repositories import AccessDenied, NoRepository, Repositories
from image_controllers.reflector.policy import InvalidPolicy, NoChoice
from image_controllers.reflector.tags import Tags, TagsError
from shared.api.image_v1 import ImagePolicy, ImageRef, ImageRepository
from shared.auth.cloud import GATE_CLOSED
from shared.events import Severity
from shared.kube.resources import ObjectKey
from shared.lang.duration import format_duration
from shared.oci import Repository
from shared.runtime.outcome import Done, Failure, Gone, Outcome, Stalled, Waiting
from shared.runtime.turn import Turn
from shared.status.conditions import READY, RECONCILING, STALLED

OWNED: Final = frozenset({READY, RECONCILING, STALLED})

_NO_REPOSITORY: Final = "failed to get the referred ImageRepository"
_GATE: Final = GATE_CLOSED.replace(
    "spec.serviceAccountName", "spec.serviceAccountName in the ImageRepository", 1
)


class Reason(StrEnum):
    """Reasons of conditions and events."""

    INTERVAL_NOT_CONFIGURED = "IntervalNotConfigured"
    ACCESS_DENIED = "AccessDenied"
    DEPENDENCY_NOT_READY = "DependencyNotReady"
    URL_INVALID = "ImageURLInvalid"
    GATE_DISABLED = "FeatureGateDisabled"
    INVALID_POLICY = "InvalidPolicy"
    FAILURE = "Failure"
    DIGEST_FAILED = "Failed"


class ImagePolicyReconciler:
    """Keeps policies at the tags that they choose."""

    kind = ImagePolicy
    owned = OWNED

    def __init__(
        self,
        repositories: Repositories,
        accesses: Accesses,
        tags: Tags,
        digests: Digests,
        *,
        wait: timedelta,
    ) -> None:
        """`wait` is how long a policy waits for tags."""
        self._repositories = repositories
        self._accesses = accesses
        self._tags = tags
        self._digests = digests
        self._wait = wait

    async def reconcile(self, obj: ImagePolicy, turn: Turn[ImagePolicy]) -> Outcome:
        """One pass; see the module."""
        before = Before.of(turn)
        if obj.spec.refreshes and obj.spec.interval is None:
            text = "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'"
            return Stalled(Reason.INTERVAL_NOT_CONFIGURED, text)
        turn.progress("reconciliation in progress")
        repository = await self._repository(obj)
        try:
            name = canonical(repository.spec.image)
        except InvalidImage as error:
            return Stalled(Reason.URL_INVALID, str(error))
        if self._accesses.gate_closed(repository):
            return Stalled(Reason.GATE_DISABLED, _GATE)
        try:
            tag = await self._chosen(obj, repository, name, turn)
        except InvalidPolicy as error:
            return Stalled(Reason.INVALID_POLICY, str(error))
        if tag is None:
            return self._no_tags(turn)
        try:
            digest = await self._digests.of(obj, repository, name, tag)
        except NoDigest as error:
            raise Failure(Reason.DIGEST_FAILED, str(error), retry_after=error.retry_after) from error
        message = _settle(obj, ImageRef(name=repository.spec.image, tag=tag, digest=digest), turn)
        before.tell(turn, message, message)
        return Done(obj.spec.refresh if obj.spec.refreshes else None, SUCCEEDED, message)

    async def finalize(self, obj: ImagePolicy, turn: Turn[ImagePolicy]) -> Outcome:
        """Nothing is left of a policy but itself."""
        del obj, turn
        return Gone()

    async def _repository(self, obj: ImagePolicy) -> ImageRepository:
        try:
            return await self._repositories.of(obj)
        except AccessDenied as error:
            raise Failure(Reason.ACCESS_DENIED, f"{_NO_REPOSITORY}: {error}") from error
        except NoRepository as error:
            text = f"referenced ImageRepository does not exist: {error}"
            raise Failure(Reason.DEPENDENCY_NOT_READY, text) from error

    async def _chosen(
        self, obj: ImagePolicy, repository: ImageRepository, name: Repository, turn: Turn[ImagePolicy]
    ) -> str | None:
        """The tag that the policy chooses; None where there are no tags yet."""
        chooser = Chooser(obj.spec)
        if repository.status.canonical_image_name != str(name):
            # The tags that are kept are those of another image.
            return None
        key = ObjectKey(repository.namespace, repository.name)
        scan = repository.status.last_scan_result
        known = scan is not None and scan.tag_count > 0
        try:
            tag = await self._tags.reduce(key, chooser.choose)
            if tag is None and known and turn.draft.conditions.holds(READY):
                # They were lost, with a pod perhaps, and are about to be scanned again.
                await turn.park(self._tags.arrival(key, self._wait))
                tag = await self._tags.reduce(key, chooser.choose)
        except (NoChoice, TagsError) as error:
            raise Failure(Reason.FAILURE, str(error)) from error
        return tag

    def _no_tags(self, turn: Turn[ImagePolicy]) -> Waiting:
        """The next scan brings the policy back; until then it is told once that it waits."""
        text = f"retrying in {format_duration(self._wait)} error: no tags in database"
        ready = turn.draft.conditions.get(READY)
        if ready is None or (ready.reason, ready.message) != (Reason.DEPENDENCY_NOT_READY, text):
            turn.event(Severity.ERROR, Reason.DEPENDENCY_NOT_READY, text)
        return Waiting(Reason.DEPENDENCY_NOT_READY, text, self._wait)


def _settle(obj: ImagePolicy, found: ImageRef, turn: Turn[ImagePolicy]) -> str:
    """Writes the choice down, and what was chosen before where that is something else; tells of both."""
    known = obj.status.latest_ref
    previous = obj.status.observed_previous_ref
    if known != found:
        if known is not None:
            previous = known
            turn.draft["observedPreviousRef"] = _wire(known)
        turn.draft["latestRef"] = _wire(found)
    message = f"Latest image tag for {found.name} resolved to {found.tag}"
    message += f" with digest {found.digest}" if found.digest else ""
    return message + (f" (previously {previous})" if previous is not None and previous != found else "")


def _wire(image: ImageRef) -> dict[str, str]:
    return image.model_dump(by_alias=True, exclude_none=True)
