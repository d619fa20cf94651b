"""Takes back what a failed operation created."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from helm_controller.cluster.objects import ClusterError, Placed, live_objects
from helm_controller.cluster.removing import remove
from helm_controller.operations.means import Means, Options, owner_of
from helm_controller.release.model import Release


@dataclass(frozen=True, slots=True)
class Cleaning:
    """The objects that were not there before; empty where they are to stay whatever happens."""

    means: Means
    missing: Sequence[Placed]

    @classmethod
    async def prepared(cls, means: Means, options: Options, objects: Sequence[Placed]) -> Cleaning:
        """Looks which of the objects are missing, where that will matter.

        Raises:
            ClusterError: one can't be read.
        """
        if not options.cleanup_on_fail:
            return cls(means, ())
        live = await live_objects(means.client, objects)
        return cls(means, [each for each in objects if each.id not in live])

    async def clean(self, release: Release) -> None:
        """Deletes what was created since; a refusal is told in the log, the first failure is what counts."""
        if not self.missing:
            return
        try:
            removed = await remove(self.means.client, self.missing, owner_of(release))
        except ClusterError as error:
            self.means.say(f"unable to cleanup resources: {error}")
            return
        for problem in removed.problems:
            self.means.say(f"unable to cleanup resources: {problem}")
