"""Errors for people in a hurry: what was found, where, what was expected, what to do."""

from __future__ import annotations

from dataclasses import dataclass

LIKENESS = 0.6
"""How alike two words are, from 0 to 1, for one to be offered in place of the other."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input.

    Attributes
    ----------
    where : str
        Place in the input: ``file`` and JSON path, FHIR element or Turtle subject.
    found : str
        What stands there.
    expected : str
        What should stand there.
    remedy : str
        What to do about it.
    """

    where: str
    found: str
    expected: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.found}; expected {self.expected}"
        return f"{text}. {self.remedy}" if self.remedy else text


class KgServiceError(Exception):
    """Root of every error this package raises on purpose."""


class CatalogError(KgServiceError):
    """A file of the knowledge base is missing or cannot be parsed."""


class GuidelineError(KgServiceError):
    """A guideline graph is malformed."""


class CompileError(KgServiceError):
    """An axiom lies outside the supported fragment of OWL 2 DL.

    Parameters
    ----------
    axiom : str
        The class or property whose axiom stopped the compiler.
    reason : str
        What about it is not supported.
    """

    def __init__(self, axiom: str, reason: str) -> None:
        super().__init__(f"{axiom}: {reason}; see docs/fragment.md for what an axiom may say")
        self.axiom = axiom
        self.reason = reason


class ShapeError(KgServiceError):
    """A shape lies outside the fragment of SHACL that is compiled.

    Parameters
    ----------
    shape : str
        The shape that stopped the compiler.
    reason : str
        What about it is not supported.
    """

    def __init__(self, shape: str, reason: str) -> None:
        super().__init__(f"{shape}: {reason}; see docs/shapes.md for what a compiled shape may say")
        self.shape = shape
        self.reason = reason


class InputError(KgServiceError):
    """An input cannot be used; holds every problem found, not the first alone."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class UnknownNameError(KgServiceError):
    """A name was asked for that does not exist.

    Parameters
    ----------
    kind : str
        What kind of thing was asked for, such as ``query`` or ``reading``.
    name : str
        The name asked for.
    known : list of str
        The names that exist.
    """

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        near = nearest(name, known)
        hint = f"did you mean {near!r}?" if near else f"known: {', '.join(sorted(known))}"
        super().__init__(f"no {kind} named {name!r}; {hint}")
        self.kind = kind
        self.name = name
        self.known = known


class UncomputedReadingError(KgServiceError):
    """A reading was selected that the graph records and nothing computes: its answer would be another's.

    Parameters
    ----------
    reading : str
        Its id, such as ``A19-c``.
    computed : list of str
        Letters of the readings of the same ambiguity that are computed.
    """

    def __init__(self, reading: str, computed: list[str]) -> None:
        super().__init__(
            f"reading {reading} is recorded but not computed; computed: {', '.join(sorted(computed))}"
        )
        self.reading = reading
        self.computed = computed


class QueryError(KgServiceError):
    """A SPARQL query cannot be parsed, is refused, or failed."""


class ReasonerError(KgServiceError):
    """HermiT could not be run, or found the ontology inconsistent."""


def nearest(word: str, candidates: list[str]) -> str | None:
    """Return the candidate that `word` most likely meant, or None."""
    import difflib

    folded = {candidate.casefold(): candidate for candidate in sorted(candidates)}
    match = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=LIKENESS)
    return folded[match[0]] if match else None
