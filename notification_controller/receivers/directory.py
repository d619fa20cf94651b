"""Which Receiver a path belongs to, found without looking at the others."""

from __future__ import annotations

from collections import defaultdict

from notification_controller.receivers.blueprint import Blueprint, Invalid
from notification_controller.receivers.header import ReceiverHeader
from notification_controller.receivers.stored import StoredReceiver
from shared.api.decode import InvalidObject, decode
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.kube.store import Change

#: Receiver, generation: what was compiled of it.
_Known = tuple[str, int, Blueprint | None]


class Directory:
    """Follows the Receivers; a path leads to one of them, and to what is compiled once per generation."""

    def __init__(self, receivers: Informer[ReceiverHeader]) -> None:
        self._receivers = receivers
        self._by_path: defaultdict[str, set[ObjectKey]] = defaultdict(set)
        self._paths: dict[ObjectKey, str] = {}
        self._known: dict[ObjectKey, _Known] = {}
        receivers.subscribe(self._on_change)

    @property
    def synced(self) -> bool:
        """Whether all Receivers are known."""
        return self._receivers.synced.is_set()

    def at(self, path: str) -> ObjectKey | None:
        """The Receiver that is called at a path; where two have the same, the first by name."""
        keys = self._by_path.get(path)
        return min(keys) if keys else None

    def available(self, key: ObjectKey) -> bool:
        """Whether calls of a Receiver are answered now."""
        header = self._receivers.store.header(key)
        return header is not None and header.available

    def blueprint(self, key: ObjectKey) -> Blueprint | None:
        """What a call is checked against; None where the Receiver can't be used as it is now."""
        header = self._receivers.store.header(key)
        if header is None:
            return None
        known = self._known.get(key)
        if known is None or known[:2] != (header.uid, header.generation):
            known = (header.uid, header.generation, self._compiled(key))
            self._known[key] = known
        return known[2]

    def _compiled(self, key: ObjectKey) -> Blueprint | None:
        raw = self._receivers.store.get(key)
        if raw is None:
            return None
        try:
            return Blueprint.of(decode(StoredReceiver, raw))
        except (Invalid, InvalidObject):
            return None

    def _on_change(self, change: Change[ReceiverHeader]) -> None:
        key, new = change.key, change.new
        if new is None:
            self._known.pop(key, None)
        # What is known here counts, not `change.old`: that of an object which took another's place is empty.
        before, after = self._paths.pop(key, ""), new.path if new else ""
        if before and before != after:
            keys = self._by_path[before]
            keys.discard(key)
            if not keys:
                del self._by_path[before]
        if after:
            self._paths[key] = after
            self._by_path[after].add(key)
