"""The web pages over HTTP, without a browser: the form means the record, and nothing wrong passes silently."""

import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient
from random_records import RandomRecords
from rdflib import Graph
from web_support import SentForm

from kg_service.api import create_app
from kg_service.case_form import COMPARISONS, MOST_MEMBERS, field_named, read_form
from kg_service.case_page import CONTROLS, CasePage, CaseRequest
from kg_service.errors import InputError
from kg_service.knowledge import DATA_ROOT, load_graph
from kg_service.record import Member
from kg_service.schema import Feature, Kind, RecordSchema
from kg_service.service import KnowledgeBase
from kg_service.values import Knowledge
from kg_service.web_pages import editor_folder
from kg_service.wording import LANGUAGES, Language, messages

EXAMPLE = (DATA_ROOT / "examples" / "case-thoracic-reirradiation.json").read_text(encoding="utf-8")
RECORDS = 60
PAGES = ("/", "/guideline", "/query", "/query?name=options-of-case", "/cohort")
SCHEMA = RecordSchema(load_graph())
ONE = {"id": ["p"], "lesions.0.id": ["L"]}
"""The least a browser sends."""


@pytest.fixture(scope="module")
def client(base: KnowledgeBase) -> Iterator[TestClient]:
    with TestClient(create_app(base)) as opened:
        yield opened


def member_told(member: Member) -> Any:
    """Everything that a record says of one thing; a code that covers every value says nothing."""
    features = {f.iri: f for f in member.entity.features.values()}
    return (
        member.id,
        {iri: f.known for iri, f in member.facts.items() if not says_nothing(features[iri], f.known)},
        dict(member.dates),
        {prop: set(ids) for prop, ids in member.references.items()},
        {prop: [member_told(m) for m in members] for prop, members in member.lists.items() if members},
        member.closed,
        {prop: told for prop, linked in member.links.items() if (told := member_told(linked))[1:] != EMPTY},
    )


def says_nothing(feature: Feature, known: Knowledge) -> bool:
    return feature.kind is Kind.CODE and known == SCHEMA.domain(feature)


EMPTY: Any = ({}, {}, {}, {}, frozenset(), {})


def sent_by(page: str) -> dict[str, list[str]]:
    return {name: values for name, values in SentForm(page).fields.items() if name not in CONTROLS}


def post(client: TestClient, fields: Mapping[str, Any], path: str = "/?lang=en", **headers: str) -> str:
    response = client.post(path, data=dict(fields), headers=headers)
    assert response.status_code == 200
    return response.text


def problems_in(page: str) -> list[str]:
    found = re.search(r'<div class="problems".*?</div>', page, re.DOTALL)
    lines = re.findall(r"<li[^>]*>(.*?)</li>", found[0], re.DOTALL) if found else []
    return [unescape(re.sub(r"<[^>]+>", "", line)) for line in lines]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_form_sent_as_it_was_shown_is_the_same_record(
    base: KnowledgeBase, client: TestClient, language: Language
) -> None:
    records = RandomRecords(base.compiled().schema, base.limits, 7)
    documents = [json.loads(EXAMPLE), *(records.document() for _ in range(RECORDS))]
    pages = client.app.state.web  # type: ignore[attr-defined]
    cases = CasePage(base, language)
    lists = 0
    for document in documents:
        [told] = base.read_document(document, "told")
        answer = cases.answer(CaseRequest(action="load", json=json.dumps(document)))
        sent = sent_by(pages.case(answer, language))
        again = read_form(sent, base.compiled().schema, decimal_comma=language == "fr")
        [found] = base.read_document(again, "form")
        assert member_told(found.root) == member_told(told.root)
        lists += sum(len(members) for members in told.root.lists.values())
    assert (len(documents), lists > RECORDS) == (RECORDS + 1, True)


def test_the_page_says_what_the_api_says(client: TestClient) -> None:
    page = post(client, {"lang": "en", "action": "example"})
    [answer] = client.post("/assess", content=EXAMPLE, headers={"content-type": "application/json"}).json()
    marks = {"true": "yes", "false": "no", "unknown": "unknown"}
    compared = 0
    for assessed, section in zip(
        answer["assessments"], page.split('<section class="answered">')[1:], strict=True
    ):
        lines = re.findall(r'<span class="unseen">(\w+)</span> <button[^>]*value="([^"]+)"', section)
        told = {value.rpartition(" ")[2]: status for status, value in lines}
        assert told == {c["id"]: marks[c["status"]] for c in assessed["conclusions"]}
        compared += len(told)
        for option in assessed["options"]:
            row = re.search(rf'value="{assessed["case"]} {option["option"]}".*?</td><td>([^<]*)', section)
            assert row is not None
            assert unescape(row[1]).strip() == option["verdictLabel"]
    assert compared == 2 * len(answer["assessments"][0]["conclusions"])


def rows_beside(page: str) -> list[list[str]]:
    """Return the rows of the tables of guidelines, cells as their first line: what is compared, what each says."""
    rows = []
    for table in re.findall(r'<details class="beside">.*?</details>', page, re.DOTALL):
        for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)[1:]:
            cells = re.findall(r"<t[hd][^>]*>(.*?)(?:<br>| <small>|</t[hd]>)", row, re.DOTALL)
            rows.append([unescape(cell) for cell in cells])
    return rows


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_tells_what_other_guidelines_say(client: TestClient, language: str) -> None:
    """Beside each other as /compare tells it, but for options that one guideline at most offers."""
    page = post(client, {"lang": language, "action": "example"}, f"/?lang={language}")
    parameters, headers = {"lang": language}, {"content-type": "application/json"}
    told = client.post("/compare", params=parameters, content=EXAMPLE, headers=headers).json()
    expected = [
        [option["label"], *(saying["verdictLabel"] for saying in option["guidelines"])]
        for case in told
        for option in case["options"]
        if option["relation"] != "not-comparable"
    ]
    found = [row for row in rows_beside(page) if row[0] not in ("The prescription", "La prescription")]
    assert found == expected
    assert len(found) == 16, "eight options on each of two lesions"
    statement = re.search(r'href="([^"]*A24_08[^"]*)"', page)
    assert statement is not None
    assert client.get(unescape(statement[1]), headers={"accept": "text/html"}).status_code == 200


def test_nothing_filled_in_is_unknown_not_no(client: TestClient) -> None:
    page = client.get("/?lang=en").text
    fields = sent_by(page)
    assert {v for values in fields.values() for v in values if v in ("true", "false")} == set()
    answered = post(client, fields, **{"X-Part": "answers"})
    counts = re.findall(r'aria-label="(yes|unknown|no)">[^<]*</span>&nbsp;(\d+)', answered)
    unknown = sum(int(n) for word, n in counts if word == "unknown")
    assert unknown > sum(int(n) for word, n in counts if word == "no")
    assert "cannot be decided yet" in answered
    assert "contraindicated</td>" not in answered


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"lifeExpectancy": ["6"], "lifeExpectancy.unit": ["mo"]}, {"value": 6, "unit": "mo"}),
        (
            {
                "lifeExpectancy": ["6"],
                "lifeExpectancy.is": ["minExclusive maxInclusive"],
                "lifeExpectancy.to": ["9.5"],
                "lifeExpectancy.unit": ["mo"],
            },
            {"minExclusive": 6, "maxInclusive": 9.5, "unit": "mo"},
        ),
        (
            {
                "lifeExpectancy": [""],
                "lifeExpectancy.is": ["minInclusive maxExclusive"],
                "lifeExpectancy.to": ["9"],
                "lifeExpectancy.unit": ["mo"],
            },
            {"maxExclusive": 9, "unit": "mo"},
        ),
        ({"lifeExpectancy": ["-0"], "lifeExpectancy.unit": ["mo"]}, {"value": 0, "unit": "mo"}),
        (
            {"lifeExpectancy": [""], "lifeExpectancy.is": ["maxInclusive"], "lifeExpectancy.unit": ["mo"]},
            None,
        ),
        ({"lifeExpectancy": ["six"], "lifeExpectancy.unit": ["mo"]}, {"value": "six", "unit": "mo"}),
        ({"lifeExpectancy": ["1e3"], "lifeExpectancy.unit": ["mo"]}, {"value": "1e3", "unit": "mo"}),
    ],
)
def test_a_number_is_what_its_fields_say(
    base: KnowledgeBase, fields: dict[str, list[str]], expected: dict[str, Any] | None
) -> None:
    assert read_form(fields, base.compiled().schema).get("lifeExpectancy") == expected


def test_every_comparison_has_its_words() -> None:
    for language in LANGUAGES:
        words = messages(language)["web"]
        assert len({words["is_" + code.replace(" ", "_")] for code in COMPARISONS}) == 9


def test_a_comma_is_a_decimal_sign_in_french_alone(client: TestClient) -> None:
    typed = {**ONE, "lifeExpectancy": ["2,5"], "lifeExpectancy.unit": ["mo"]}
    french = post(client, {**typed, "lang": "fr"}, "/?lang=fr")
    assert not problems_in(french)
    assert sent_by(french)["lifeExpectancy"] == ["2,5"]
    assert sent_by(post(client, {**typed, "lang": "fr"}, "/?lang=en"))["lifeExpectancy"] == ["2.5"]
    english = post(client, {**typed, "lang": "en"})
    assert [line.split(" ")[:2] for line in problems_in(english)] == [["form:", "lifeExpectancy.value"]]
    assert sent_by(english)["lifeExpectancy"] == ["2,5"], "what was typed stays to be mended"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"lifeExpectency": ["3"]}, "lifeExpectency no such field"),
        ({"sex": ["Female", "Male"]}, "sex given twice, as Female and Male"),
        ({"lesions.0.site": ["T99"]}, "lesions[0].site"),
        ({"lesions.0.fractureRisk": ["maybe"]}, "lesions[0].fractureRisk"),
        ({"lifeExpectancy": ["-3"], "lifeExpectancy.unit": ["mo"]}, "lifeExpectancy"),
        ({"lifeExpectancy": ["3"], "lifeExpectancy.unit": ["parsec"]}, "lifeExpectancy.unit"),
        ({"lifeExpectancy": ["3"], "lifeExpectancy.is": ["about"], "lifeExpectancy.unit": ["mo"]}, "about"),
        ({"referenceDate": ["yesterday"]}, "referenceDate"),
        ({"lesions.0.id": ["p"]}, "an id used once"),
        ({"allMetastasesListed": ["perhaps"]}, "allMetastasesListed"),
        ({f"lesions.{n}.id": [f"L{n}"] for n in range(MOST_MEMBERS + 1)}, f"{MOST_MEMBERS} at most"),
        ({"profile": ["nonsense"]}, "nonsense"),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_is_decided(
    client: TestClient, fields: dict[str, list[str]], text: str
) -> None:
    page = post(client, {**ONE, **fields})
    assert any(text in line for line in problems_in(page)), problems_in(page)
    assert '<section class="answered">' not in page


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("form: lifeExpectancy.value", "lifeExpectancy"),
        ("form: lesions[0].diameter.unit", "lesions.0.diameter"),
        ("form: lesions[12].site", "lesions.12.site"),
        ("form: previousCourses[0]", "previousCourses.0"),
    ],
)
def test_a_problem_leads_to_its_field(where: str, name: str) -> None:
    assert field_named(where) == name


def test_things_are_added_and_removed_without_losing_the_rest(client: TestClient) -> None:
    page = post(client, {**ONE, "lesions.0.site": ["T8"], "action": ["add lesions"]})
    fields = sent_by(page)
    assert [fields[f"lesions.{n}.id"] for n in (0, 1)] == [["L"], ["lesion-1"]]
    assert fields["lesions.0.site"] == ["T8"]
    page = post(client, {**fields, "action": ["remove lesions.0"]})
    fields = sent_by(page)
    assert fields["lesions.0.id"] == ["lesion-1"]
    assert "lesions.1.id" not in fields
    for strange in ("remove lesions.7", "remove lesions", "add nothing", "dance"):
        kept = sent_by(post(client, {**fields, "action": [strange]}))
        assert kept["lesions.0.id"] == ["lesion-1"]
    assert sent_by(post(client, {**fields, "action": ["clear"]}))["id"] == ["patient"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ('{"id": "p", "lesions": [{"id": "a", "sote": "T8"}]}', "lesions[0].sote"),
        ('{"resourceType": "Bundle"}', "POST /assess"),
        ("[]", "form"),
        ("", "not JSON"),
    ],
)
def test_a_record_that_cannot_be_loaded_leaves_the_form_alone(
    client: TestClient, text: str, told: str
) -> None:
    page = post(client, {**ONE, "lesions.0.site": ["T8"], "action": ["load"], "json": [text]})
    assert any(told in line for line in problems_in(page)), problems_in(page)
    assert sent_by(page)["lesions.0.site"] == ["T8"]


def test_an_answer_is_shown_with_its_criterion(client: TestClient) -> None:
    page = post(client, {"action": ["example"], "show": ["T11 S074"]})
    assert page.count("<svg") == 1
    assert "S074 for lesion T11 of case-1: no" in page
    assert 'value="T11 S074"' in page.split('name="shown"')[1].split(">")[0]
    other = post(client, {"action": ["example"], "show": ["T11 S999"]})
    assert other.count("<svg") == 1, "the first option when there is no such answer"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_from_elsewhere(client: TestClient, path: str, language: str) -> None:
    mark = "&" if "?" in path else "?"
    response = client.get(f"{path}{mark}lang={language}")
    assert response.status_code == 200
    assert f'<html lang="{language}">' in response.text
    assert "script-src 'self';" in response.headers["content-security-policy"]
    loaded = re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="([^"]+)"', response.text)
    assert all(one.startswith(("/static/", "data:,")) for one in loaded)
    for one in loaded:
        if one.startswith("/static/"):
            assert client.get(one).status_code == 200
    assert "{{" not in response.text
    assert "<built-in" not in response.text


def test_a_page_speaks_the_language_of_the_browser(client: TestClient) -> None:
    assert '<html lang="fr">' in client.get("/", headers={"accept-language": "en;q=0.4, fr-CA"}).text
    assert '<html lang="en">' in client.get("/", headers={"accept-language": "de"}).text
    assert '<html lang="en">' in client.get("/?lang=xx").text


def test_the_guideline_page_tells_everything(base: KnowledgeBase, client: TestClient) -> None:
    page = client.get("/guideline?lang=fr").text
    guideline = base.compiled().guideline
    for title, count in (("Recommandations", 119), ("Énoncés de la source", 166)):
        assert f"{title} ({count})" in page
    assert len(guideline.statements) == 166
    hrefs = re.findall(r'<td><a href="([^"]+)">', page)
    assert len(hrefs) == 119 + 166
    path, _, anchor = next(h for h in hrefs if h.endswith("S074")).partition("#")
    assert f'id="{anchor}"' in client.get(path).text


def test_a_query_is_answered_on_the_page(client: TestClient) -> None:
    page = post(client, {"query": 'SELECT ("<b>x</b>" AS ?a) ?none { }'}, "/query?lang=en")
    assert "1 of 1 rows" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page
    assert "<strong>yes</strong>" in post(client, {"query": "ASK {}"}, "/query?lang=en")
    assert "core:" in post(
        client, {"query": "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 3"}, "/query?lang=en"
    )
    wrong = post(client, {"query": "SELECT"}, "/query?lang=en")
    assert '<div class="problems"' in wrong
    refused = post(
        client, {"query": "SELECT * { SERVICE <http://x.example/> { ?s ?p ?o } }"}, "/query?lang=en"
    )
    assert "SERVICE" in refused.split('<div class="problems"')[1]


def test_a_query_of_the_library_takes_its_parameters(client: TestClient) -> None:
    asked = "/query?lang=en&name=contraindications-of-option&run=1"
    page = client.get(asked).text
    assert "S071" in page.split('id="results"')[1]
    assert "no parameter" in client.get(f"{asked}&p.nonsense=1").text.split('<div class="problems"')[1]
    missing = client.get("/query?lang=en&name=options-of-case&run=1").text
    assert "case" in missing.split('<div class="problems"')[1]


def test_a_table_is_audited_and_not_kept(client: TestClient) -> None:
    table = (DATA_ROOT / "examples" / "cohort.csv").read_bytes()
    response = client.post(
        "/cohort?lang=fr", files={"table": ("c.csv", table)}, data={"carry": "centre, year", "by": "centre"}
    )
    assert response.status_code == 200
    assert '<html lang="fr">' in response.text
    assert 'class="counts"' in response.text


@pytest.mark.parametrize(
    ("files", "data", "told"),
    [
        ({}, {}, "no file"),
        ({"table": ("c.csv", b"")}, {}, "no file"),
        ({"table": ("c.csv", b"id,nonsense\n1,2\n")}, {}, "nonsense"),
        ({"table": ("c.exe", b"id\n1\n")}, {}, ".exe"),
        ({"table": ("c.csv", b"id,site\n")}, {}, "no row was decided"),
        ({"table": ("c.parquet", b"PAR1")}, {}, "table"),
        ({"table": ("c.csv", b"id,site\n1,T8\n")}, {"by": "centre"}, "centre"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(
    client: TestClient, files: dict[str, Any], data: dict[str, str], told: str
) -> None:
    response = client.post("/cohort?lang=en", files=files or {"other": ("x", b"")}, data=data)
    assert response.status_code == 200
    assert any(told in line for line in problems_in(response.text)), response.text[-2000:]


def test_a_body_that_is_no_form_is_refused(client: TestClient) -> None:
    assert client.post("/", content=b"\xff=1").status_code == 422
    many = "&".join(f"a{n}=1" for n in range(20_001))
    assert client.post("/", content=many.encode()).status_code == 422


def test_the_editor_is_served_from_its_package(client: TestClient) -> None:
    assert editor_folder() is not None
    assert client.get("/static/ace/ace.js").status_code == 200
    assert client.get("/static/ace/mode-sparql.js").status_code == 200
    assert client.get("/static/../web_api.py").status_code == 404


def test_another_guideline_has_its_form_without_python(toy: KnowledgeBase) -> None:
    page = CasePage(toy, "en")
    answer = page.answer(CaseRequest())
    assert not answer.problems
    assert len(answer.cases) == 1
    assert "Umbrella" in " ".join(o["option"] for one in answer.cases for o in one.said["options"])
    names = [f.name for _, fields in answer.part.groups for f in fields]
    assert names
    with pytest.raises(InputError):
        read_form({"site": ["T8"]}, toy.compiled().schema)
    assert isinstance(toy.record_shapes, Graph)
