"""Copies the knowledge base into the wheel; everything else is declared in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

DATA = ("ontology", "shapes", "queries", "examples")


class BuildWithData(build_py):
    """Put the data folders, which live at the top level, beside the code they are read by."""

    def run(self) -> None:
        """Build the package, then copy the data folders into it."""
        super().run()
        if not self.editable_mode:
            for name in DATA:
                target = Path(self.build_lib) / "kg_service" / "data" / name
                shutil.copytree(Path(__file__).parent / name, target, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithData})
