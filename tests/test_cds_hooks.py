"""CDS Hooks 2.0: what a client sends becomes cards; unknown is told as unknown, and nothing is kept."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from fhir_support import DATA, EXAMPLES, LOCAL, bone, course, focus, load, observation, patient, quantity

from kg_service.api import create_app
from kg_service.endpoint import ServiceSettings
from kg_service.service import KnowledgeBase

VIEW, SELECT = "/cds-services/bonemet-patient-view", "/cds-services/bonemet-order-select"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
KEYS = {
    "bodyStructures",
    "conditions",
    "medicationAdministrations",
    "observations",
    "patient",
    "procedures",
}
REQUIRED = {"uuid", "summary", "detail", "indicator", "source", "links", "overrideReasons"}


@pytest.fixture(scope="module")
def client(base: KnowledgeBase) -> Iterator[TestClient]:
    settings = ServiceSettings(origins=("https://sandbox.example",))
    with TestClient(create_app(base, settings=settings)) as opened:
        yield opened


def bundle(*resources: object) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}


def call(prefetch: dict[str, Any] | None, hook: str = "patient-view", **more: Any) -> dict[str, Any]:
    context = {"patientId": "p", "userId": "Practitioner/1", **more.pop("context", {})}
    sent = {"hook": hook, "hookInstance": INSTANCE, "context": context, **more}
    return sent if prefetch is None else {**sent, "prefetch": prefetch}


def usual(**more: Any) -> dict[str, Any]:
    return {"patient": patient(), "conditions": bundle(bone()), **more}


def cards(client: TestClient, sent: dict[str, Any], url: str = VIEW, language: str = "en") -> list[Any]:
    """Return the cards of an answer, after checking them against the table of the specification."""
    response = client.post(url, json=sent, headers={"accept-language": language})
    assert response.status_code == 200, response.text
    assert response.headers["content-language"] == language
    found = response.json()["cards"]
    for card in found:
        assert card.keys() >= REQUIRED
        assert 0 < len(card["summary"]) < 140
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"]
        assert card["source"]["url"].startswith("http://testserver/id/")
        assert all(link["type"] == "absolute" and link["label"] for link in card["links"])
        assert all(reason["display"] and reason["code"] for reason in card["overrideReasons"])
        assert ("suggestions" in card) == ("selectionBehavior" in card)
        UUID(card["uuid"])
    assert len({card["uuid"] for card in found}) == len(found)
    return found  # type: ignore[no-any-return]


def topics(found: list[Any]) -> dict[str, str]:
    return {c["source"]["topic"]["code"]: c["indicator"] for c in found if "topic" in c["source"]}


def refused(client: TestClient, sent: Any, status: int, text: str, url: str = VIEW) -> None:
    response = client.post(url, content=sent if isinstance(sent, str) else json.dumps(sent))
    assert response.status_code == status
    assert response.headers["content-type"].startswith("application/problem+json")
    assert text in response.text


def test_discovery_names_what_the_reader_of_fhir_reads(client: TestClient) -> None:
    services = client.get("/cds-services").json()["services"]
    assert [s["hook"] for s in services] == ["patient-view", "order-select"]
    for service in services:
        assert service["prefetch"].keys() == KEYS
        assert service["prefetch"]["patient"] == "Patient/{{context.patientId}}"
        assert service["prefetch"]["procedures"] == "Procedure?patient={{context.patientId}}"
    french = client.get("/cds-services", headers={"accept-language": "fr"}).json()["services"]
    assert french[0]["title"] != services[0]["title"]


def local(name: str, **value: Any) -> dict[str, Any]:
    return observation(name, (LOCAL, name), focus=focus("Condition/l1"), **value)


def test_an_indicated_option_makes_a_card_that_leads_to_its_rule(client: TestClient) -> None:
    """S136 offers 30 Gy in 10 fractions for neuropathic pain; the shipped bundle states that pain."""
    sent = call({"conditions": load(EXAMPLES / "synthetic-spine.json")}, context={"patientId": "spine-1"})
    found = cards(client, sent)
    card = next(c for c in found if c["source"].get("topic", {}).get("code") == "RT-30Gy-10fx")
    assert card["indicator"] == "info"
    assert "S136" in card["detail"]
    assert any(link["url"].endswith("/rec-S136") for link in card["links"])
    page = client.get(card["links"][0]["url"], headers={"accept": "text/html"})
    assert page.status_code == 200
    assert client.get(card["source"]["url"], headers={"accept": "text/html"}).status_code == 200


def test_a_contraindicated_option_is_told_with_the_urgency_of_the_data(client: TestClient) -> None:
    """S074: stereotactic radiotherapy less than three months after radiotherapy of the place."""
    irradiated = course(reasonReference=[{"reference": "Condition/l1"}])
    sent = call(usual(procedures=bundle(irradiated)), extension={"bonemet-kg-reference-date": "2026-01-05"})
    found = cards(client, sent)
    assert topics(found)["SBRT"] == "warning"
    card = next(c for c in found if c["source"].get("topic", {}).get("code") == "SBRT")
    assert card["summary"].startswith("contraindicated")
    assert "S074" in card["detail"]


def test_unknown_is_told_as_unknown_with_questions(client: TestClient) -> None:
    last = cards(client, call(usual()))[-1]
    assert last["summary"].startswith("UNKNOWN")
    assert [s["label"].startswith("Record: ") for s in last["suggestions"]] == [True] * 3
    assert all("actions" not in s for s in last["suggestions"])


def test_both_languages(client: TestClient) -> None:
    english, french = (cards(client, call(usual()), language=lang) for lang in ("en", "fr"))
    assert french[-1]["summary"].startswith("INCONNU : ")
    assert [c["uuid"] for c in english] == [c["uuid"] for c in french]


def test_null_closes_a_list_only_when_every_key_of_it_is_null(client: TestClient) -> None:
    """Courses are read from procedures and from medication administrations; surgeries from the first."""
    absent = cards(client, call(usual()))[-1]
    assert "null" not in absent["detail"]
    assert "Taken as complete" not in absent["detail"]
    half = cards(client, call(usual(procedures=None)))[-1]["detail"]
    assert half.count("Taken as complete") == 1
    both = cards(client, call(usual(procedures=None, medicationAdministrations=None)))[-1]["detail"]
    assert both.count("Taken as complete") == 2


def test_an_empty_bundle_or_a_failed_look_is_not_null(client: TestClient) -> None:
    for value in (bundle(), {"resourceType": "OperationOutcome", "issue": []}):
        detail = cards(client, call(usual(procedures=value, medicationAdministrations=None)))[-1]["detail"]
        assert "Taken as complete" not in detail


def test_a_patient_without_bone_metastasis_has_no_card(client: TestClient) -> None:
    assert cards(client, call({"patient": patient(), "conditions": None})) == []
    assert cards(client, call({"conditions": None})) == []


def test_what_is_required_and_absent_is_a_failed_precondition(client: TestClient) -> None:
    for prefetch in (None, {}, {"patient": patient()}, {"conditions": {"resourceType": "OperationOutcome"}}):
        refused(client, call(prefetch), 412, "prefetch.conditions")


def order(*extensions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": "o1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "reasonReference": focus("Condition/l1"),
        "extension": list(extensions),
        **more,
    }


def selecting(prefetch: dict[str, Any], *orders: Any, **more: Any) -> dict[str, Any]:
    context = {
        "selections": [f"ServiceRequest/{o['id']}" for o in orders],
        "draftOrders": bundle(*orders),
        **more.pop("context", {}),
    }
    return call(prefetch, "order-select", context=context, **more)


def stereotactic() -> dict[str, Any]:
    coding = {"system": "https://w3id.org/bonemet-kg/radiotherapy/", "code": "StereotacticTechnique"}
    return {"url": f"{LOCAL}technique", "valueCodeableConcept": {"coding": [coding]}}


def test_a_discordant_order_is_critical(client: TestClient) -> None:
    """S074 stops it: stereotactic, three months not passed."""
    irradiated = course(reasonReference=[{"reference": "Condition/l1"}])
    prefetch = usual(procedures=bundle(irradiated))
    day = {"bonemet-kg-reference-date": "2026-01-05"}
    found = cards(client, selecting(prefetch, order(stereotactic()), extension=day), SELECT)
    assert topics(found) == {"Discordant": "critical"}
    assert "S074" in found[0]["detail"]


def test_an_order_that_lacks_data_is_not_assessable(client: TestClient) -> None:
    found = cards(client, selecting(usual(), order(stereotactic())), SELECT)
    assert topics(found) == {"NotAssessable": "warning"}


def test_a_draft_order_that_is_not_selected_is_not_read(client: TestClient) -> None:
    sent = selecting(usual(), order(stereotactic()))
    sent["context"]["selections"] = []
    found = cards(client, sent, SELECT)
    assert found[-1]["summary"].startswith("NOT ASSESSED: none of 0")


def test_a_real_order_without_a_prescription_of_ours_is_told_as_not_read(client: TestClient) -> None:
    """A published example of a planned course: its dose stands in extensions that no binding reads."""
    folder = DATA / "codex-rt-ig"
    planned: Any = load(
        folder / "ServiceRequest-RadiotherapyPlannedCourse-XRTS-01-22B-01-Prostate-1P-1V.json"
    )
    who: Any = load(folder / "Patient-Patient-XRTS-01-22B.json")
    sent = selecting({"patient": who, "conditions": None}, planned, context={"patientId": who["id"]})
    (card,) = cards(client, sent, SELECT)
    assert card["summary"].startswith("NOT ASSESSED: none of 1")
    assert card["indicator"] == "warning"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("", "body"),
        ("{", "body"),
        ("[]", "body"),
        ({}, "hookInstance"),
        (call({"conditions": []}), "prefetch.conditions"),
        (call(usual(), "order-sign"), "patient-view"),
        (call(usual(allergies=None)), "prefetch.allergies"),
        (call(usual(), context={"patientId": "q"}), "context.patientId"),
        (call({"conditions": bundle(bone(subject={"reference": "Patient/q"}))}), "context.patientId"),
        (call({"conditions": {"resourceType": "Bundle", "entry": [1]}}), "prefetch.conditions.entry[0]"),
        (call({"conditions": {"resourceType": "Bundle", "entry": 1}}), "prefetch.conditions"),
        (call({"conditions": {**bundle(), "link": [{"relation": "next"}]}}), "one page"),
        (call({"conditions": {"no": "type"}}), "resourceType"),
        (call(usual(), extension={"bonemet-kg-reference-date": 3}), "bonemet-kg-reference-date"),
        (call(usual(), extension={"bonemet-kg-reference-date": "soon"}), "reference date"),
    ],
)
def test_a_bad_body_is_told_readably(client: TestClient, sent: Any, text: str) -> None:
    refused(client, sent, 400, text)


def test_a_selection_must_be_among_the_orders(client: TestClient) -> None:
    sent = selecting(usual(), order())
    sent["context"]["selections"] = ["ServiceRequest/other"]
    refused(client, sent, 400, "context.selections", SELECT)


def test_contradicting_data_are_refused(client: TestClient) -> None:
    two = [
        {
            **local("diameter", valueQuantity=quantity(n, "cm")),
            "id": f"d{n}",
            "effectiveDateTime": "2025-01-01",
        }
        for n in (3, 5)
    ]
    refused(client, call(usual(observations=bundle(*two))), 400, "diameter")


@pytest.mark.parametrize("path", ["", "/feedback"])
def test_an_unknown_service_is_not_found(client: TestClient, path: str) -> None:
    refused(client, call(usual()), 404, "bonemet-patient-view", f"/cds-services/bonemet-patient-vew{path}")


def test_a_token_is_neither_used_nor_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    token = {"access_token": "secret-token", "token_type": "Bearer"}
    with caplog.at_level(logging.DEBUG):
        found = cards(
            client, {**call(usual()), "fhirServer": "http://no.example", "fhirAuthorization": token}
        )
    assert found
    assert "secret-token" not in caplog.text + "".join(str(vars(r)) for r in caplog.records)


def test_feedback_is_counted_without_what_a_person_wrote(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    system = "https://w3id.org/bonemet-kg/bindings/cds-hooks/"
    items = [
        {"card": "c1", "outcome": "accepted", "acceptedSuggestions": [{"id": "s"}]},
        {
            "card": "c2",
            "outcome": "overridden",
            "overrideReason": {
                "reason": {"code": "not-relevant", "system": system},
                "userComment": "Mrs Secret",
            },
        },
        {
            "card": "c3",
            "outcome": "overridden",
            "overrideReason": {"reason": {"code": "Mrs Secret", "system": system}},
        },
    ]
    sent = {"feedback": [{**item, "outcomeTimestamp": "2026-11-02T10:00:00Z"} for item in items]}
    with caplog.at_level(logging.INFO):
        response = client.post(f"{VIEW}/feedback", json=sent)
    assert (response.status_code, response.content) == (200, b"")
    counted = client.get("/metrics").text
    for outcome, reason in (("accepted", "none"), ("overridden", "not-relevant"), ("overridden", "other")):
        line = f'outcome="{outcome}",reason="{reason}",service="bonemet-patient-view"'
        assert f"bonemet_card_feedback_total{{{line}}} 1.0" in counted
    assert "Secret" not in counted + "".join(str(vars(r)) for r in caplog.records)


@pytest.mark.parametrize("sent", ["", {}, {"feedback": []}, {"feedback": [{"card": "c"}]}])
def test_bad_feedback_is_refused(client: TestClient, sent: Any) -> None:
    refused(client, sent, 400, "problems", f"{VIEW}/feedback")


def test_pages_of_an_allowed_origin_may_call(client: TestClient) -> None:
    asked = {"origin": "https://sandbox.example", "access-control-request-method": "POST",
             "access-control-request-headers": "content-type"}  # fmt: skip
    response = client.options(VIEW, headers=asked)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://sandbox.example"
