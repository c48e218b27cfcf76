"""What the README shows is what the program says."""

import re

from typer.testing import CliRunner

from kg_service.cli import app
from kg_service.knowledge import DATA_ROOT

README = (DATA_ROOT / "README.md").read_text(encoding="utf-8")


def test_the_output_in_the_readme_is_what_its_command_prints() -> None:
    block = README.split("```\n$ bonemet ")[1].split("```")[0]
    command, _, shown = block.partition("\n")
    words = [str(DATA_ROOT / w) if w.startswith("examples/") else w for w in command.split()]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    assert result.stdout.strip() == shown.strip()


def test_every_command_and_option_named_in_the_docs_exists() -> None:
    texts = [README, *(p.read_text(encoding="utf-8") for p in (DATA_ROOT / "docs").rglob("*.md"))]
    named = {m for text in texts for m in re.findall(r"bonemet ([a-z]+)", text)} - {"kg"}
    known = {c.name or (c.callback.__name__ if c.callback else "") for c in app.registered_commands}
    assert named <= known
    assert len(named) >= 6
    for command in sorted(known):
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert len(links) >= 8
    assert [link for link in links if not (DATA_ROOT / link).exists()] == []
