"""FHIR JSON as resources: opened, checked for form, indexed, and sorted by patient."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kg_service.errors import InputError, Problem
from kg_service.record import Note

MAX_DEPTH = 64
"""Deepest nesting of a document; FHIR needs far less, and deeper ones exhaust the interpreter."""

UUID = "urn:uuid:"
_EXPECTED = "FHIR R4 JSON: a Bundle, a resource, or a list of resources, each with a resourceType"


@dataclass(frozen=True)
class View:
    """A JSON object inside a resource, with its place; values of a wrong type become notes."""

    body: Mapping[str, object]
    resource: str
    path: str
    notes: list[Note]

    @property
    def place(self) -> str:
        """Resource and path of the object."""
        return f"{self.resource} {self.path}".rstrip()

    def at(self, key: str) -> str:
        """Return the place of a member of the object."""
        return f"{self.resource} {self._join(key)}"

    def note(self, what: str, why: str, key: str = "") -> None:
        """Add a note on the object, or on one of its members."""
        self.notes.append(Note(self.at(key) if key else self.place, what, why))

    def text(self, key: str) -> str | None:
        """Return a string member, or None."""
        value = self.body.get(key)
        if value is None or isinstance(value, str):
            return value or None
        self._wrong(key, "a string")
        return None

    def flag(self, key: str) -> bool | None:
        """Return a boolean member, or None."""
        value = self.body.get(key)
        if value is None or isinstance(value, bool):
            return value
        self._wrong(key, "a boolean")
        return None

    def item(self, key: str) -> View | None:
        """Return an object member, or None."""
        value = self.body.get(key)
        if isinstance(value, dict):
            return View(value, self.resource, self._join(key), self.notes)
        if value is not None:
            self._wrong(key, "an object")
        return None

    def items(self, key: str) -> list[View]:
        """Return the objects of a list member; an object alone counts as a list of one."""
        value = self.body.get(key)
        if value is None:
            return []
        listed = value if isinstance(value, list) else [value]
        if any(not isinstance(one, dict) for one in listed):
            self._wrong(key, "a list of objects")
        paths = [f"{key}[{i}]" if isinstance(value, list) else key for i in range(len(listed))]
        return [
            View(one, self.resource, self._join(path), self.notes)
            for one, path in zip(listed, paths, strict=True)
            if isinstance(one, dict)
        ]

    def choice(self, stem: str) -> str | None:
        """Return the key of a ``value[x]`` member, or None when there is none, or more than one."""
        keys = [k for k in self.body if k.startswith(stem) and k[len(stem) : len(stem) + 1].isupper()]
        present = [key for key in keys if self.body[key] is not None]
        if len(present) > 1:
            self.note(", ".join(present), f"only one {stem}[x] may stand; none is taken")
        return present[0] if len(present) == 1 else None

    def _join(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _wrong(self, key: str, expected: str) -> None:
        self.note(f"{type(self.body[key]).__name__}", f"should be {expected}; not read", key)


@dataclass(frozen=True, eq=False)
class Resource:
    """One FHIR resource and where it stood.

    Attributes
    ----------
    kind : str
        Its resourceType.
    id : str or None
        Its logical id.
    body : dict
        Its JSON.
    position : str
        Its place in the document.
    url : str or None
        The fullUrl of its entry.
    """

    kind: str
    id: str | None
    body: dict[str, object]
    position: str
    url: str | None = None

    @property
    def place(self) -> str:
        """Type and id, or type and position when it has no id."""
        return f"{self.kind}/{self.id}" if self.id else f"{self.kind} at {self.position}"

    def view(self, notes: list[Note]) -> View:
        """Return the resource as an object whose defects go to `notes`."""
        return View(self.body, self.place, "", notes)


@dataclass
class Opened:
    """The resources of a document, and what was left out while opening it."""

    resources: list[Resource] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def open_document(document: object, source: str) -> Opened:
    """Return the resources of a FHIR document, each once.

    Raises
    ------
    InputError
        When it is not FHIR JSON, or holds two different resources with one id.
    """
    if _is_deeper(document, MAX_DEPTH):
        raise InputError([Problem(source, f"JSON nested deeper than {MAX_DEPTH} levels", _EXPECTED)])
    opened = Opened()
    for body, position, url in _bodies(document, "", None):
        _take(body, position, url, source, opened)
    opened.resources = _once(opened, source)
    if opened.problems:
        raise InputError(opened.problems)
    return opened


class Index:
    """Finds the resource that a reference means.

    Parameters
    ----------
    resources : list of Resource
        Every resource of the document.
    """

    def __init__(self, resources: list[Resource]) -> None:
        self._by_key: dict[str, Resource] = {}
        self._by_id: dict[str, list[Resource]] = {}
        for resource in resources:
            for key in (resource.url, f"{resource.kind}/{resource.id}" if resource.id else None):
                if key:
                    self._by_key.setdefault(key, resource)
            if resource.id and resource.url is None:
                self._by_id.setdefault(resource.id, []).append(resource)

    def resolve(self, reference: View | None, owner: Resource) -> Resource | None:
        """Return the resource that a Reference inside `owner` means, or None."""
        target = reference.text("reference") if reference else None
        if target is None:
            return None
        if target.startswith("#"):
            return _contained(owner, target[1:])
        return self._find(target.split("/_history/", 1)[0])

    def _find(self, target: str) -> Resource | None:
        exact = self._by_key.get(target)
        if exact is None and target.startswith(UUID):
            # Outside of a Bundle nothing has a fullUrl; the id of a resource is then its UUID.
            bearing = self._by_id.get(target.removeprefix(UUID), [])
            return bearing[0] if len(bearing) == 1 else None
        if exact or not target.startswith(("http://", "https://")):
            return exact
        found = self._by_key.get("/".join(target.rsplit("/", 2)[-2:]))
        return found if found and found.url is None else None


def _is_deeper(document: object, limit: int) -> bool:
    level = [document]
    for _ in range(limit):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: object) -> Iterator[object]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def _bodies(node: object, position: str, url: str | None) -> Iterator[tuple[object, str, str | None]]:
    """Yield the resources of a document, Bundles and lists taken apart, with their places."""
    if isinstance(node, list):
        for i, one in enumerate(node):
            yield from _bodies(one, f"{position}[{i}]", None)
        if not node:
            yield node, position, None
    elif isinstance(node, dict) and node.get("resourceType") == "Bundle":
        yield from _entries(node.get("entry"), f"{position}.entry".lstrip("."))
    else:
        yield node, position, url


def _entries(entries: object, position: str) -> Iterator[tuple[object, str, str | None]]:
    if not isinstance(entries, list):
        yield from () if entries is None else [(entries, position, None)]
        return
    for i, entry in enumerate(entries):
        if (
            isinstance(entry, dict)
            and entry.get("resource") is None
            and ("request" in entry or "response" in entry)
        ):
            continue
        url = entry.get("fullUrl") if isinstance(entry, dict) else None
        body = entry.get("resource") if isinstance(entry, dict) else entry
        yield from _bodies(body, f"{position}[{i}]", url if isinstance(url, str) and url else None)


def _take(body: object, position: str, url: str | None, source: str, opened: Opened) -> None:
    where = f"{source}: {position}" if position else source
    kind = body.get("resourceType") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(kind, str) or not kind:
        opened.problems.append(Problem(where, _name_of(body), _EXPECTED))
        return
    identity = body.get("id")
    if identity is not None and (not isinstance(identity, str) or not identity):
        opened.problems.append(Problem(where, f"id {identity!r:.40}", "an id that is a string"))
        return
    opened.resources.append(Resource(kind, identity, body, position or "top", url))


def _name_of(body: object) -> str:
    if isinstance(body, dict):
        return "an object without resourceType"
    return "nothing" if body is None or body == [] else f"a {type(body).__name__}"


def _once(opened: Opened, source: str) -> list[Resource]:
    """Return the resources, repeated ones dropped; different ones under one id are a problem."""
    seen: dict[str, Resource] = {}
    kept = []
    for resource in opened.resources:
        first = seen.setdefault(resource.place, resource)
        if first is resource:
            kept.append(resource)
        elif _content(first) == _content(resource):
            opened.notes.append(Note(resource.place, f"repeated at {resource.position}", "read once"))
        else:
            where = f"{source}: {first.position} and {resource.position}"
            remedy = "Keep one version, or give each its own id."
            opened.problems.append(
                Problem(where, f"two different {resource.place}", "one resource per id", remedy)
            )
    return kept


def _content(resource: Resource) -> str:
    kept = {key: value for key, value in resource.body.items() if key not in ("text", "meta")}
    return json.dumps(kept, sort_keys=True, default=str)


def _contained(owner: Resource, name: str) -> Resource | None:
    held = owner.body.get("contained")
    for i, body in enumerate(held if isinstance(held, list) else []):
        if isinstance(body, dict) and body.get("id") == name and isinstance(body.get("resourceType"), str):
            return Resource(str(body["resourceType"]), None, body, f"{owner.place} contained[{i}]")
    return None
