"""What is known of every Receiver without decoding it: where it is called, and which Secret it needs."""

from __future__ import annotations

from dataclasses import dataclass

from shared.lang.json import JsonObject, mapping, mappings
from shared.runtime.config_triggers import ConfigKey
from shared.runtime.header import Header

_AWAY = {("Ready", "False"), ("Ready", "Unknown"), ("Stalled", "True"), ("Reconciling", "True")}


@dataclass(frozen=True, slots=True)
class ReceiverHeader(Header):
    """Facts for triggers and for finding the Receiver of a call."""

    uid: str
    path: str
    #: Whether calls are answered: ready, nothing in progress, and not suspended.
    available: bool
    configs: tuple[ConfigKey, ...]

    @classmethod
    def of(cls, obj: JsonObject) -> ReceiverHeader:
        """From an object in wire form; never raises."""
        plain = Header.of(obj)
        metadata, spec, status = obj["metadata"], mapping(obj.get("spec")), mapping(obj.get("status"))
        path, secret = status.get("webhookPath"), mapping(spec.get("secretRef")).get("name")
        configs: tuple[ConfigKey, ...] = ()
        if isinstance(secret, str) and secret:
            configs = (("Secret", metadata.get("namespace") or "", secret),)
        return cls(
            plain.generation,
            plain.requested_at,
            plain.deleting,
            uid=metadata.get("uid") or "",
            path=path if isinstance(path, str) else "",
            available=spec.get("suspend") is not True and _ready(status),
            configs=configs,
        )


def _ready(status: JsonObject) -> bool:
    said = {
        (str(known.get("type")), str(known.get("status"))) for known in mappings(status.get("conditions"))
    }
    return ("Ready", "True") in said and not said & _AWAY
