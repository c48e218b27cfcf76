"""Why a SPARQL request has no answer, each with its HTTP status."""

from __future__ import annotations

from http import HTTPStatus

from kg_service.errors import KgServiceError, QueryError


class ProtocolError(KgServiceError):
    """A request that cannot be answered; the status says whose turn it is to act.

    Attributes
    ----------
    status : HTTPStatus
        Of the response.
    retry_after : int or None
        Time after which the same request may be answered [s].
    """

    status = HTTPStatus.BAD_REQUEST
    retry_after: int | None = None


class UnsuitableFormError(ProtocolError):
    """The answer cannot be written in any of the media types that are accepted."""

    status = HTTPStatus.NOT_ACCEPTABLE


class MediaTypeError(ProtocolError):
    """The body is of a media type that is not read."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class BodyTooLargeError(ProtocolError):
    """The body is larger than is read."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TooLargeError(ProtocolError):
    """The answer is larger than it may be; the Protocol has 500 for a query that is refused."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class NoGraphError(ProtocolError):
    """A graph was asked for that does not exist."""

    status = HTTPStatus.NOT_FOUND


class ProtectedGraphError(ProtocolError):
    """An update would have changed a graph that is read only."""

    status = HTTPStatus.FORBIDDEN


class UnauthorizedError(ProtocolError):
    """An update without the token that it needs."""

    status = HTTPStatus.UNAUTHORIZED


class UpdatesOffError(ProtocolError):
    """An update, and the service takes none."""

    status = HTTPStatus.FORBIDDEN


class BusyError(ProtocolError):
    """Too many queries are being answered.

    Parameters
    ----------
    seconds : float
        Time that one of them may take at most [s].
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, seconds: float) -> None:
        super().__init__("too many queries are being answered; try again later")
        self.retry_after = max(1, int(seconds))


class TimedOutError(ProtocolError):
    """A query that was stopped at its deadline.

    Parameters
    ----------
    seconds : float
        What it was given [s].
    """

    status = HTTPStatus.GATEWAY_TIMEOUT

    def __init__(self, seconds: float) -> None:
        super().__init__(f"stopped after {seconds:g} s; narrow the query, or ask in parts")


class StoppedError(ProtocolError):
    """A query whose process ended without an answer: by its memory limit, or by a defect of the engine.

    Parameters
    ----------
    memory : int
        What it was given [byte].
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, memory: int) -> None:
        super().__init__(
            f"stopped: it needed more than {memory} bytes of memory, or more than the engine can take; "
            "simplify it, or ask in parts"
        )


class RemoteError(ProtocolError):
    """The server that has the store did not answer as it should."""

    status = HTTPStatus.BAD_GATEWAY


class PartialAnswerError(ProtocolError):
    """An answer that ended before it was complete."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


ERRORS: dict[str, type[KgServiceError]] = {
    error.__name__: error
    for error in (QueryError, UnsuitableFormError, TooLargeError, NoGraphError, ProtectedGraphError)
}
"""The errors that a worker tells, by name."""
