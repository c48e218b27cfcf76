"""A radiotherapy guideline as a knowledge graph that decides, with proofs."""
