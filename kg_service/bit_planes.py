"""Runs the steps of an entailment program over many rows at once: one bit a row and step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from kg_service.entailment import EntailmentProgram, Every, Excluded, Opposite, Some, Step
from kg_service.feature_masks import CellGroups, Masks

BITS = 8
"""Rows that one byte of a plane holds."""
Plane = npt.NDArray[np.uint8]
"""One bit a row, packed; bits past the last row mean nothing."""


class PlaneRunner:
    """Computes the planes of steps from the masks of features.

    Parameters
    ----------
    program : EntailmentProgram
        The steps.
    groups : mapping of str to CellGroups
        The cells that masks tell apart, by feature.
    told : set of str
        The features that rows may say anything of. A step that asks of another one never holds.
    """

    def __init__(self, program: EntailmentProgram, groups: Mapping[str, CellGroups], told: set[str]) -> None:
        self._steps: list[Step] = program.steps
        self._literals = {
            i: np.uint64(groups[s.feature].of(s.cells))
            for i, s in enumerate(program.steps)
            if isinstance(s, Excluded) and s.feature in told
        }

    def run(self, masks: Mapping[str, Masks], rows: int) -> list[Plane]:
        """Return the plane of each step, shape (ceil(rows / 8),)."""
        none = np.zeros(-(-rows // BITS), dtype=np.uint8)
        all_rows = ~none
        planes: list[Plane] = []
        for i, step in enumerate(self._steps):
            match step:
                case Excluded(feature, _):
                    cells = self._literals.get(i)
                    planes.append(none if cells is None else np.packbits(masks[feature] & cells == 0))
                case Every(steps):
                    planes.append(_joined(steps, planes, all_rows, np.bitwise_and))
                case Some(steps):
                    planes.append(_joined(steps, planes, none, np.bitwise_or))
                case Opposite(other):
                    planes.append(~planes[other])
        return planes


def _joined(steps: tuple[int, ...], planes: list[Plane], neutral: Plane, join: np.ufunc) -> Plane:
    if len(steps) < 2:
        return planes[steps[0]] if steps else neutral
    out: Plane = join(planes[steps[0]], planes[steps[1]])
    for step in steps[2:]:
        join(out, planes[step], out=out)
    return out


def rows_of(plane: Plane, rows: int) -> npt.NDArray[np.bool_]:
    """Return a plane as one truth value a row, shape (rows,)."""
    return np.unpackbits(plane, count=rows).view(np.bool_)
