"""A radiotherapy guideline as a knowledge graph that decides, with proofs."""

from importlib.metadata import version

__version__ = version("bonemet-kg")
