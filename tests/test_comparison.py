"""Two versions of a guideline compared: which verdicts change, then what changed in the terms."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kg_service.cli import app, main
from kg_service.comparison import AnswerChange, Comparison, PropertyChange, compare_roots
from kg_service.comparison_text import comparison_text
from kg_service.errors import CatalogError
from kg_service.knowledge import DATA_ROOT

TOY = Path(__file__).parent / "toy" / "umbrella.ttl"
STORM = "xsd:minExclusive 60.0"
CASES = [
    {"id": "gale", "rainProbability": {"value": 80, "unit": "%"}, "windSpeed": {"value": 65, "unit": "km/h"}, "sky": "Dark"},
    {"id": "breeze", "rainProbability": {"value": 80, "unit": "%"}, "windSpeed": {"value": 10, "unit": "km/h"}, "sky": "Dark"},
]  # fmt: skip


def root(folder: Path, *changes: tuple[str, str]) -> Path:
    """Return a root that holds the toy guideline, with some of its text replaced."""
    text = TOY.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    for name in ("ontology", "shapes"):
        (folder / name).mkdir(parents=True)
    for name in ("core.ttl", "quantity.ttl"):
        shutil.copy(DATA_ROOT / "ontology" / name, folder / "ontology" / name)
    (folder / "ontology" / "umbrella.ttl").write_text(text, encoding="utf-8")
    (folder / "shapes" / "record.ttl").write_text("", encoding="utf-8")
    return folder


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    folder = tmp_path / "cases"
    folder.mkdir()
    for document in CASES:
        (folder / f"{document['id']}.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def compared(tmp_path: Path, cases: Path, *changes: tuple[str, str]) -> Comparison:
    return compare_roots(root(tmp_path / "old"), root(tmp_path / "new", *changes), [cases], "en")


def test_a_threshold_that_moves_changes_the_verdict_of_the_case_between(tmp_path: Path, cases: Path) -> None:
    """Storm begins above 70 km/h in place of 60: a gale of 65 is no longer one, a breeze never was."""
    found = compared(tmp_path, cases, (STORM, "xsd:minExclusive 70.0"))
    assert (len(found.cases), found.compared) == (1, 2)
    assert found.cases[0].case == "gale.json: gale, gale"
    changes = {(c.what, c.label): c for c in found.cases[0].changes}
    assert changes["option", "umbrella"] == AnswerChange(
        "option", "umbrella", "contraindicated (should)", "applicable (should)"
    )
    assert changes["option", "big umbrella"].new == "indicated, not cleared yet (may)"
    assert changes["recommendation", "U3 storm"] == AnswerChange("recommendation", "U3 storm", "yes", "no")
    [(section, [storm])] = found.terms.items()
    assert (section, storm.label, storm.fate) == ("criteria", "storm", "changed")
    [definition] = storm.changes
    assert "60.0" in definition.gone[0]
    assert "70.0" in definition.come[0]


def test_a_version_compared_with_itself_differs_in_nothing(tmp_path: Path, cases: Path) -> None:
    found = compared(tmp_path, cases)
    assert (found.compared, found.cases, found.unusable, found.first_said, found.terms) == (2, (), (), (), {})
    text = comparison_text(found, "en")
    assert "Verdicts changed on the reference cases: 0 of 2" in text
    assert "No term changed." in text


def test_a_recommendation_that_goes_takes_its_verdict_with_it(tmp_path: Path, cases: Path) -> None:
    text = TOY.read_text(encoding="utf-8")
    begin = text.index("toy:rec-U3 a core:AbsoluteContraindication")
    node = text[begin : text.index(" .\n", begin) + 3]
    found = compared(tmp_path, cases, (node, ""))
    assert AnswerChange("recommendation", "U3 storm", "yes", None) in found.cases[0].changes
    assert [(t.label, t.fate) for t in found.terms["recommendations"]] == [("U3 storm", "removed")]
    back = compare_roots(tmp_path / "new", tmp_path / "old", [cases], "en")
    assert [(f.label, f.told, f.cases) for f in back.first_said] == [("U3 storm", "yes", 1)]
    assert [c.label for c in back.cases[0].changes] == ["umbrella", "big umbrella"]


def test_words_that_change_are_told_as_words_and_change_no_verdict(tmp_path: Path, cases: Path) -> None:
    found = compared(tmp_path, cases, ('"Storm: never."@en', '"In a storm: never."@en'))
    assert found.cases == ()
    [(section, [statement])] = found.terms.items()
    assert section == "statements"
    assert statement.changes == (PropertyChange("paraphrase", (), ()),)
    assert "paraphrase reworded" in comparison_text(found, "en")
    french = compare_roots(tmp_path / "old", tmp_path / "new", [cases], "fr")
    assert "reformulation : reformulé" in comparison_text(french, "fr")


def test_a_case_that_one_version_cannot_read_is_not_counted_as_unchanged(tmp_path: Path, cases: Path) -> None:
    document = {"id": "x", "wetShoes": True}
    (cases / "new.json").write_text(json.dumps(document), encoding="utf-8")
    feature = (
        'toy:wetShoes a owl:DatatypeProperty , owl:FunctionalProperty ; core:feature true ; rdfs:label "wet shoes"@en ;\n'
        "    rdfs:domain toy:Walk ; rdfs:range xsd:boolean .\n"
    )
    found = compared(tmp_path, cases, ("### The guideline:", f"{feature}\n### The guideline:"))
    assert found.compared == 2
    [unusable] = found.unusable
    assert unusable.case == "new.json"
    assert "wetShoes: an unknown key" in unusable.reason
    assert [t.label for t in found.terms["features"]] == ["wet shoes"]


def test_vignettes_are_read_with_their_readings(tmp_path: Path) -> None:
    """At exactly half, rain is likely under reading a, and not under b; only b is asked for here."""
    vignettes = tmp_path / "cases.yaml"
    vignettes.write_text(
        "- {id: half-a, patient: {rainProbability: {value: 50, unit: '%'}, sky: Clear}, readings: {A1: a}}\n"
        "- {id: half-b, patient: {rainProbability: {value: 50, unit: '%'}, sky: Clear}, readings: {A1: b}}\n",
        encoding="utf-8",
    )
    text = TOY.read_text(encoding="utf-8")
    begin = text.index("toy:RainLikely-A1-b a")
    node = text[begin : text.index("toy:CloudySky a", begin)]
    found = compared(tmp_path, vignettes, (node, node.replace("minExclusive 50.0", "minInclusive 50.0")))
    assert found.compared == 2
    assert [case.case for case in found.cases] == ["half-b, half-b"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "nowhere", "no such folder"),
        (lambda folder: folder, "holds no ontology/ and no shapes/"),
    ],
)
def test_a_folder_that_is_no_root_is_refused(tmp_path: Path, cases: Path, make, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        compare_roots(make(cases), root(tmp_path / "new"), [cases], "en")


def test_reference_cases_that_are_not_there_are_told(tmp_path: Path) -> None:
    one = root(tmp_path / "one")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogError, match="no reference case"):
        compare_roots(one, one, [tmp_path / "empty"], "en")
    with pytest.raises(CatalogError, match="no such file or folder"):
        compare_roots(one, one, [tmp_path / "none"], "en")
    (tmp_path / "bad.yaml").write_text("- {id: x}\n", encoding="utf-8")
    with pytest.raises(CatalogError, match="an id and a patient"):
        compare_roots(one, one, [tmp_path / "bad.yaml"], "en")


def test_the_command_says_what_changed_by_text_json_and_exit_code(
    tmp_path: Path, cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = root(tmp_path / "old"), root(tmp_path / "new", (STORM, "xsd:minExclusive 70.0"))
    words = ["diff", str(old), str(new), "--cases", str(cases)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "Verdicts changed on the reference cases: 1 of 2" in done.stdout
    assert "option umbrella: contraindicated (should) → applicable (should)" in done.stdout
    assert json.loads(CliRunner().invoke(app, [*words, "--format", "json"]).stdout)["compared"] == 2
    assert CliRunner().invoke(app, ["diff", str(old), str(old), "--cases", str(cases)]).exit_code == 0
    french = CliRunner().invoke(app, [*words, "--lang", "fr"]).stdout
    assert "Verdicts changés sur les cas de référence : 1 sur 2" in french
    monkeypatch.setattr("sys.argv", ["bonemet", "diff", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "no such folder; expected one that holds ontology/ and shapes/" in capsys.readouterr().err
