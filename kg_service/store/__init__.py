"""The SPARQL store: one named graph per module, alignment set, record and set of conclusions.

Only this package has heard of the store of pyoxigraph. The default graph of a query is the union of all named
graphs, unless the query names its graphs with FROM. A triple that stands in several graphs is
found once in each of them: count with DISTINCT.
"""

from kg_service.store.base import GraphStore
from kg_service.store.embedded import Store
from kg_service.store.results import MEDIA_TYPES, QueryResult

__all__ = ["MEDIA_TYPES", "GraphStore", "QueryResult", "Store"]
