"""From a GitRepository to a remote, or to what is told of it where that fails."""

from __future__ import annotations

from shared.api.source_v1 import GitRepository
from shared.git import InvalidRemote, Remote
from shared.git.configured import AccessRefused, ConfiguredRemotes, IdentityRefused, InvalidProvider
from shared.runtime.outcome import Failure, Stalled
from source_controller.artifacts import FETCH_FAILED, CommonReason
from source_controller.git_repository.conditions import Reason
from source_controller.identities import user_of
from source_controller.secrets import refused


class Remotes:
    """Opens remotes."""

    def __init__(self, configured: ConfiguredRemotes) -> None:
        self._configured = configured

    async def open(self, obj: GitRepository) -> Remote | Stalled:
        """The remote; `Stalled` when only an edit of the object can help.

        Raises:
            Failure: a Secret is missing or can't be used, or a cloud gives nothing; that may change later.
        """
        try:
            return await self._configured.open(obj, user_of(obj))
        except IdentityRefused as error:
            return Stalled(CommonReason.GATE_DISABLED, str(error))
        except InvalidRemote as error:
            return Stalled(CommonReason.URL_INVALID, str(error))
        except InvalidProvider as error:
            if error.final:
                return Stalled(Reason.INVALID_PROVIDER, str(error))
            raise Failure(Reason.INVALID_PROVIDER, str(error), condition=FETCH_FAILED) from error
        except AccessRefused as error:
            raise refused(str(error)) from error
