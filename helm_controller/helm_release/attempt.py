"""Everything that one attempt at a release works with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from helm_controller.cluster.waiting import Waiting
from helm_controller.helm_release.charts import Chart
from helm_controller.helm_release.record import Record
from helm_controller.operations import Means
from helm_controller.patching.patch_rules import PatchRules
from helm_controller.release.digest import config_digest, is_config_digest
from helm_controller.release.model import Release
from helm_controller.release.snapshots import Snapshot
from helm_controller.release.storage import Storage
from helm_controller.release.times import stamp
from helm_controller.values.composing import Composed
from helm_controller.values.secrecy import Secrets
from shared.api.helm_v2 import GROUP, HelmRelease
from shared.events import Severity
from shared.kube.client import KubeClient
from shared.observe import metrics
from shared.observe.clock import Clock
from shared.runtime.turn import Turn

_LINES: Final = 10
_LONGEST: Final = 4096


class LogTail:
    """The last lines of what an operation said."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: deque[str] = deque(maxlen=_LINES)

    def say(self, line: str) -> None:
        """One more line."""
        self._lines.append(f"{stamp(self._clock.now())}: {line}")

    def added_to(self, message: str) -> str:
        """A message with the lines below it."""
        if not self._lines:
            return message
        return "\n\n".join((message, "Last Helm logs:", "\n".join(self._lines)))


@dataclass(slots=True)
class Attempt:
    """One attempt; without chart and values for what needs none of them."""

    obj: HelmRelease
    turn: Turn[HelmRelease]
    record: Record
    client: KubeClient
    storage_namespace: str
    release_name: str
    waiting: Waiting
    algorithm: str
    rules: PatchRules
    chart: Chart | None = None
    values: Composed = field(default_factory=lambda: Composed({}))
    #: Whether a release by force was asked for and has not begun yet.
    forced: bool = False
    digest: str = ""
    #: What this attempt has written, by resource version.
    written: dict[str, Release] = field(default_factory=dict, repr=False)
    _secrets: Secrets | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.digest = config_digest(self.values.values, self.algorithm)

    @property
    def the_chart(self) -> Chart:
        """The chart; only for actions that have one."""
        if self.chart is None:
            raise RuntimeError("this attempt has no chart")
        return self.chart

    def has_values_of(self, digest: str) -> bool:
        """Whether a digest is that of the values, with the algorithm of today or with another one."""
        return digest == self.digest or is_config_digest(digest, self.values.values)

    def storage(self, observe: Callable[[Release], None] | None = None) -> Storage:
        """The records of the release."""
        storage = Storage(self.client, self.storage_namespace, self.release_name, self.turn.clock.now)
        labels = (self.obj.name, self.obj.namespace)
        storage.measure = lambda size: metrics.helm_storage.labels(*labels).set(size)
        storage.written = self.written
        if observe is not None:
            storage.observe = observe
        return storage

    def means(self, observe: Callable[[Release], None], log: LogTail) -> Means:
        """What an operation works with."""
        return Means(
            self.client,
            self.storage(observe),
            self.waiting,
            self.turn.clock,
            self.rules,
            lambda line: log.say(self.told(line)),
            rediscovers=self.obj.spec.persistent_client is False,
        )

    def snapshot(self, release: Release, *, action: str = "", oci_digest: str = "") -> Snapshot:
        """A record as the history has it."""
        return Snapshot.observe(release, action=action, oci_digest=oci_digest, algorithm=self.algorithm)

    def told(self, problem: Exception | str) -> str:
        """What may be said of a problem: no texts from Secrets, and not too much."""
        if self._secrets is None:
            self._secrets = Secrets(self.values.secrets)
        text = self._secrets.masked(str(problem).strip())
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

    def event(self, severity: Severity, reason: str, message: str, snapshot: Snapshot) -> None:
        """An event about a revision."""
        self.turn.event(
            severity,
            reason,
            message,
            metadata(
                snapshot.chart_version, snapshot.config_digest, snapshot.app_version, snapshot.oci_digest
            ),
        )


def metadata(revision: str, token: str, app_version: str = "", oci_digest: str = "") -> dict[str, str]:
    """Metadata of events about a release."""
    facts = {"revision": revision, "token": token, "app-version": app_version, "oci-digest": oci_digest}
    return {f"{GROUP}/{key}": value for key, value in facts.items() if value}
