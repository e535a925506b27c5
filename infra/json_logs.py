"""Logs as JSON, a line for each record, with the request that it belongs to."""

import json
import logging
import sys
from typing import Final, TextIO

from domain.ids import rfc3339
from infra.log_floods import Floods
from web.request_id import current

# What logging itself puts on every record; the rest came as `extra`.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# What clients of engines tell of every request, of every start, and of what is as we want it.
_QUIET: Final = {
    "aiokafka": logging.WARNING,
    "cassandra.protocol": logging.ERROR,
    "elastic_transport": logging.WARNING,
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "streams.faust.app": logging.WARNING,
}


class JsonLines(logging.Formatter):
    """One JSON object for a record: time, level, logger, message, request, extras, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        line: dict[str, object] = {
            "time": rfc3339(round(record.created * 1000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        trace = current()
        if trace is not None:
            line["request_id"] = trace.request_id
            if trace.traceparent is not None:
                line["traceparent"] = trace.traceparent
        line.update((k, v) for k, v in vars(record).items() if k not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Write every logger's records from `level` on to `stream` (default: stderr)."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonLines())
    handler.addFilter(Floods())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, logging.getLevelName(level.upper())))
