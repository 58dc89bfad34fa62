"""What the README shows works as it stands."""

import re
import shlex
from pathlib import Path

import pytest

from layerwise import cli

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^(?:.*&& )?(?:\S*/)?layerwise (compare.*)$", README, flags=re.MULTILINE)


def test_there_is_something_to_run():
    assert len(EXAMPLES) >= 1
    assert len(COMMANDS) >= 2


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_run(number, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.chdir(tmp_path)
    exec(compile(EXAMPLES[number], f"README.md, example {number}", "exec"), {})


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command):
    cli.read_options(shlex.split(command))


def test_the_first_screen_has_two_commands_that_make_their_own_environment():
    made = re.findall(
        r"^python3 -m venv (\S+) && (\S+)/bin/pip .*&& (\S+)/bin/(\w+)", README, re.M
    )
    assert [names[3] for names in made] == ["layerwise", "pytest"]
    for folder, *uses, _ in made:
        assert uses == [folder, folder]
