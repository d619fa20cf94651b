"""What services are sent, as data: an event, a Provider, its Secret, and the requests that come of them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import yaml
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from notification_controller.event import Event, Involved
from shared.lang.json import JsonObject, dumps, loads
from shared.testing.inbox import Received

_DATA: Final = Path(__file__).parents[2] / "tests" / "data" / "notification"
_INBOX: Final = "INBOX"
_WITH_KEY: Final = "INBOX_WITH_KEY"
#: Services whose host nobody can choose.
FIXED_HOSTS: Final = (
    "api.bitbucket.org",
    "api.github.com",
    "api.telegram.org",
    "dev.azure.com",
    "hub-ns.servicebus.windows.net",
    "pubsub.googleapis.com",
    "slack.com",
    "x-webhook.office.com",
    "x.webhook.office.com",
)


@dataclass(frozen=True)
class ProviderCase:
    """One case, from a folder `<type>/<name>` with `in.yaml` and `want.yaml`."""

    kind: str
    name: str
    given: JsonObject = field(repr=False)
    want: JsonObject = field(repr=False)

    def __str__(self) -> str:
        return f"{self.kind}-{self.name}"

    @property
    def outside(self) -> bool:
        """Whether the service is at one of the fixed hosts."""
        return bool(self.given.get("outside"))

    @property
    def context(self) -> str:
        """Context of a commit status."""
        return str(self.given.get("context", ""))

    @property
    def status(self) -> int:
        """With what the service answers."""
        return int(self.given.get("status", 200))

    @property
    def answer(self) -> bytes:
        """What the service answers."""
        return str(self.given.get("answer", "")).encode()

    @property
    def answers(self) -> list[bytes]:
        """What it answers to one request after the other, before that."""
        return [str(each).encode() for each in self.given.get("answers", [])]

    @property
    def error(self) -> str:
        """Why the Provider can't be used."""
        return str(self.want.get("error", ""))

    @property
    def refused(self) -> str:
        """Why the service does not take it."""
        return str(self.want.get("refused", ""))

    @cached_property
    def event(self) -> Event:
        """The event, its metadata combined: one of those in `events.yaml`, perhaps with changes."""
        given = self.given["event"]
        changes = dict(given) if isinstance(given, dict) else {"like": given}
        like = dict(_events()[changes.pop("like")])
        authored = frozenset(like.pop("authored", ()))
        made = Event(Involved(**like.pop("involved")), **like, authored=authored)
        changes |= {"involved": Involved(**changes["involved"])} if "involved" in changes else {}
        return replace(made, **changes)

    def provider(self, url: str) -> dict[str, str]:
        """The spec of the Provider, for a service at an address."""
        return _placed(self.given["provider"], url)

    @property
    def has_secret(self) -> bool:
        """Whether there is a Secret."""
        return "secret" in self.given

    def secret(self, url: str) -> dict[str, str]:
        """Its data, for a service at an address."""
        return _placed(self.given["secret"], url)

    def compare(self, received: list[Received], url: str, *without: str) -> None:
        """Everything but headers that nobody asked about has to be the same; some keys may be left out."""
        wanted = loads(dumps(self.want.get("requests", [])).decode().replace(_INBOX, url))
        for have, want in zip([_seen(each) for each in received], wanted, strict=True):
            headers = {name.lower(): value for name, value in want.get("headers", {}).items()}
            ours = {name: have["headers"].get(name) for name in headers}
            found = _less(have | {"headers": ours}, without)
            assert found == _less(want | {"headers": headers}, without), found


def all_cases() -> list[ProviderCase]:
    """All cases, by type and name."""
    return [
        ProviderCase(
            path.parent.parent.name,
            path.parent.name,
            yaml.safe_load(path.read_text()),
            yaml.safe_load(path.with_name("want.yaml").read_text()),
        )
        for path in sorted(_DATA.glob("*/*/in.yaml"))
    ]


@cache
def _events() -> JsonObject:
    found: JsonObject = yaml.safe_load((_DATA / "events.yaml").read_text())
    return found


def _placed(values: JsonObject, url: str) -> dict[str, str]:
    """Values with the address of the server in them; with a key, as somebody who logs in by it."""
    with_key = url.replace("://", "://k3y@")
    return {
        key: str(value).replace(_WITH_KEY, with_key).replace(_INBOX, url) for key, value in values.items()
    }


def _seen(request: Received) -> JsonObject:
    """A request in the form of the data."""
    body = request.body
    match request.headers.get("content-type"):
        case "application/x-www-form-urlencoded":
            shown: JsonObject = {"form": dict(parse_qsl(body.decode(), strict_parsing=True))}
        case "application/x-sentry-envelope":
            head, kind, item = body.splitlines()
            assert loads(kind)["length"] == len(item)
            shown = {"id": loads(head), "type": loads(kind)["type"], "item": loads(item)}
        case "application/x-protobuf":
            shown = {"spans": MessageToDict(ExportTraceServiceRequest.FromString(body))}
        case "application/json" if request.target.endswith(":publish"):
            found = loads(body)["messages"]
            shown = {"messages": [each | {"data": base64.b64decode(each["data"]).decode()} for each in found]}
        case "application/json":
            shown = {"json": loads(body)}
        case _:
            shown = {"text": body.decode()} if body else {}
    return {"request": f"{request.method} {request.target}", "headers": request.headers} | shown


def _less(value: Any, without: tuple[str, ...]) -> Any:
    match value:
        case dict():
            return {key: _less(inner, without) for key, inner in value.items() if key not in without}
        case list():
            return [_less(inner, without) for inner in value]
    return value
