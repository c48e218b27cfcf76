"""Counts and logs each request: a line of JSON with its route, status and time, and nothing it held."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from time import monotonic
from typing import Any

from kg_service.metrics import Metrics

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
LOGGER = logging.getLogger("bonemet.requests")
UNKNOWN = "(none)"
"""Route of a request that no route takes; its path is not kept."""
_MILLISECONDS = 1_000
_FAILED = 500
"""Status of a request whose answer never began."""


class RequestLog:
    """Counts and logs what passes through an application.

    Parameters
    ----------
    application : ASGI application
        What answers.
    metrics : Metrics
        Where it is counted.
    """

    def __init__(self, application: Application, metrics: Metrics) -> None:
        self._application = application
        self._metrics = metrics

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, and note what became of it."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        started = monotonic()
        seen = {"status": _FAILED, "bytes": 0, "complete": False}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            elif message["type"] == "http.response.body":
                seen["bytes"] += len(message.get("body", b""))
                seen["complete"] = not message.get("more_body", False)
            await send(message)

        try:
            await self._application(scope, receive, note)
        finally:
            self._note(scope, seen, monotonic() - started)

    def _note(self, scope: Message, seen: dict[str, Any], seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNKNOWN)
        self._metrics.count(scope["method"], route, seen["status"], seconds, complete=bool(seen["complete"]))
        LOGGER.info(
            "request",
            extra={
                "told": {
                    "method": scope["method"],
                    "route": route,
                    **seen,
                    "milliseconds": round(seconds * _MILLISECONDS, 1),
                }
            },
        )


class JsonLines(logging.Formatter):
    """Writes each message as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a message; of an error, its type and place but not its text."""
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["place"] = _place(record)
        return json.dumps(line, ensure_ascii=False)


def _place(record: logging.LogRecord) -> str:
    """Return file and line where an error was raised."""
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def log_configuration() -> dict[str, Any]:
    """Return a logging configuration that writes lines of JSON to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {
            name: {"handlers": ["stderr"], "level": "INFO", "propagate": False}
            for name in ("bonemet", "uvicorn", "uvicorn.error")
        },
    }
