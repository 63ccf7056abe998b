"""The log: one JSON object a line, or text for a terminal. Who reads it learns what happened, not to whom.

Each line has the request's id and, once known, the principal's id. Of an exception it has the classes and places,
never the message: those of drivers and libraries repeat the values that they failed on. Libraries speak from WARNING
on, whatever TARAZU_LOG_LEVEL says, because below it some write addresses and what they send and receive.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping
from types import TracebackType
from typing import Any, Final

import orjson
import structlog
from structlog.types import Processor

from graphql_api.observation import Outcome
from tarazu.settings import Settings

# The innermost frames of each exception; the outer ones are the server's.
_FRAMES_MAX: Final = 12
_CHAIN_MAX: Final = 5

_ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_operations: Final = logging.getLogger("tarazu.graphql.operations")


def configure_logging(settings: Settings, stream: Any = None) -> None:
    """Send all records of the process to one stream (standard error), in one form. Replaces earlier handlers."""
    target = sys.stderr if stream is None else stream
    is_text = settings.log_format == "text" or (settings.log_format == "auto" and target.isatty())
    renderer: Processor
    if is_text:
        renderer = structlog.processors.KeyValueRenderer(
            key_order=["timestamp", "level", "event", "logger"], drop_missing=True
        )
    else:
        renderer = structlog.processors.JSONRenderer(serializer=_as_json)
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(["operation", "kind", "code", "ms", "cost", "principal"]),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                tell_exception,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    level = logging.getLevelNamesMapping()[settings.log_level]
    root.setLevel(max(logging.WARNING, level))
    # That the server starts and stops.
    logging.getLogger("uvicorn").setLevel(max(logging.INFO, level))
    logging.getLogger("tarazu").setLevel(level)


def _as_json(event: Any, default: Callable[[Any], Any]) -> str:
    # Two lines a request: the standard library's encoder would take twice as long for each.
    try:
        return orjson.dumps(
            event, default, orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
        ).decode()
    except orjson.JSONEncodeError:
        # Half a surrogate pair, or a number beyond 64 bits: from a client, and no reason to lose the line.
        return json.dumps(event, default=default)


def bind_request(request_id: str) -> None:
    """Begin the context of a request: all lines until the next have its id."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def bind_principal(principal_id: str) -> None:
    """Add who asks, by the id of the principal, which is free of personal data."""
    structlog.contextvars.bind_contextvars(principal=principal_id)


def log_operation(outcome: Outcome) -> None:
    """An observer of operations: one line each."""
    _operations.info(
        "operation",
        extra={
            "operation": outcome.operation,
            "kind": outcome.kind,
            "code": outcome.code,
            "ms": round(outcome.seconds * 1000, 1),
            "cost": outcome.cost,
            "principal": outcome.principal,
        },
    )


def tell_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces `exc_info` by `exception`: the classes from the last to the first cause, with their places."""
    info = event.pop("exc_info", None)
    event.pop("exc_text", None)
    event.pop("stack_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if isinstance(info, tuple) and info[1] is not None:
        event["exception"] = _chain(info)
    return event


def _chain(info: _ExceptionInfo) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    error: BaseException | None = info[1]
    while error is not None and len(told) < _CHAIN_MAX:
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
        told.append(
            {
                "class": f"{type(error).__module__}.{type(error).__qualname__}",
                "code": getattr(error, "code", None) or getattr(error, "sqlstate", None),
                "at": [f"{_module(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
            }
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return told


def _module(filename: str) -> str:
    """The last folders of a file, enough to find it."""
    return "/".join(filename.split("/")[-3:])
