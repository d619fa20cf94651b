"""A Receiver's turn: its expressions and rules are checked, and its path is told.

The path holds a digest of the token, so it changes with the Secret; a Receiver without a token has none.
"""

from __future__ import annotations

from typing import Final

from notification_controller.receivers.blueprint import Blueprint, Invalid
from notification_controller.receivers.known_secrets import SECRETS
from notification_controller.receivers.material import Material, NoToken
from notification_controller.receivers.stored import StoredReceiver
from shared.auth import SecretError, secret_data
from shared.events import Severity
from shared.kube.client import KubeClient
from shared.kube.errors import NotFound
from shared.lang.duration import format_duration
from shared.runtime.outcome import Done, Failure, Gone, Outcome, Stalled
from shared.runtime.turn import Turn
from shared.status.conditions import READY, RECONCILING, STALLED

_SUCCEEDED: Final = "Succeeded"
_FAILED: Final = "Failed"
_TOKEN_NOT_FOUND: Final = "TokenNotFound"  # noqa: S105 - a reason
_PATH: Final = "webhookPath"
_TERMINAL: Final = "Reconciliation failed terminally due to configuration error"


class ReceiverReconciler:
    """Makes Receivers callable."""

    kind = StoredReceiver
    owned = frozenset({READY, RECONCILING, STALLED})

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def reconcile(self, obj: StoredReceiver, turn: Turn[StoredReceiver]) -> Outcome:
        """One pass; see the module."""
        try:
            blueprint = Blueprint.of(obj)
        except Invalid as error:
            return Stalled(error.reason, f"{_TERMINAL}: {error}")
        turn.draft.conditions.mark_reconciling("Progressing", "Reconciliation in progress")
        path = blueprint.path(await self._token(blueprint, turn))
        message = f"Receiver initialized for path: {path}"
        if not _is_told(obj, path):
            turn.event(
                Severity.INFO,
                _SUCCEEDED,
                f"Reconciliation finished, next run in {format_duration(obj.spec.interval)}",
            )
        turn.draft[_PATH] = path
        return Done(obj.spec.interval, _SUCCEEDED, message)

    async def finalize(self, obj: StoredReceiver, turn: Turn[StoredReceiver]) -> Outcome:
        """Nothing of a Receiver is anywhere else."""
        del obj, turn
        return Gone()

    async def _token(self, blueprint: Blueprint, turn: Turn[StoredReceiver]) -> bytes:
        """The token; without one nobody can be let in, so the path goes."""
        key = blueprint.secret
        if key is None:
            return b""
        try:
            secret = await self._client.get(SECRETS, key.namespace, key.name)
            return Material.of(str(key), secret_data(secret)).token
        except NotFound as error:
            problem = f"unable to read token from secret '{key}' error: {error}"
        except SecretError as error:
            problem = f"invalid '{key}' secret data: {error}"
        except NoToken as error:
            problem = str(error)
        turn.draft[_PATH] = None
        turn.event(Severity.ERROR, _FAILED, problem)
        raise Failure(_TOKEN_NOT_FOUND, problem, notify=False)


def _is_told(obj: StoredReceiver, path: str) -> bool:
    """Whether the status says all of this already."""
    return obj.ready and obj.status.observed_generation == obj.generation and obj.status.webhook_path == path
