"""Rows of feature tables as FHIR R4: one patient, one lesion, and an Observation for everything else known.

It writes what the importer reads: local Observations, as ``docs/fhir.md`` describes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rdflib import URIRef

from kg_service.feature_table import Column
from kg_service.importers.fhir_bindings import FhirBindings
from kg_service.namespaces import REC, local_name
from kg_service.schema import Feature, Kind

UCUM = "http://unitsofmeasure.org"
_STATUSES = "http://terminology.hl7.org/CodeSystem/condition-"
Resource = dict[str, Any]


class FhirWriter:
    """Writes rows as resources.

    Parameters
    ----------
    bindings : FhirBindings
        The bindings of the ontology.
    """

    def __init__(self, bindings: FhirBindings) -> None:
        self._schema = bindings.schema
        lesion = bindings.plain_code(REC.Lesion)
        self._lesion = {"coding": [{"system": lesion.system, "code": lesion.code}]}
        self._of_patient = {f.iri for f in self._schema.entities[REC.Patient].features.values()}

    def resources(self, identifier: str, values: Mapping[Column, Any]) -> Iterator[Resource]:
        """Yield the resources of one row, the patient first.

        Parameters
        ----------
        identifier : str
            The name of the row, and of the patient.
        values : mapping of Column to value
            What the row records, as `recorded` gives it; numbers, no bounds.
        """
        subject = {"reference": f"Patient/{identifier}"}
        lesion = f"{identifier}-1"
        yield {"resourceType": "Patient", "id": identifier}
        site = next((v for column, v in values.items() if column.feature.iri == REC.site), None)
        yield {
            "resourceType": "Condition",
            "id": lesion,
            "clinicalStatus": _status("clinical", "active"),
            "verificationStatus": _status("ver-status", "confirmed"),
            "code": self._lesion,
            "subject": subject,
        } | ({} if site is None else {"bodySite": [self._concept(self._site, site)]})
        for column, value in values.items():
            feature = column.feature
            if feature.iri == REC.site:
                continue
            about = [] if feature.iri in self._of_patient else [{"reference": f"Condition/{lesion}"}]
            yield (
                {
                    "resourceType": "Observation",
                    "id": f"{identifier}-{feature.key}",
                    "status": "final",
                    "code": {"coding": [_coding(feature.iri)]},
                    "subject": subject,
                }
                | ({"focus": about} if about else {})
                | self._value(column, value)
            )

    @property
    def _site(self) -> Feature:
        return self._schema.features[REC.site]

    def _value(self, column: Column, value: Any) -> Resource:
        feature = column.feature
        if feature.kind is Kind.BOOLEAN:
            return {"valueBoolean": value}
        if feature.kind is Kind.CODE:
            return {"valueCodeableConcept": self._concept(feature, value)}
        if column.unit == "1" and value == int(value):
            return {"valueInteger": int(value)}
        quantity = {"value": value, "unit": column.unit, "system": UCUM, "code": column.unit}
        return {"valueQuantity": quantity}

    def _concept(self, feature: Feature, code: str) -> Resource:
        codes = self._schema.codes[feature.partition] if feature.partition else {}
        return {"coding": [_coding(codes[code])]}


def _coding(iri: URIRef) -> dict[str, str]:
    name = local_name(iri)
    return {"system": iri.removesuffix(name), "code": name}


def _status(kind: str, code: str) -> Resource:
    return {"coding": [{"system": f"{_STATUSES}{kind}", "code": code}]}
