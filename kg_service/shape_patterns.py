"""Regular expressions of SHACL (XPath, XML Schema) in the syntax of RE2, or refused by name."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

_SPACE = r" \t\n\r"
_OUTSIDE = {
    "d": r"\p{Nd}",
    "D": r"\P{Nd}",
    "s": f"[{_SPACE}]",
    "S": f"[^{_SPACE}]",
    "w": r"[^\p{P}\p{Z}\p{C}]",
    "W": r"[\p{P}\p{Z}\p{C}]",
}
_INSIDE = {"d": r"\p{Nd}", "D": r"\P{Nd}", "s": _SPACE, "W": r"\p{P}\p{Z}\p{C}"}
_TOKEN = re.compile(
    r"(?P<category>\\[pP]\{[A-Z][a-z]?\})|\\(?P<shorthand>[dDsSwW])|(?P<plain>\\[nrt\\|.?*+(){}\-\[\]^$])"
    r"|(?P<escape>\\.?)|(?P<repeat>\{\d+(?:,\d*)?\})|(?P<group>\(\?:)|(?P<extension>\(\?)|(?P<char>.)",
    re.DOTALL,
)
FLAGS = "is"
"""Flags that are translated: regardless of case; a dot is any character."""


def re2_pattern(pattern: str, flags: str) -> str:
    r"""Return a regular expression of XPath as RE2 writes it.

    Parameters
    ----------
    pattern : str
        The value of ``sh:pattern``.
    flags : str
        The value of ``sh:flags``.

    Raises
    ------
    ValueError
        When it uses what RE2 lacks or reads otherwise, or is no regular expression; says what.

    >>> re2_pattern(r"^\d.$", "i")
    '(?i)^\\p{Nd}[^\\n\\r]$'
    """
    unknown = sorted(set(flags) - set(FLAGS))
    if unknown:
        raise ValueError(f"the flag {unknown[0]!r}")
    written = "(?i)" if "i" in flags else ""
    inside = False
    for match in _TOKEN.finditer(pattern):
        written += _translated(match, inside, flags)
        if match["char"] == "[":
            inside = True
        elif match["char"] == "]":
            inside = False
    try:
        pc.match_substring_regex(pa.array([""]), written)
    except pa.ArrowException as error:
        raise ValueError(f"no regular expression ({error})") from error
    return written


def _translated(match: re.Match[str], inside: bool, flags: str) -> str:
    text = match[0]
    if match["extension"] or match["escape"]:
        raise ValueError(f"{text!r} in a regular expression")
    if match["shorthand"]:
        known = _INSIDE if inside else _OUTSIDE
        if match["shorthand"] not in known:
            raise ValueError(f"{text!r} within brackets in a regular expression")
        return known[match["shorthand"]]
    if inside and match["char"] == "[":
        raise ValueError("'[' within brackets in a regular expression")
    if text == "{":
        raise ValueError("'{' without a number in a regular expression")
    if text == "." and not inside:
        return "(?s:.)" if "s" in flags else r"[^\n\r]"
    return text
