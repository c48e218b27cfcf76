"""The command line: parses, calls, prints, sets the exit code.

Exit codes: 0 done and clean, 1 done with findings, 2 some input could not be used, 130 interrupted.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from kg_service.compiler import CompiledGuideline
from kg_service.errors import InputError, KgServiceError, Problem
from kg_service.explanation_forms import ExplanationForm, explanations_in
from kg_service.knowledge import DATA_ROOT
from kg_service.record import SetAssumption
from kg_service.service import AssessedRecord, Batch, KnowledgeBase, parse_readings, to_json
from kg_service.text import assessment_text, nothing_to_assess
from kg_service.turns import ANSWER, MEMORY, RUNNING, SECONDS, WAITING, QueryLimits
from kg_service.wording import Language

FINDINGS = 1
BAD_INPUT = 2
MEGABYTE = 1_000_000
INTERRUPTED = 130

app = typer.Typer(
    help="Decide patient records by a guideline, with proofs. Informs a decision; does not take one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Speech(StrEnum):
    """Languages of answers."""

    EN = "en"
    FR = "fr"


class AnswerFormat(StrEnum):
    """Forms of answers."""

    TEXT = "text"
    JSON = "json"
    TTL = "ttl"


Records = Annotated[
    list[Path],
    typer.Argument(
        help="Records: our JSON, FHIR R4 JSON, Turtle (.ttl), N-Triples (.nt), JSON-LD (.jsonld).",
        show_default=False,
    ),
]
Lang = Annotated[Speech, typer.Option("--lang", help="Language of the answer.")]
Form = Annotated[AnswerFormat, typer.Option("--format", help="Form of the answer.")]
GuidelineOption = Annotated[
    str | None,
    typer.Option(
        "--guideline",
        help="Id of the guideline that decides; the default one otherwise. The ids: bonemet guidelines.",
        show_default=False,
    ),
]
ReadingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--reading",
        help="A reading to use instead of the adopted one, as A27=c. May be repeated. "
        "The names: bonemet readings.",
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="Readings selected together, such as strict; a --reading wins over it. "
        "The names: bonemet readings.",
        show_default=False,
    ),
]
RobustOption = Annotated[
    bool,
    typer.Option(
        "--robust", help="Tell which answers are the same under every reading, and what the others hang on."
    ),
]
AssumptionsFile = Annotated[
    Path | None,
    typer.Option(
        "--assumptions",
        help="JSON file of local assumptions: what words without a number mean here.",
        show_default=False,
    ),
]
AssumeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--assume",
        help='One local assumption, as "NAME=VALUE UNIT"; wins over the file. May be repeated. '
        "The names: bonemet assumptions.",
    ),
]
ReferenceDate = Annotated[
    str | None,
    typer.Option(
        "--reference-date", help="Day the assessment speaks of (YYYY-MM-DD), for records that give none."
    ),
]


@app.command()
def assess(
    records: Records,
    lang: Lang = Speech.EN,
    form: Form = AnswerFormat.TEXT,
    guideline: GuidelineOption = None,
    reading: ReadingOption = None,
    profile: ProfileOption = None,
    assumptions: AssumptionsFile = None,
    assume: AssumeOption = None,
    reference_date: ReferenceDate = None,
    *,
    robust: RobustOption = False,
) -> None:
    """Tell what applies, what is contraindicated, what follows and what to ask next."""
    base = KnowledgeBase(guideline=guideline)
    compiled = base.compiled(parse_readings(reading or []), profile)
    settings = base.set_assumptions(assume or [], "--assume", assumptions)
    assessed, problems = _assess_files(base, compiled, records, reference_date, settings)
    if robust:
        assessed = [base.examine(item, compiled) for item in assessed]
    _print_answers(base, compiled, assessed, _language(lang), form)
    _finish(problems)


@app.command()
def explain(
    record: Annotated[
        Path,
        typer.Argument(help="The record, or with --row a folder that cohort made.", show_default=False),
    ],
    conclusion: Annotated[
        str,
        typer.Argument(
            help="What to explain: id of a recommendation (S071), name of an option, or prescription.",
            show_default=False,
        ),
    ],
    lesion: Annotated[
        str | None, typer.Option("--lesion", help="Id of one lesion; every lesion otherwise.")
    ] = None,
    row: Annotated[
        str | None,
        typer.Option(
            "--row",
            help="Id or number of one row of a cohort, or RECORD/CASE; explained under the readings it was "
            "decided under.",
        ),
    ] = None,
    lang: Lang = Speech.EN,
    form: Annotated[
        ExplanationForm,
        typer.Option("--format", help="Form of the explanation; nquads is PROV-O, svg a picture."),
    ] = ExplanationForm.TEXT,
    guideline: GuidelineOption = None,
    reading: ReadingOption = None,
    profile: ProfileOption = None,
    assumptions: AssumptionsFile = None,
    assume: AssumeOption = None,
    reference_date: ReferenceDate = None,
) -> None:
    """Prove one answer: the facts it rests on, what would change it, what would settle it."""
    base = KnowledgeBase(guideline=guideline)
    if row is not None:
        asked = [guideline, reading, profile, assumptions, assume]
        base, compiled, assessed, problems = _assess_row(base, record, row, asked)
    else:
        compiled = base.compiled(parse_readings(reading or []), profile)
        settings = base.set_assumptions(assume or [], "--assume", assumptions)
        assessed, problems = _assess_files(base, compiled, [record], reference_date, settings)
    explanations = [e for a in assessed for e in base.explain(a, conclusion, compiled, lesion)]
    if explanations or not problems:
        typer.echo(explanations_in(form, explanations, base, _language(lang)).rstrip("\n"))
    _finish(problems)


@app.command()
def cohort(
    source: Annotated[
        Path,
        typer.Argument(
            help="A feature table (.parquet, .csv, .csv.gz), a folder of FHIR bulk data (.ndjson), or a file "
            "of RDF records (.nt, .nq, .ttl, .trig); text may be gzipped.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to make for the answers.", show_default=False)],
    carry: Annotated[
        list[str] | None,
        typer.Option("--carry", help="A column to copy beside the answers, unread. May be repeated."),
    ] = None,
    masks: Annotated[
        bool,
        typer.Option(
            "--masks", help="Write masks.parquet and plan.sql too, to decide in another SQL engine."
        ),
    ] = False,
    fragile: Annotated[
        bool,
        typer.Option(
            "--fragile", help="Write fragile.parquet too: what another reading of the source changes."
        ),
    ] = False,
    guideline: GuidelineOption = None,
    reading: ReadingOption = None,
    profile: ProfileOption = None,
    assumptions: AssumptionsFile = None,
    assume: AssumeOption = None,
    reference_date: ReferenceDate = None,
    spark: Annotated[
        str | None,
        typer.Option(
            "--spark",
            metavar="MASTER",
            help="Decide a Parquet table on Spark: spark://HOST:PORT, or local-cluster[2,1,1024] here.",
        ),
    ] = None,
) -> None:
    """Decide every case of a cohort; what cannot be decided is set aside with its reason."""
    from kg_service.cohort_records import decide_records, is_record_source, open_records
    from kg_service.cohort_run import decide_table
    from kg_service.progress import counting

    base = KnowledgeBase(guideline=guideline)
    compiled = base.compiled(parse_readings(reading or []), profile)
    settings = base.set_assumptions(assume or [], "--assume", assumptions)
    if spark is not None:
        from kg_service.spark_cohort import decide_on_spark

        if reference_date or masks or fragile or is_record_source(source):
            raise KgServiceError("--spark takes a table, without --reference-date, --masks and --fragile")
        summary = decide_on_spark(source, out, base, compiled, settings, master=spark, carried=carry or [])
    elif is_record_source(source):
        if carry:
            raise KgServiceError("records have no columns to carry; leave --carry out")
        with counting("records") as progress:
            summary = decide_records(
                open_records(source, base),
                out,
                base,
                compiled,
                settings,
                reference_date=reference_date,
                masks=masks,
                fragile=fragile,
                progress=progress,
            )
    else:
        if reference_date:
            raise KgServiceError("rows of a table hold no dates; leave --reference-date out")
        with counting("rows") as progress:
            summary = decide_table(
                source,
                out,
                base,
                compiled,
                settings,
                carried=carry or [],
                masks=masks,
                fragile=fragile,
                progress=progress,
            )
    _print(f"{out}: {summary}")
    _finish([], findings=summary.set_aside > 0)


@app.command()
def synthesise(
    marginals: Annotated[
        Path, typer.Argument(help="TOML file that declares what to draw from.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Target: .parquet or .csv, .nt for RDF, or no suffix for a folder of FHIR NDJSON.",
            show_default=False,
        ),
    ],
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many rows.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same rows.")] = 1,
) -> None:
    """Draw a synthetic cohort from declared marginals, in any form that cohorts are read in."""
    from kg_service.progress import counting
    from kg_service.synthesis_files import synthesise as write

    with counting("rows") as progress:
        write(marginals, out, KnowledgeBase(), rows=rows, seed=seed, progress=progress)
    _print(f"{out}: {rows:,} rows")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A folder that cohort made.", show_default=False)],
    target: Annotated[
        Path,
        typer.Argument(
            help="File to write: .parquet, one row a conclusion with its statements; .nq or .nq.gz, RDF.",
            show_default=False,
        ),
    ],
) -> None:
    """Write the conclusions of a cohort as one long table, or as RDF with one named graph a case."""
    from kg_service.cohort_export import export as write
    from kg_service.cohort_folder import CohortFolder
    from kg_service.progress import counting

    base = KnowledgeBase()
    with counting("cases") as progress:
        written = write(CohortFolder(folder, base), target, progress)
    _print(f"{target}: {written:,} {'conclusions' if target.suffix == '.parquet' else 'quads'}")


@app.command()
def audit(
    folder: Annotated[Path, typer.Argument(help="A folder that cohort made.", show_default=False)],
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="A carried column to count by, such as centre. May be repeated."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Where to write the page; audit.html in the folder otherwise."),
    ] = None,
    smallest: Annotated[int, typer.Option("--smallest", min=1, help="Smallest count that is told.")] = 5,
    lang: Lang = Speech.EN,
) -> None:
    """Count practice against the guideline, as one HTML page that stands alone and prints."""
    from kg_service.audit import Audit
    from kg_service.audit_page import audit_page
    from kg_service.cohort_folder import CohortFolder
    from kg_service.pages import write_pages

    base = KnowledgeBase()
    cohort = CohortFolder(folder, base)
    counted = Audit(cohort, base.wording(cohort.compiled, _language(lang)), by or [], smallest)
    target = html or folder / "audit.html"
    write_pages({target.name: audit_page(counted)}, target.parent)
    _print(str(target))


@app.command("guidelines")
def list_guidelines(lang: Lang = Speech.EN) -> None:
    """List the guidelines that can decide; the default one first."""
    from kg_service.guideline_report import guidelines_text

    _print(guidelines_text(KnowledgeBase(), _language(lang)))


@app.command("readings")
def list_readings(
    guideline: GuidelineOption = None, lang: Lang = Speech.EN, form: Form = AnswerFormat.TEXT
) -> None:
    """List the ambiguities of the source, their readings, which change an answer, and the profiles."""
    from kg_service.readings_report import readings_json
    from kg_service.robustness_text import readings_text

    base = KnowledgeBase(guideline=guideline)
    wording = base.wording(base.compiled(), _language(lang))
    found = readings_json(wording)
    if form is AnswerFormat.TTL:
        raise KgServiceError("the list of readings has no Turtle form; use --format text or json")
    _print(to_json(found) if form is AnswerFormat.JSON else readings_text(found, wording))


@app.command()
def robustness(
    records: Annotated[
        list[Path],
        typer.Argument(help="Records, or vignettes (.yaml): files, or folders of them.", show_default=False),
    ],
    lang: Lang = Speech.EN,
    form: Form = AnswerFormat.TEXT,
    guideline: GuidelineOption = None,
    reading: ReadingOption = None,
    profile: ProfileOption = None,
    reference_date: ReferenceDate = None,
) -> None:
    """Count over many records the answers that hang on a reading, and rank the ambiguities by them."""
    from kg_service.reference_cases import reference_cases
    from kg_service.robustness_report import summary_json
    from kg_service.robustness_text import summary_text

    base = KnowledgeBase(guideline=guideline)
    compiled = base.compiled(parse_readings(reading or []), profile)
    batch = Batch()
    for case in reference_cases(records):
        found = case.read(base, reference_date)
        batch.records += found.records
        batch.problems += found.problems
    assessed = [base.examine(item, compiled) for item in base.assess_batch(batch, compiled)]
    wording = base.wording(compiled, _language(lang))
    summary = summary_json((item.robustness.values() for item in assessed), wording)
    if form is AnswerFormat.TTL:
        raise KgServiceError("the count of fragile answers has no Turtle form; use --format text or json")
    _print(to_json(summary) if form is AnswerFormat.JSON else summary_text(summary, wording))
    _finish(batch.problems)


@app.command("assumptions")
def list_assumptions(
    guideline: GuidelineOption = None, lang: Lang = Speech.EN, form: Form = AnswerFormat.TEXT
) -> None:
    """List the local assumptions that can be set: what each fixes, from what, its unit and statements."""
    from kg_service.assumption_report import declared_json
    from kg_service.text import assumptions_text

    base = KnowledgeBase(guideline=guideline)
    wording = base.wording(base.compiled(), _language(lang))
    declared = [declared_json(a, wording) for a in base.assumptions.declared.values()]
    if form is AnswerFormat.TTL:
        raise KgServiceError("the list of assumptions has no Turtle form; use --format text or json")
    _print(to_json(declared) if form is AnswerFormat.JSON else assumptions_text(declared, wording))


@app.command()
def validate(
    records: Records,
    lang: Lang = Speech.EN,
    reference_date: ReferenceDate = None,
    eligibility: Annotated[
        bool, typer.Option("--eligibility", help="Check the eligibility and prescription shapes too.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Check a cohort of RDF records with compiled shapes; write what is found to this CSV file.",
            show_default=False,
        ),
    ] = None,
    turtle: Annotated[
        Path | None,
        typer.Option(
            "--turtle", help="With --out: write a SHACL validation report to this file.", show_default=False
        ),
    ] = None,
) -> None:
    """Check records against the SHACL record shapes, and the generated shapes if asked."""
    from kg_service.validation_cases import finding_text, validate_batch

    base = KnowledgeBase()
    if out is not None or turtle is not None:
        _validate_cohort(base, records, out, turtle, plain=not (eligibility or reference_date))
        return
    batch = _read_files(base, records, reference_date)
    findings = validate_batch(base, batch, _language(lang), eligibility=eligibility)
    for finding in findings:
        _print(finding_text(finding))
    if not findings and not batch.problems:
        _print(f"{len(batch.records)} record(s) conform to the record shapes.")
    _finish(batch.problems, findings=bool(findings))


@app.command()
def query(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of a query of the library, or a file with a SPARQL query.", show_default=False
        ),
    ] = "",
    records: Annotated[
        list[Path] | None, typer.Argument(help="Records to load with their conclusions.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter of the query, as name=value.")
    ] = None,
    load: Annotated[
        list[Path] | None,
        typer.Option("--load", help="N-Quads to load too, such as an exported cohort. May be repeated."),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="table, json, xml, csv, tsv; ttl or nt for graphs.")
    ] = "table",
    lang: Lang = Speech.EN,
    guideline: Annotated[
        list[str] | None,
        typer.Option(
            "--guideline",
            help="Id of a guideline that draws conclusions; the default one otherwise. May be repeated; "
            "readings and a profile are those of the first.",
        ),
    ] = None,
    reading: ReadingOption = None,
    profile: ProfileOption = None,
) -> None:
    """Run a query of the library, or your own, over ontology, guideline, records and conclusions."""
    from kg_service.sparql import list_queries, run_query

    named = guideline or []
    base = KnowledgeBase(guideline=named[0] if named else None)
    if not name:
        _print(list_queries(_language(lang)))
        return
    compiled = [base.compiled(parse_readings(reading or []), profile)]
    compiled += [base.of(other).compiled() for other in named[1:]]
    assessed, problems = _assess_files(base, compiled[0], records or [], None)
    _print(run_query(base, compiled, assessed, name, parameter or [], form, _language(lang), load or []))
    _finish(problems)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    records: Annotated[
        list[Path] | None, typer.Option("--records", help="Records to load. May be repeated.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|QUERY_URL[,UPDATE_URL]",
            help="Folder to keep the store in, or another SPARQL 1.1 server. In memory otherwise.",
        ),
    ] = None,
    update_token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the token that updates must show. BONEMET_UPDATE_TOKEN holds it otherwise; "
            "without one, updates are off.",
        ),
    ] = None,
    allow_guideline_updates: Annotated[
        bool, typer.Option("--allow-guideline-updates", help="Let updates change the guideline's graphs.")
    ] = False,
    allow_service: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Endpoint that SERVICE may call. May be repeated."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Time for one query or update [s].")] = SECONDS,
    memory: Annotated[
        int, typer.Option(min=1, help="Memory for one query or update, beyond the store [MB].")
    ] = MEMORY // MEGABYTE,
    answer_size: Annotated[int, typer.Option(min=1, help="Largest answer [MB].")] = ANSWER // MEGABYTE,
    running: Annotated[int, typer.Option(min=1, help="Queries answered at a time.")] = RUNNING,
    waiting: Annotated[int, typer.Option(min=0, help="Queries that may wait for their turn.")] = WAITING,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Origin whose pages may call the service. May be repeated."),
    ] = None,
) -> None:
    """Serve pages at /, and the API: assess, explain, validate, SPARQL. Its documentation is at /docs."""
    import uvicorn

    from kg_service.api import create_app
    from kg_service.endpoint import ServiceSettings, read_token
    from kg_service.request_log import log_configuration

    settings = ServiceSettings(
        store=store,
        limits=QueryLimits(timeout, memory * MEGABYTE, answer_size * MEGABYTE, running, waiting),
        services=frozenset(allow_service or []),
        token=read_token(update_token_file),
        guideline_is_writable=allow_guideline_updates,
        origins=tuple(cors_origin or []),
    )
    base = KnowledgeBase()
    assessed, problems = _assess_files(base, base.compiled(), records or [], None)
    if problems:
        _finish(problems)
    application = create_app(base, assessed, settings)
    application.state.shared.open()
    # What is loaded is never garbage; looking through it would hold up a request in a hundred.
    gc.freeze()
    # The access log of the server would hold the text of queries; ours holds none.
    uvicorn.run(
        application,
        host=host,
        port=port,
        access_log=False,
        log_config=log_configuration(),
    )


@app.command()
def check(
    cases: Annotated[int, typer.Option("--cases", min=0, help="Random cases to compare with HermiT.")] = 100,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the random cases.")] = 1,
    write: Annotated[
        bool, typer.Option("--write", help="Write the generated shapes again instead of comparing.")
    ] = False,
) -> None:
    """Check the ontology, the generated shapes, and the plan against HermiT."""
    from kg_service.checks import run_checks

    failed = False
    for result in run_checks(KnowledgeBase(), cases=cases, seed=seed, write=write):
        _print(f"{'ok  ' if result.passed else 'FAIL'}  {result.name}: {result.detail}")
        for line in result.table:
            _print(f"        {line}")
        failed |= not result.passed
    _finish([], findings=failed)


@app.command()
def docs(
    folder: Annotated[Path, typer.Argument(metavar="OUT_DIR", help="Folder to write to; made when missing.")],
) -> None:
    """Write the documentation of the ontology: pages in English and French that work offline."""
    from kg_service.pages import shipped_pages, write_pages

    pages = shipped_pages(KnowledgeBase())
    write_pages(pages, folder)
    _print(f"{len(pages)} pages in {folder}; open {folder / 'index.html'}")


@app.command()
def diff(
    old_root: Annotated[
        Path,
        typer.Argument(
            help="Folder of the older version: it holds ontology/ and shapes/.", show_default=False
        ),
    ],
    new_root: Annotated[
        Path | None, typer.Argument(help="Folder of the newer version; what is installed otherwise.")
    ] = None,
    cases: Annotated[
        list[Path] | None,
        typer.Option(
            "--cases", help="Reference cases: records or vignettes, a file or a folder. May be repeated."
        ),
    ] = None,
    lang: Lang = Speech.EN,
    form: Annotated[
        AnswerFormat, typer.Option("--format", help="text (Markdown) or json.")
    ] = AnswerFormat.TEXT,
) -> None:
    """Compare two versions of the ontology: verdicts on reference cases first, then every term."""
    from kg_service.comparison import compare_roots
    from kg_service.comparison_text import comparison_text

    language = _language(lang)
    found = compare_roots(old_root, new_root or DATA_ROOT, cases or [DATA_ROOT / "examples"], language)
    if form is AnswerFormat.JSON:
        _print(to_json(asdict(found)))
    elif form is AnswerFormat.TEXT:
        _print(comparison_text(found, language))
    else:
        raise KgServiceError("a comparison has no Turtle form; use --format text or json")
    _finish([], findings=bool(found.cases or found.unusable))


@app.command()
def compare(
    records: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Records, or vignettes (.yaml): files, or folders of them; or two and more folders that "
            "bonemet cohort made of one source. Without any, what the guidelines say of each other, whatever "
            "the case.",
            show_default=False,
        ),
    ] = None,
    lang: Lang = Speech.EN,
    form: Form = AnswerFormat.TEXT,
    guideline: Annotated[
        list[str] | None,
        typer.Option("--guideline", help="Id of a guideline to compare; all otherwise. May be repeated."),
    ] = None,
    reference_date: ReferenceDate = None,
    *,
    summary: Annotated[
        bool, typer.Option("--summary", help="Count over all cases instead, the disagreements first.")
    ] = False,
) -> None:
    """Tell what several guidelines say of the same cases: where they agree, and where they do not."""
    if not records:
        if summary or reference_date:
            raise KgServiceError("--summary and --reference-date are for records; name some")
        _compare_guidelines(guideline or [], _language(lang), form)
        return
    from kg_service.cohort_answers import MANIFEST

    if any((path / MANIFEST).is_file() for path in records):
        _compare_cohorts(records, guideline or [], _language(lang), form)
        return
    from kg_service.reference_cases import reference_cases
    from kg_service.side_by_side import compare_guidelines
    from kg_service.side_by_side_report import compared_json, compared_text
    from kg_service.side_by_side_summary import summary_of, summary_text

    if form is AnswerFormat.TTL:
        raise KgServiceError("a comparison has no Turtle form; use --format text or json")
    base, language = KnowledgeBase(), _language(lang)
    found, problems = [], []
    for case in reference_cases(records):
        batch = case.read(base, reference_date)
        problems += batch.problems
        for record in batch.records:
            try:
                compared = compare_guidelines(base, record, guideline or ())
            except InputError as error:
                problems += error.problems
                continue
            found += [compared_json(one, base, language) for one in compared]
    wording = base.wording(base.compiled(), language)
    if summary:
        counted = summary_of(found)
        _print(to_json(counted) if form is AnswerFormat.JSON else summary_text(counted, wording))
    else:
        text = "\n\n".join(compared_text(one, wording) for one in found)
        _print(to_json(found) if form is AnswerFormat.JSON else text)
    _finish(problems)


@app.command()
def compute(
    function: Annotated[
        str, typer.Argument(help="Name of a declared function; every one is listed without it.")
    ] = "",
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Arguments with their units, as name=3Gy.")
    ] = None,
    lang: Lang = Speech.EN,
    form: Form = AnswerFormat.TEXT,
) -> None:
    """Compute a function that the ontology declares; each constant used is named with its source."""
    from kg_service.function_report import computed, function_list

    base = KnowledgeBase()
    compiled, language = base.compiled(), _language(lang)
    wording, functions = base.wording(compiled, language), compiled.schema.functions
    if not function:
        _print(function_list(functions, wording))
        return
    lines, values = computed(functions, function, arguments or [], wording)
    _print(to_json(values) if form is AnswerFormat.JSON else "\n".join(lines))


@app.command()
def dose(
    schedules: Annotated[
        list[str],
        typer.Argument(
            help='Total doses with their unit, each with its number of fractions: 30Gy/10, "30 Gy in 10".',
            show_default=False,
        ),
    ],
    ratio: Annotated[
        list[str] | None,
        typer.Option(
            "--alpha-beta",
            help="Alpha/beta in Gy, or with its unit; every declared one otherwise. May be repeated.",
        ),
    ] = None,
    lang: Lang = Speech.EN,
    form: Form = AnswerFormat.TEXT,
) -> None:
    """Compute what the declared functions make of schedules; each constant is told with its source."""
    from kg_service.schedules import ScheduleCalculator

    base = KnowledgeBase()
    compiled = base.compiled()
    calculator = ScheduleCalculator(compiled.schema.functions, base.wording(compiled, _language(lang)))
    if form is AnswerFormat.TTL:
        raise KgServiceError("computed doses have no Turtle form; use --format text or json")
    found = calculator.values(schedules, ratio or [])
    _print(to_json([asdict(f) for f in found]) if form is AnswerFormat.JSON else calculator.text(found))


@app.command()
def schema(
    what: Annotated[str, typer.Argument(help="record, answer or context.")] = "record",
) -> None:
    """Print the JSON Schema of records or answers, or the JSON-LD context of records."""
    from kg_service.answers import answer_schema
    from kg_service.exchange import json_ld_context, json_schema

    base = KnowledgeBase()
    record_schema = base.compiled().schema
    makers: dict[str, Callable[[], Any]] = {
        "record": lambda: json_schema(record_schema, base.limits),
        "answer": answer_schema,
        "context": lambda: json_ld_context(record_schema),
    }
    if what not in makers:
        raise KgServiceError(f"no schema named {what!r}; known: {', '.join(makers)}")
    _print(to_json(makers[what]()))


@app.command()
def demo(lang: Lang = Speech.EN, reading: ReadingOption = None, profile: ProfileOption = None) -> None:
    """Assess the shipped examples: a written case in full, a real FHIR bundle, and one explanation."""
    base = KnowledgeBase()
    compiled = base.compiled(parse_readings(reading or []), profile)
    examples = DATA_ROOT / "examples"
    paths = [*sorted(examples.glob("*.json")), *sorted((examples / "fhir").glob("*.json"))]
    assessed, problems = _assess_files(base, compiled, paths, None)
    language = _language(lang)
    _print_answers(base, compiled, assessed, language, AnswerFormat.TEXT)
    last = assessed[-1].assessments[0]
    unknown = next(
        c.recommendation.id for c in last.conclusions if c.status == "unknown" and len(c.missing) > 1
    )
    _print(
        explanations_in(ExplanationForm.TEXT, base.explain(assessed[0], unknown, compiled), base, language)
    )
    _finish(problems)


def main() -> None:
    """Run the command line; every expected error is one clear message and exit code 2."""
    try:
        app()
    except KgServiceError as error:
        typer.echo(f"bonemet: {error}", err=True)
        sys.exit(BAD_INPUT)
    except BrokenPipeError:
        sys.exit(0)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            typer.echo("bonemet: interrupted; nothing was left half-written", err=True)
        raise


def _language(speech: Speech) -> Language:
    return "fr" if speech is Speech.FR else "en"


def _compare_cohorts(folders: list[Path], names: list[str], language: Language, form: AnswerFormat) -> None:
    from kg_service.cohort_comparison import CohortsCompared
    from kg_service.cohort_folder import CohortFolder
    from kg_service.side_by_side_summary import summary_text

    if names or form is AnswerFormat.TTL:
        raise KgServiceError("cohorts are compared as they were decided, as text or json; leave the rest out")
    base = KnowledgeBase()
    found = CohortsCompared([CohortFolder(folder, base) for folder in folders]).summary(language)
    wording = base.wording(base.compiled(), language)
    _print(to_json(found) if form is AnswerFormat.JSON else summary_text(found, wording))


def _compare_guidelines(names: list[str], language: Language, form: AnswerFormat) -> None:
    from kg_service.relations_rdf import relations_turtle
    from kg_service.relations_report import related_json, related_text

    base = KnowledgeBase()
    pairs = base.related(names)
    if form is AnswerFormat.TTL:
        _print(relations_turtle(pairs))
        return
    found = [related_json(pair, base, language) for pair in pairs]
    wording = base.wording(base.compiled(), language)
    text = "\n\n".join(related_text(one, wording) for one in found)
    _print(to_json(found) if form is AnswerFormat.JSON else text)


def _validate_cohort(
    base: KnowledgeBase, records: list[Path], out: Path | None, turtle: Path | None, *, plain: bool
) -> None:
    from kg_service.progress import counting
    from kg_service.shape_run import record_plan, validate_files

    if out is None or not plain:
        raise KgServiceError("--out is needed with --turtle, and goes with no other option but that")
    roots = [entity.iri for entity in base.compiled().schema.roots()]
    summary = validate_files(records, record_plan(base), roots, out, turtle, counting=counting)
    _print(
        f"{out}: {summary.records:,} records, {summary.defective:,} of them defective, "
        f"{summary.results:,} results"
    )
    if summary.undescribed:
        typer.echo(
            f"bonemet: {summary.undescribed:,} node(s) are of no class that the record shapes describe; "
            "give them their rdf:type, or remove them",
            err=True,
        )
    _finish([], findings=not summary.conforms)


def _read_files(base: KnowledgeBase, paths: list[Path], reference_date: str | None) -> Batch:
    batch = Batch()
    for path in paths:
        base.read_file(path, batch, reference_date)
    return batch


def _assess_files(
    base: KnowledgeBase,
    compiled: CompiledGuideline,
    paths: list[Path],
    reference_date: str | None,
    assumptions: tuple[SetAssumption, ...] = (),
) -> tuple[list[AssessedRecord], list[Problem]]:
    batch = _read_files(base, paths, reference_date)
    return base.assess_batch(batch, compiled, assumptions), batch.problems


def _assess_row(
    base: KnowledgeBase, folder: Path, row: str, asked: list[Any]
) -> tuple[KnowledgeBase, CompiledGuideline, list[AssessedRecord], list[Problem]]:
    from kg_service.cohort_folder import CohortFolder

    if any(asked):
        raise KgServiceError(
            "a row is explained as its cohort was decided; leave guideline, readings and assumptions out"
        )
    cohort = CohortFolder(folder, base)
    return cohort.base, cohort.compiled, [cohort.assess(row)], []


def _print_answers(
    base: KnowledgeBase,
    compiled: CompiledGuideline,
    assessed: list[AssessedRecord],
    language: Language,
    form: AnswerFormat,
) -> None:
    from kg_service.answers import answers_json, answers_turtle

    wording = base.wording(compiled, language)
    if form is AnswerFormat.JSON:
        _print(to_json(answers_json(assessed, wording)))
    elif form is AnswerFormat.TTL:
        _print(answers_turtle(assessed, compiled))
    else:
        for item in assessed:
            for assessment in item.assessments:
                robust = item.robustness.get(assessment.case.id)
                _print(assessment_text(assessment, wording, item.record.notes, robust))
            if not item.assessments:
                _print(nothing_to_assess(item.record, wording))


def _print(text: str) -> None:
    typer.echo(text.rstrip("\n") + "\n" if "\n" in text.rstrip("\n") else text)


def _finish(problems: list[Problem], *, findings: bool = False) -> None:
    for problem in problems:
        typer.echo(f"bonemet: {problem}", err=True)
    if problems:
        raise typer.Exit(BAD_INPUT)
    if findings:
        raise typer.Exit(FINDINGS)


if __name__ == "__main__":
    main()
