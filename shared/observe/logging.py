"""Logs that `flux logs` can read: one JSON object per line on standard error, or tab-separated text for
people.

Invariants: a line is shorter than 64 KiB; the keys that readers rely on are strings; `error` is a string.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson
import structlog

#: structlog knows no level below debug but the one that lets everything through.
_LEVELS: Final = {"trace": 0, "debug": 10, "info": 20, "error": 40}
_LINE_BYTES: Final = 60_000
_FIELD_CHARACTERS: Final = 8_000
_SHORT_CHARACTERS: Final = 1_000
#: Fields that readers take for strings.
_READ: Final = frozenset({"error", "logger", "reconciler kind", "controllerKind", "namespace", "name"})

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
        if value is None or value == "":
            continue
        read = key in _READ
        shaped[key] = _cut(str(value)) if read or isinstance(value, str) else value
    if trace:
        shaped["stacktrace"] = _cut(trace)
    shaped["msg"] = _cut(str(shaped["msg"]))
    return shaped


def _cut(text: str, limit: int = _FIELD_CHARACTERS) -> str:
    short = text if len(text) <= limit else text[: limit - 3] + "..."
    # Names of files may hold bytes that are no text; as such they can't be written.
    return short.encode(errors="replace").decode()


def _json(logger: Any, method: str, fields: Fields) -> str:
    del logger, method
    line = _dumps(fields)
    if len(line.encode()) > _LINE_BYTES:
        short = {
            key: _cut(value, _SHORT_CHARACTERS) for key, value in fields.items() if isinstance(value, str)
        }
        line = _dumps(short)
    if len(line.encode()) > _LINE_BYTES:
        line = _dumps({key: short[key] for key in ("level", "ts", "msg", "error", *_READ) if key in short})
    return line


def _console(logger: Any, method: str, fields: Fields) -> str:
    del logger, method
    head = [fields.pop("ts"), str(fields.pop("level")).upper(), fields.pop("msg")]
    rest = _dumps(fields) if fields else ""
    return "\t".join([*head, rest]).replace("\n", "\\n").rstrip()


def _dumps(fields: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(dict(fields), default=str).decode()
    except orjson.JSONEncodeError:
        # Whatever a field holds, a log line must not stop the work it tells about.
        return orjson.dumps({key: _cut(str(value)) for key, value in fields.items()}).decode()
