"""What the faces of the service share: the knowledge base, the store, who may write, and the limits."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rdflib import URIRef

from kg_service.backend import Backend, BackendStore
from kg_service.errors import CatalogError
from kg_service.protocol_errors import UnauthorizedError, UpdatesOffError
from kg_service.service import AssessedRecord, KnowledgeBase
from kg_service.service_description import Abilities
from kg_service.sparql import Graphs
from kg_service.turns import QueryLimits
from kg_service.workers import Workers

_BEARER = "bearer"
TOKEN_VARIABLE = "BONEMET_UPDATE_TOKEN"  # noqa: S105 - a name, not a token
"""Environment variable that holds the token."""


@dataclass(frozen=True)
class ServiceSettings:
    """How a service is run.

    Attributes
    ----------
    store : str or None
        Folder that its store lies in, or ``QUERY_URL[,UPDATE_URL]`` of another server; in memory otherwise.
    limits : QueryLimits
        What a query may use.
    services : frozenset of str
        Endpoints that SERVICE may call.
    token : str or None
        What who changes the store must show; nobody can change it by SPARQL otherwise.
    guideline_is_writable : bool
        Whether an update may change the graphs of the knowledge base.
    origins : tuple of str
        Origins whose pages may call the service from a browser.
    """

    store: str | None = None
    limits: QueryLimits = field(default_factory=QueryLimits)
    services: frozenset[str] = frozenset()
    token: str | None = None
    guideline_is_writable: bool = False
    origins: tuple[str, ...] = ()

    @property
    def is_remote(self) -> bool:
        """Whether the store is another server."""
        return self.store is not None and self.store.startswith(("http://", "https://"))


def read_token(file: Path | None) -> str | None:
    """Return the token that updates must show: of a file, or of the environment; None when there is none.

    Raises
    ------
    CatalogError
        When the file cannot be read, or is empty.
    """
    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{file}: the token cannot be read: {error}") from error
    if not token:
        raise CatalogError(f"{file}: holds no token; write one into it")
    return token


def open_backend(settings: ServiceSettings, functions: Iterable[URIRef]) -> Backend:
    """Return what answers queries, ready to.

    Parameters
    ----------
    settings : ServiceSettings
        Which store it is, and its limits.
    functions : iterable of URIRef
        Functions that only the embedded store has.

    Raises
    ------
    CatalogError
        When the store cannot be loaded, or the other server cannot be used.
    """
    if settings.store is not None and settings.is_remote:
        from kg_service.remote_store import RemoteServer

        query_url, _, update_url = settings.store.partition(",")
        return RemoteServer(query_url, update_url or None, settings.limits, settings.services, functions)
    folder = None if settings.store is None else Path(settings.store)
    return Workers(folder, settings.limits, settings.services)


class Endpoint:
    """The state of a running service.

    Parameters
    ----------
    base : KnowledgeBase
        What decides.
    records : list of AssessedRecord
        Records that SPARQL sees from the start.
    settings : ServiceSettings
        How it is run.
    """

    def __init__(self, base: KnowledgeBase, records: list[AssessedRecord], settings: ServiceSettings) -> None:
        self.base = base
        self.settings = settings
        self._records = records
        self._backend: Backend | None = None
        self._graphs: Graphs | None = None

    def open(self) -> None:
        """Load the store, and the records into it; nothing when that is done.

        Raises
        ------
        CatalogError
            When it cannot be loaded.
        """
        if self._backend is not None:
            return
        self._backend = open_backend(self.settings, self._functions)
        self._graphs = Graphs(self.base, BackendStore(self._backend))
        self._graphs.relate()
        for item in self._records:
            self._graphs.add(item)

    def close(self) -> None:
        """End the processes of the store."""
        if self._backend is not None:
            self._backend.close()

    @property
    def backend(self) -> Backend:
        """What answers queries."""
        if self._backend is None:
            raise CatalogError("the store is not loaded yet; try again in a moment")
        return self._backend

    @property
    def graphs(self) -> Graphs:
        """The records and conclusions in the store."""
        if self._graphs is None:
            raise CatalogError("the store is not loaded yet; try again in a moment")
        return self._graphs

    @property
    def waiting(self) -> int:
        """How many queries wait for their turn."""
        return 0 if self._backend is None else self._backend.waiting

    @property
    def abilities(self) -> Abilities:
        """What the endpoint can do besides answering queries."""
        functions = () if self.settings.is_remote else self._functions
        return Abilities(self.settings.token is not None, sorted(self.settings.services), functions)

    @property
    def _functions(self) -> list[URIRef]:
        return sorted(self.base.compiled().schema.functions.by_iri)

    def authorize(self, header: str | None) -> None:
        """Refuse whoever may not change the store.

        Parameters
        ----------
        header : str or None
            The Authorization header.

        Raises
        ------
        UpdatesOffError
            When nobody may.
        UnauthorizedError
            When it does not show the token.
        """
        if self.settings.token is None:
            raise UpdatesOffError("updates are off; start the service with a token to take them")
        scheme, _, shown = (header or "").partition(" ")
        if scheme.lower() != _BEARER or not hmac.compare_digest(
            shown.strip().encode(), self.settings.token.encode()
        ):
            raise UnauthorizedError("updates need the header Authorization: Bearer TOKEN")

    def authorize_records(self, header: str | None) -> None:
        """Refuse whoever may not keep records; without a token everyone may."""
        if self.settings.token is not None:
            self.authorize(header)
