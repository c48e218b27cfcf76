"""What the faces of the service share: the knowledge base, the store, who may write, and the limits."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from pathlib import Path

from kg_service.errors import CatalogError
from kg_service.protocol_errors import UnauthorizedError, UpdatesOffError
from kg_service.service import AssessedRecord, KnowledgeBase
from kg_service.service_description import Abilities
from kg_service.sparql import Graphs
from kg_service.workers import QueryLimits, Workers, WorkerStore

_BEARER = "bearer"


@dataclass(frozen=True)
class ServiceSettings:
    """How a service is run.

    Attributes
    ----------
    folder : Path or None
        Where its store lies; in memory otherwise.
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

    folder: Path | None = None
    limits: QueryLimits = field(default_factory=QueryLimits)
    services: frozenset[str] = frozenset()
    token: str | None = None
    guideline_is_writable: bool = False
    origins: tuple[str, ...] = ()


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
        self._workers: Workers | None = None
        self._graphs: Graphs | None = None

    def open(self) -> None:
        """Load the store, and the records into it.

        Raises
        ------
        CatalogError
            When it cannot be loaded.
        """
        settings = self.settings
        self._workers = Workers(settings.folder, settings.limits, settings.services)
        self._graphs = Graphs(self.base, WorkerStore(self._workers))
        for item in self._records:
            self._graphs.add(item)

    def close(self) -> None:
        """End the processes of the store."""
        if self._workers is not None:
            self._workers.close()

    @property
    def workers(self) -> Workers:
        """The processes that answer queries."""
        if self._workers is None:
            raise CatalogError("the store is not loaded yet; try again in a moment")
        return self._workers

    @property
    def graphs(self) -> Graphs:
        """The records and conclusions in the store."""
        if self._graphs is None:
            raise CatalogError("the store is not loaded yet; try again in a moment")
        return self._graphs

    @property
    def waiting(self) -> int:
        """How many queries wait for their turn."""
        return 0 if self._workers is None else self._workers.waiting

    @property
    def abilities(self) -> Abilities:
        """What the endpoint can do besides answering queries."""
        functions = sorted(self.base.compiled().schema.functions.by_iri)
        return Abilities(self.settings.token is not None, sorted(self.settings.services), functions)

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
