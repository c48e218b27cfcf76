"""Readings the old-fashioned way, to compare with: a copy of the whole graph, changed and compiled anew."""

from collections.abc import Mapping

from rdflib import OWL, Graph

from kg_service.compiler import CompiledGuideline
from kg_service.guideline import Guideline
from kg_service.namespaces import CORE


def full_copy(guideline: Guideline, letters: Mapping[str, str]) -> Graph:
    """Return a copy of a guideline's graph in which the readings that letters name replace what they restate."""
    copy = Graph()
    copy += guideline.source
    for ambiguity, letter in letters.items():
        (reading,) = (r for r in guideline.ambiguities[ambiguity] if r.letter == letter)
        for change in guideline.source.objects(reading.iri, CORE.restates):
            subject = copy.value(change, CORE.subject)
            for prop in set(copy.predicates(change)) - {CORE.subject}:
                target = OWL.equivalentClass if prop == CORE.definition else prop
                copy.remove((subject, target, None))
                for value in list(copy.objects(change, prop)):
                    copy.add((subject, target, value))
    return copy


def compiled_anew(guideline: Guideline, letters: Mapping[str, str]) -> CompiledGuideline:
    """Return a guideline compiled from such a copy, with nothing shared."""
    return CompiledGuideline(Guideline(full_copy(guideline, letters), guideline.iri))
