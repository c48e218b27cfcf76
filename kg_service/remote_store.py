"""Any SPARQL 1.1 server in place of the embedded store: queries and updates go there over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http.client import HTTPException
from threading import Lock
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, build_opener

from rdflib.term import Node

from kg_service.errors import CatalogError, QueryError
from kg_service.negotiation import GRAPH_TYPES, RESULT_TYPES
