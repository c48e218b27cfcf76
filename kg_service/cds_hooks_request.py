"""What a CDS client sent, as a record.

An absent prefetch key is something that the client did not look for: unknown. ``null`` is something
that it looked for and did not find. Which keys there are, and which list is complete when nothing
was found under them, stands in ``ontology/bindings/cds-hooks.ttl``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rdflib import Graph, Literal, URIRef

from kg_service.cds_hooks_models import CodingJson, HookRequest
from kg_service.errors import InputError, Problem
from kg_service.importers.fhir import read_fhir
from kg_service.namespaces import CH, RDF, RDFS, REC, SKOS, literal_in, local_name
from kg_service.reader import read_record
from kg_service.record import Record
from kg_service.service import KnowledgeBase

REFERENCE_DATE = "bonemet-kg-reference-date"
"""Member of the extension of a request: the day that the answers speak of."""
OTHER = "other"
"""What is kept of an override reason that is not one of ours."""
Sent = Mapping[str, Mapping[str, Any] | None]


class MissingPrefetchError(InputError):
    """The client did not send what nothing can be decided without."""


@dataclass(frozen=True)
class Prefetch:
    """One key of a prefetch: its template, whether it is needed, the lists it helps to close."""

    key: str
    template: str
    is_required: bool
    closes: frozenset[URIRef]


class HookBindings:
    """The bindings of CDS Hooks.

    Parameters
    ----------
    graph : rdflib.Graph
        The ontology.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @cached_property
    def prefetch(self) -> dict[str, Prefetch]:
        """What is asked for in advance, by key."""
        nodes = sorted(self._graph.subjects(RDF.type, CH.Prefetch), key=str)
        return {
            str(self._graph.value(node, SKOS.notation)): self._prefetch(URIRef(str(node))) for node in nodes
        }

    def _prefetch(self, node: URIRef) -> Prefetch:
        return Prefetch(
            str(self._graph.value(node, SKOS.notation)),
            str(self._graph.value(node, CH.template)),
            self._graph.value(node, CH.isRequired) == Literal(True),
            frozenset(URIRef(str(iri)) for iri in self._graph.objects(node, CH.closes)),
        )

    @cached_property
    def verdicts(self) -> dict[str, str]:
        """The indicator of each verdict on an option that makes a card."""
        rules = self._graph.subject_objects(CH.ofVerdict)
        return {str(verdict): str(self._graph.value(rule, CH.indicator)) for rule, verdict in rules}

    def indicator(self, concordance: URIRef) -> str:
        """Return the indicator of a concordance."""
        return str(self._graph.value(concordance, CH.indicator))

    def override_reasons(self, language: str) -> list[CodingJson]:
        """Return the reasons for setting a card aside."""
        return [
            {
                "system": str(CH),
                "code": str(self._graph.value(reason, SKOS.notation)),
                "display": literal_in(self._graph, reason, RDFS.label, language) or local_name(str(reason)),
            }
            for reason in sorted(self._graph.subjects(RDF.type, CH.OverrideReason), key=str)
        ]

    def known_reason(self, system: str | None, code: str) -> str:
        """Return a code when it is one of ours; of any other, that it is another."""
        ours = {(reason["system"], reason["code"]) for reason in self.override_reasons("en")}
        return code if (system, code) in ours else OTHER


@dataclass(frozen=True)
class HookRecord:
    """The record of a request, and the keys that were null and so completed a list of it."""

    record: Record
    closed: dict[str, tuple[str, ...]]


def read_request(request: HookRequest, base: KnowledgeBase, bindings: HookBindings) -> HookRecord | None:
    """Return the record that a request tells of; None when the client looked and found nothing.

    Raises
    ------
    MissingPrefetchError
        When a required key is absent.
    InputError
        With every problem found.
    """
    sent = {key: one for key, one in (request.prefetch or {}).items() if not _has_failed(one)}
    _check_keys(sent, bindings)
    problems: list[Problem] = []
    resources = [one for key, value in sent.items() for one in _resources(value, f"prefetch.{key}", problems)]
    resources += _ordered(request, problems)
    if problems:
        raise InputError(problems)
    if not resources:
        return None
    found = read_fhir(resources, base.bindings, "prefetch", _reference_date(request))
    names = [str(one.document["id"]) for one in found]
    if names != [request.context.patient_id]:
        expected = "data about the patient of context.patientId, and about no other"
        raise InputError([Problem("prefetch", f"{len(names)} patient(s), or another one", expected)])
    document, origins = dict(found[0].document), dict(found[0].provenance)
    closed = _closed(sent, document, base, bindings)
    for flag, keys in closed.items():
        document[flag] = True
        origins[flag] = ", ".join(f"prefetch.{key}: null" for key in keys)
    record = read_record(
        document,
        base.compiled().schema,
        base.limits,
        "prefetch",
        origins=origins,
        notes=found[0].notes,
    )
    return HookRecord(record, closed)


def _has_failed(value: Mapping[str, Any] | None) -> bool:
    """Return whether the client tells that it could not look: the same as an absent key."""
    return value is not None and value.get("resourceType") == "OperationOutcome"


def _check_keys(sent: Sent, bindings: HookBindings) -> None:
    known = ", ".join(bindings.prefetch)
    wrong = [Problem(f"prefetch.{k}", "not asked for", known) for k in sent if k not in bindings.prefetch]
    if wrong:
        raise InputError(wrong)
    absent = [one for one in bindings.prefetch.values() if one.is_required and one.key not in sent]
    if absent:
        expected = "the answer to {}, or null when there is none"
        raise MissingPrefetchError(
            [
                Problem(
                    f"prefetch.{one.key}",
                    "absent",
                    expected.format(one.template),
                    "Send it: this service calls no FHIR server.",
                )
                for one in absent
            ]
        )


def _resources(value: Mapping[str, Any] | None, where: str, problems: list[Problem]) -> list[dict[str, Any]]:
    """Return the resources of a Bundle, or the resource itself; a part of an answer is refused."""
    if value is None:
        return []
    if value.get("resourceType") != "Bundle":
        return [dict(value)]
    links, entries = value.get("link") or [], value.get("entry") or []
    if not isinstance(links, list) or not isinstance(entries, list):
        problems.append(Problem(where, "a Bundle whose link or entry is no list", "a FHIR R4 Bundle"))
        return []
    if any(isinstance(link, dict) and link.get("relation") == "next" for link in links):
        problems.append(Problem(where, "one page of several", "the whole answer"))
    found = [entry.get("resource") if isinstance(entry, dict) else None for entry in entries]
    wrong = [i for i, one in enumerate(found) if not isinstance(one, dict)]
    problems += [Problem(f"{where}.entry[{i}]", "no resource", "a FHIR resource") for i in wrong]
    return [one for one in found if isinstance(one, dict)]


def _ordered(request: HookRequest, problems: list[Problem]) -> list[dict[str, Any]]:
    """Return the selected draft orders, and what they state of the record as local Observations."""
    context = request.context
    orders = _resources(context.draft_orders, "context.draftOrders", problems)
    named = {f"{one.get('resourceType')}/{one.get('id')}": one for one in orders}
    wanted = context.selections or []
    problems += [
        Problem(f"context.selections: {name}", "not in context.draftOrders", "the reference of a draft order")
        for name in wanted
        if name not in named
    ]
    chosen = [named[name] for name in wanted if name in named]
    return [*chosen, *(stated for order in chosen for stated in _stated(order))]


def _stated(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the local extensions of an order as the local Observations that the reader reads."""
    found = []
    extensions = order.get("extension") or []
    for i, one in enumerate(extensions if isinstance(extensions, list) else []):
        url = one.get("url") if isinstance(one, dict) else None
        if not isinstance(url, str) or not url.startswith(str(REC)):
            continue
        coding = {"system": str(REC), "code": url.removeprefix(str(REC))}
        found.append(
            {
                "resourceType": "Observation",
                "id": f"{order.get('id')}-extension-{i}",
                "status": "final",
                "code": {"coding": [coding]},
                "subject": order.get("subject"),
                "focus": order.get("reasonReference") or [],
                **{key: value for key, value in one.items() if key.startswith("value")},
            }
        )
    return found


def _reference_date(request: HookRequest) -> str | None:
    given = (request.extension or {}).get(REFERENCE_DATE)
    if given is None or isinstance(given, str):
        return given
    raise InputError([Problem(f"extension.{REFERENCE_DATE}", f"{given!r:.40}", "a text: YYYY-MM-DD")])


def _closed(
    sent: Sent, document: Mapping[str, object], base: KnowledgeBase, bindings: HookBindings
) -> dict[str, tuple[str, ...]]:
    """Return the flags of the lists that the client looked for under every key, and found nothing of."""
    found = {}
    for listing in base.compiled().document_entity.lists.values():
        keys = tuple(one.key for one in bindings.prefetch.values() if listing.iri in one.closes)
        looked = bool(keys) and all(key in sent and sent[key] is None for key in keys)
        if looked and not document.get(listing.key):
            found[listing.complete_key] = keys
    return found
