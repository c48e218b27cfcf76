"""A browser's part in a form, for tests without one: what the fields of a page would send."""

from html.parser import HTMLParser


class SentForm(HTMLParser):
    """Collects the fields of the form of a case, also of those that name it from outside.

    Attributes
    ----------
    fields : dict of str to list of str
        What would be sent.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._inside = False
        self._select: tuple[str, list[str], str | None] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name, value = found.get("name"), found.get("value")
        if tag == "form":
            self._inside = found.get("id") == "case"
        elif not (self._inside or found.get("form") == "case"):
            return
        elif tag == "select":
            self._select = (str(name), [], None)
        elif tag == "option" and self._select:
            chosen = value if "selected" in found else self._select[2]
            self._select = (self._select[0], [*self._select[1], value or ""], chosen)
        elif tag == "input" and name:
            if found.get("type") not in ("radio", "checkbox") or "checked" in found:
                self.fields.setdefault(name, []).append(value or "")
        elif tag == "textarea":
            self.fields.setdefault(str(name), []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select" and self._select:
            name, options, chosen = self._select
            self.fields.setdefault(name, []).append(options[0] if chosen is None else str(chosen))
            self._select = None
