"""The answers on a record as cards of CDS Hooks 2.0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

from rdflib import URIRef

from kg_service.assessment import Assessment, OptionVerdict
from kg_service.cds_hooks_models import CardJson, HookRequest, LinkJson
from kg_service.cds_hooks_request import HookBindings, HookRecord, read_request
from kg_service.guideline import Recommendation
from kg_service.namespaces import BASE, CORE, local_name
from kg_service.prescription import Finding, PrescriptionCheck
from kg_service.service import KnowledgeBase
from kg_service.wording import Language, Wording

PATIENT_VIEW = "patient-view"
ORDER_SELECT = "order-select"
HOOKS = {f"bonemet-{hook}": hook for hook in (PATIENT_VIEW, ORDER_SELECT)}
"""The hook of each service, by its id."""
LONGEST_SUMMARY = 139
"""Characters of a summary; the specification has fewer than 140."""
MOST_QUESTIONS = 3
"""Questions that a card asks; it tells how many more there are."""


def cards_of(
    request: HookRequest, service: str, base: KnowledgeBase, bindings: HookBindings, root: str, lang: Language
) -> list[CardJson]:
    """Return the cards that answer a request.

    Parameters
    ----------
    request : HookRequest
        What the client sent.
    service : str
        Id of the service.
    base : KnowledgeBase
        What decides.
    bindings : HookBindings
        What makes a card, and how urgent it is.
    root : str
        URL that the IRIs of the project are looked up below.
    lang : Language
        Language of the cards.

    Raises
    ------
    InputError
        When the request cannot be read; see `read_request`.
    """
    found = read_request(request, base, bindings)
    maker = _Cards(request, service, base, bindings, root, lang, found)
    return list(maker.all())


class _Cards:
    """Makes the cards of one request."""

    def __init__(
        self,
        request: HookRequest,
        service: str,
        base: KnowledgeBase,
        bindings: HookBindings,
        root: str,
        lang: Language,
        found: HookRecord | None,
    ) -> None:
        self.compiled = base.compiled()
        self.wording: Wording = base.wording(self.compiled, lang)
        self.bindings, self.root, self.found = bindings, root, found
        self._base = base
        self._scope = f"{BASE}cds-services/{service}/{request.hook_instance}"
        self._is_order = HOOKS[service] == ORDER_SELECT
        self._selected = request.context.selections or []

    def all(self) -> Iterator[CardJson]:
        """Yield the cards: what is ordered or what the options are, then what is missing."""
        found = self._base.assess(self.found.record, self.compiled).assessments if self.found else ()
        for assessment in found:
            yield from self._ordered(assessment) if self._is_order else self._options(assessment)
            yield from self._missing(assessment)
        if self._is_order and not any(a.prescription for a in found):
            yield self._unread()

    def _options(self, assessment: Assessment) -> Iterator[CardJson]:
        for verdict in assessment.options:
            indicator = self.bindings.verdicts.get(verdict.verdict)
            if indicator is not None:
                yield self._option(assessment, verdict, indicator)

    def _option(self, assessment: Assessment, verdict: OptionVerdict, indicator: str) -> CardJson:
        wording, stopped = self.wording, verdict.verdict == "contraindicated"
        speaking = verdict.contraindications if stopped else verdict.indications
        holding = [c for c in speaking if c.status == "true" and not c.recommendation.excluded]
        lines = [
            self._line(wording.identified(c.recommendation), [wording.fact(f) for f in c.facts])
            for c in holding
        ]
        for open_one in (*verdict.contraindications, *verdict.reservations) if not stopped else ():
            if open_one.status == "unknown":
                asked = [wording.label(f) for f in open_one.missing]
                told = self._say("unsettled", what=wording.identified(open_one.recommendation))
                lines.append(self._line(told, asked, "lacking"))
        said = self._say(
            "option",
            verdict=wording.word("verdict", verdict.verdict),
            option=wording.label(verdict.option),
            case=assessment.case.id,
        )
        leading = [c.recommendation for c in holding]
        return self._card(
            f"{assessment.case.id}/{verdict.option}", said, lines, indicator, verdict.option, leading
        )

    def _ordered(self, assessment: Assessment) -> Iterator[CardJson]:
        check = assessment.prescription
        if check is None:
            return
        said = self._say(
            "prescription", concordance=self.wording.label(check.concordance), case=assessment.case.id
        )
        lines = [self._range(check)] if check.best != check.worst else []
        lines += [self._finding(finding) for finding in check.findings]
        ruling = [f.recommendation for f in check.findings if f.bearing in ("departs", "follows")]
        indicator = self.bindings.indicator(check.concordance)
        yield self._card(
            f"{assessment.case.id}/prescription", said, lines, indicator, check.concordance, ruling
        )

    def _range(self, check: PrescriptionCheck) -> str:
        label = self.wording.label
        return "- " + self.wording.phrase("between", best=label(check.best), worst=label(check.worst))

    def _finding(self, finding: Finding) -> str:
        recommendation, wording = finding.recommendation, self.wording
        text = wording.phrase(
            "finding",
            bearing=wording.word("bearing", finding.bearing),
            id=recommendation.id,
            label=wording.label(recommendation.iri),
        )
        if finding.bearing == "open":
            return self._line(text, [wording.label(f) for f in finding.missing], "lacking")
        return self._line(text, [wording.fact(f) for f in finding.facts])

    def _missing(self, assessment: Assessment) -> Iterator[CardJson]:
        """Yield the card of what is not known; it says so, and asks what settles most."""
        questions = assessment.questions
        if not questions:
            return
        asked = questions[:MOST_QUESTIONS]
        unsettled = sum(c.status == "unknown" for c in assessment.conclusions)
        said = self._say("unknown", count=unsettled, case=assessment.case.id)
        lines = [f"- {self.wording.question(q.feature)}" for q in asked]
        if len(questions) > len(asked):
            lines.append("- " + self._say("more", count=len(questions) - len(asked)))
        subject = f"{assessment.case.id}/missing"
        card = self._card(subject, said, lines, "info", None, [])
        card["suggestions"] = [
            {
                "label": self._say("record", what=self.wording.label(q.feature)),
                "uuid": self._uuid(f"{subject}/{q.feature}"),
            }
            for q in asked
        ]
        card["selectionBehavior"] = "any"
        yield card

    def _unread(self) -> CardJson:
        """Return the card that tells that no order could be read as a prescription."""
        said = self._say("unread", count=len(self._selected))
        indicator = self.bindings.indicator(CORE.NotAssessable)
        return self._card("unread", said, [], indicator, None, [])

    def _card(
        self,
        subject: str,
        said: str,
        lines: list[str],
        indicator: str,
        topic: URIRef | None,
        rules: list[Recommendation],
    ) -> CardJson:
        wording, guideline = self.wording, self.compiled.guideline
        card: dict[str, Any] = {
            "uuid": self._uuid(subject),
            "summary": _shortened(said),
            "detail": "\n".join([said, "", *lines, *self._footing()]),
            "indicator": indicator,
            "source": {"label": wording.label(guideline.iri), "url": self._url(guideline.iri)},
            "links": [self._link(one) for one in dict.fromkeys(rules)],
            "overrideReasons": self.bindings.override_reasons(wording.language),
        }
        if topic is not None:
            name = local_name(topic)
            system = str(topic).removesuffix(name)
            card["source"]["topic"] = {"system": system, "code": name, "display": wording.label(topic)}
        return cast(CardJson, card)

    def _footing(self) -> Iterator[str]:
        """Yield what every card tells: what was taken as complete, what was not read, what it is for."""
        yield ""
        for keys in self.found.closed.values() if self.found else ():
            yield f"- {self._say('closed', keys=', '.join(keys))}"
        if self.found and self.found.record.notes:
            yield f"- {self._say('notes', count=len(self.found.record.notes))}"
        yield "- " + self.wording.phrase("disclaimer", scope=self.wording.coverage)

    def _line(self, text: str, items: list[str], key: str = "because") -> str:
        told = self.wording.told(text, self.wording.phrase(key, items="; ".join(items))) if items else text
        return f"- {told}"

    def _link(self, rule: Recommendation) -> LinkJson:
        return {"label": self.wording.identified(rule), "url": self._url(rule.iri), "type": "absolute"}

    def _url(self, iri: URIRef) -> str:
        return self.root + str(iri).removeprefix(BASE)

    def _uuid(self, subject: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"{self._scope}/{subject}"))

    def _say(self, key: str, **parts: object) -> str:
        return self.wording.word("hooks", key).format(**parts)


def _shortened(text: str) -> str:
    """Return a text that fits a summary; its verdict comes first, so that only names are cut."""
    return text if len(text) <= LONGEST_SUMMARY else f"{text[: LONGEST_SUMMARY - 1]}…"
