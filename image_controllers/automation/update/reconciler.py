"""The story of an ImageUpdateAutomation: policies -> source -> is anything new -> edit, commit, push."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from functools import partial
from typing import Final

from image_controllers.automation.setters.edits import EditFailed
from image_controllers.automation.update.files import NoSuchPath, Update
from image_controllers.automation.update.message import RemovedField, rendered
from image_controllers.automation.update.plans import InvalidSource, NoPlan, Plan, Plans, SourceForbidden
from image_controllers.automation.update.policies import Choices, PolicyHeader
from image_controllers.automation.update.runs import CheckoutFailed, Outcome, PushFailed, Runs, revision_of
from image_controllers.automation.update.selecting import InvalidSelector, Selector
from image_controllers.news import SUCCEEDED, Before
from shared.api.image_v1 import ImageUpdateAutomation
from shared.git import GitError
from shared.git.configured import IdentityRefused, InvalidProvider
from shared.kube.store import Store
from shared.lang.gotmpl import ParseError, TemplateError
from shared.lang.timestamp import format_timestamp
from shared.observe import metrics
from shared.runtime.outcome import Done, Failure, Gone, Stalled
from shared.runtime.outcome import Outcome as TurnOutcome
from shared.runtime.turn import Turn
from shared.status.conditions import READY, RECONCILING, STALLED

OWNED: Final = frozenset({READY, RECONCILING, STALLED})

_UP_TO_DATE: Final = "repository up-to-date"
_NO_CHANGE: Final = "no change since last reconciliation"
_SHORT: Final = 7


class Reason(StrEnum):
    """Reasons of conditions and events."""

    INVALID_SELECTOR = "InvalidPolicySelector"
    ACCESS_DENIED = "AccessDenied"
    INVALID_SOURCE = "InvalidSourceConfiguration"
    GATE_DISABLED = "FeatureGateDisabled"
    SOURCE_FAILED = "SourceManagerFailed"
    GIT_FAILED = "GitOperationFailed"
    UPDATE_FAILED = "UpdateFailed"
    REMOVED_FIELD = "RemovedTemplateField"


class ImageUpdateAutomationReconciler:
    """Keeps repositories at the images that policies choose."""

    kind = ImageUpdateAutomation
    owned = OWNED

    def __init__(self, policies: Store[PolicyHeader], plans: Plans, runs: Runs) -> None:
        self._policies = policies
        self._plans = plans
        self._runs = runs

    async def reconcile(self, obj: ImageUpdateAutomation, turn: Turn[ImageUpdateAutomation]) -> TurnOutcome:
        """One pass; see the module."""
        before = Before.of(turn)
        turn.draft["lastAutomationRunTime"] = format_timestamp(turn.clock.now())
        turn.progress("reconciliation in progress")
        try:
            selector = Selector(obj.spec.policy_selector)
        except InvalidSelector as error:
            return Stalled(Reason.INVALID_SELECTOR, f"failed to parse policy selector: {error}")
        choose = partial(Choices.of, obj.namespace, selector, self._policies)
        plan = await self._plan(obj)
        if isinstance(plan, Stalled):
            return plan
        try:
            if await self._is_settled(obj, plan, choose(), turn):
                before.tell(turn, _UP_TO_DATE, _NO_CHANGE)
                return Done(obj.spec.interval, SUCCEEDED, _UP_TO_DATE)
            outcome = await self._runs.run(obj, plan, choose, turn.clock.now, turn.asked_at)
        except CheckoutFailed as error:
            raise _failure(f"failed to checkout source: {error}", error.error) from error
        except (NoSuchPath, EditFailed) as error:
            text = f"failed to apply policies: {error}"
            raise Failure(Reason.UPDATE_FAILED, text) from error
        except RemovedField as error:
            return Stalled(Reason.REMOVED_FIELD, str(error))
        except (NoPlan, PushFailed) as error:
            cause = error.error if isinstance(error, PushFailed) else None
            raise _failure(f"failed to update source: {error}", cause) from error
        _note(turn, outcome)
        return self._told(obj, plan, outcome, turn, before)

    async def finalize(self, obj: ImageUpdateAutomation, turn: Turn[ImageUpdateAutomation]) -> TurnOutcome:
        """What was committed stays."""
        del obj
        self._runs.forget(turn.key)
        return Gone()

    async def _plan(self, obj: ImageUpdateAutomation) -> Plan | Stalled:
        try:
            plan = await self._plans.of(obj)
        except SourceForbidden as error:
            return Stalled(Reason.ACCESS_DENIED, str(error))
        except (InvalidSource, InvalidProvider) as error:
            return Stalled(Reason.INVALID_SOURCE, str(error))
        except IdentityRefused as error:
            return Stalled(Reason.GATE_DISABLED, str(error))
        except NoPlan as error:
            text = f"failed configuring source manager: {error}"
            raise Failure(Reason.SOURCE_FAILED, text) from error
        except ParseError as error:
            text = "failed to update source: unable to create commit message template from spec"
            raise Failure(Reason.GIT_FAILED, f"{text}: {error}") from error
        return await self._checked(obj, plan)

    @staticmethod
    async def _checked(obj: ImageUpdateAutomation, plan: Plan) -> Plan | Stalled:
        """A template of a new spec is tried before there is anything to commit."""
        if obj.status.observed_generation != obj.generation:
            values = plan.commit.message_template_values or {}
            try:
                await asyncio.to_thread(rendered, plan.template, obj.namespace, obj.name, {}, values)
            except RemovedField as error:
                return Stalled(Reason.REMOVED_FIELD, str(error))
            except TemplateError:
                pass  # with changes it may well run
        return plan

    async def _is_settled(
        self,
        obj: ImageUpdateAutomation,
        plan: Plan,
        choices: Choices,
        turn: Turn[ImageUpdateAutomation],
    ) -> bool:
        """Whether nothing is new: neither the choices, nor the source, nor what is wanted."""
        status = obj.status
        if (
            plan.switches
            or plan.refspec
            or not status.observed_source_revision
            or status.observed_generation != obj.generation
            or dict(status.observed_policies or {}) != dict(choices.chosen)
        ):
            return False
        head = await self._runs.head(plan, turn.asked_at)
        return revision_of(head) == status.observed_source_revision

    def _told(
        self,
        obj: ImageUpdateAutomation,
        plan: Plan,
        outcome: Outcome,
        turn: Turn[ImageUpdateAutomation],
        before: Before,
    ) -> Done:
        draft, commit, choices = turn.draft, outcome.commit, outcome.choices
        draft["observedPolicies"] = choices.wire()
        draft["observedSourceRevision"] = outcome.revision
        message = _UP_TO_DATE
        if commit is not None:
            draft["lastPushCommit"] = commit.hash
            draft["lastPushTime"] = format_timestamp(turn.clock.now())
            before.tell(turn, _summary(plan, commit.hash, commit.message), "")
        else:
            if choices.invalid:
                message += f"; no valid image is chosen by {', '.join(choices.invalid)}"
            before.tell(turn, message, f"{message}{_remarks(outcome.update)}")
        return Done(obj.spec.interval, SUCCEEDED, message)


def _note(turn: Turn[ImageUpdateAutomation], outcome: Outcome) -> None:
    """What people look for when a marker does nothing."""
    update, choices = outcome.update, outcome.choices
    metrics.image_markers_unmatched.labels(turn.key.namespace, turn.key.name).set(len(update.unmatched))
    if update.unmatched:
        markers = sorted(set(update.unmatched))[:20]
        turn.log.info("markers without a policy", count=len(update.unmatched), markers=markers)
    for file, why in update.skipped.items():
        turn.log.info("file with markers can't be edited", file=file, error=why)
    for name in choices.invalid:
        turn.log.error("policy has chosen no valid image", policy=name, image=str(choices.chosen[name]))


def _remarks(update: Update) -> str:
    text = f"; {len(update.unmatched)} markers have no policy" if update.unmatched else ""
    return text + (f"; files that can't be edited: {', '.join(update.skipped)}" if update.skipped else "")


def _summary(plan: Plan, commit: str, message: str) -> str:
    text = f"pushed commit '{commit[:_SHORT]}' to branch '{plan.branch}'"
    text += f" and refspecs '{plan.refspec}'" if plan.refspec else ""
    return f"{text}\n{message}" if message else text


def _failure(text: str, error: GitError | None) -> Failure:
    return Failure(Reason.GIT_FAILED, text, retry_after=error.retry_after if error else None)
