"""Logs that `flux logs` can read: one JSON object per line on standard error, or tab-separated text for
people.

Invariants: a line is shorter than 64 KiB; the keys that readers rely on are strings; `error` is a string.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson
import structlog

_LEVELS: Final = {"trace": 5, "debug": 10, "info": 20, "error": 40}
_LINE_BYTES: Final = 60_000
_FIELD_CHARACTERS: Final = 8_000

Fields = MutableMapping[str, Any]


def configure(level: str, encoding: str, stream: TextIO | None = None) -> None:
    """Sets up structlog for the process.

    Raises:
        ValueError: level or encoding is unknown.
    """
    if level not in _LEVELS:
        raise ValueError(f"--log-level: {level!r} is none of {', '.join(_LEVELS)}")
    if encoding not in {"json", "console"}:
        raise ValueError(f"--log-encoding: {encoding!r} is none of json, console")
    render = _json if encoding == "json" else _console
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            _shape,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.ERROR, stream=stream or sys.stderr)


def _shape(logger: Any, method: str, fields: Fields) -> dict[str, Any]:
    """Flux's key names, values that readers can rely on."""
    del logger
    level = fields.pop("level", method)
    shaped: dict[str, Any] = {
        "level": {"warning": "info", "exception": "error", "critical": "error"}.get(level, level),
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "msg": fields.pop("event", ""),
    }
    trace = fields.pop("exception", None)
    for key, value in fields.items():
        if value in (None, ""):
            continue
        shaped[key] = _cut(value) if isinstance(value, str) else value
    if trace:
        shaped["stacktrace"] = _cut(trace)
    shaped["msg"] = _cut(str(shaped["msg"]))
    return shaped


def _cut(text: str) -> str:
    return text if len(text) <= _FIELD_CHARACTERS else text[: _FIELD_CHARACTERS - 3] + "..."


def _json(logger: Any, method: str, fields: Fields) -> str:
    del logger, method
    line = orjson.dumps(dict(fields), default=str)
    if len(line) > _LINE_BYTES:
        kept = {key: value for key, value in fields.items() if isinstance(value, str) and len(value) < 512}
        kept["msg"] = fields["msg"][:2048]
        line = orjson.dumps(kept)
    return line.decode()


def _console(logger: Any, method: str, fields: Fields) -> str:
    del logger, method
    head = [fields.pop("ts"), str(fields.pop("level")).upper(), fields.pop("msg")]
    rest = orjson.dumps(dict(fields), default=str).decode() if fields else ""
    return "\t".join([*head, rest]).replace("\n", "\\n").rstrip()
