"""Pages that follow from the code are fresh, every key is documented, every link leads somewhere."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tuner import errors
from tuner.catalog import (
    ACTIVATIONS,
    CLIPPINGS,
    DIMENSIONS,
    INITIALIZERS,
    LOOPS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    SCHEDULES,
)
from tuner.cli.group import COMMANDS
from tuner.data import SOURCES, DataOptions
from tuner.engines import ENGINES
from tuner.search import PRUNERS, SAMPLERS
from tuner.study import Budget, json_schema, read_study, read_study_dict

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.rglob("*.md")])
STUDY_FILE = (DOCS / "study-file.md").read_text(encoding="utf-8")
FROM_OTHERS = sorted(DOCS.glob("from-*.md"))
FAMILIES = {
    "Losses": LOSSES,
    "Optimizers": OPTIMIZERS,
    "Schedules": SCHEDULES,
    "Initializers": INITIALIZERS,
    "Activations": ACTIVATIONS,
    "Clippings": CLIPPINGS,
    "Training loops": LOOPS,
    "Metrics": METRICS,
    "Samplers": SAMPLERS,
    "Pruners": PRUNERS,
    "Data sources": SOURCES,
    "Engines": ENGINES,
}


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["docs/cli.md", "docs/tables.md", "docs/structure.md", "CONTRIBUTING.md"])
def test_the_generated_page_is_fresh(name, generate):
    # Blanks do not count: versions of click fold lines in different places.
    written = (PROJECT / name).read_text(encoding="utf-8").split()
    assert written == generate.pages()[PROJECT / name].split(), "run: python docs/generate.py"


@pytest.mark.parametrize("name", ["docs/structure.md", "CONTRIBUTING.md"])
def test_the_units_are_listed_in_their_order(name, generate):
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", (PROJECT / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert [unit for unit, _ in rows] == generate.units()


def test_the_table_of_exit_codes_is_complete(generate):
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", generate.EXIT_CODES, re.MULTILINE)}
    used = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert codes == used | {0, 130}


def test_every_command_is_documented():
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert re.findall(r"^## tuner (\w+)$", text, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_row_is_documented_with_its_options(family):
    text = (DOCS / "tables.md").read_text(encoding="utf-8").split(f"## {family}\n")[1].split("\n## ")[0]
    rows, _, options = text.partition("\nOptions:\n")
    assert re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE) == list(FAMILIES[family])
    expected = {(row.name, option.name) for row in FAMILIES[family].values() for option in getattr(row, "options", ())}
    assert set(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", options, re.MULTILINE)) == expected


def section(title: str) -> str:
    return STUDY_FILE.split(f"## {title}\n")[1].split("\n## ")[0]


def keys_of(title: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE)


def test_every_key_of_the_study_file_is_documented():
    assert set(keys_of("Top level")) == set(json_schema()["properties"])
    assert keys_of("[data]") == list(DataOptions.model_fields)
    assert keys_of("[objective]") == ["metric", "direction", "takes", "options"]
    fields = {"time": "time_s", "trial_time": "trial_time_s", "memory": "memory_bytes"}
    assert {fields.get(key, key) for key in keys_of("[budget]")} == set(Budget.model_fields)
    assert keys_of("[sampler] and [pruner]") == ["name", "initial_points", "from"]


def test_every_dimension_is_documented():
    (listed,) = re.findall(r"The names are (.*?):\s+see", section("[search]"), re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == list(DIMENSIONS)


def test_documented_defaults_are_the_defaults():
    for name, default in re.findall(r'^\| `(\w+)` \| `?("[^"`]*"|[\d.]+)`? \|', section("[data]"), re.MULTILINE):
        assert DataOptions.model_fields[name].default == tomllib.loads(f"v = {default}")["v"], name


@pytest.mark.parametrize("text", re.findall(r"^```toml\n(.*?)^```$", STUDY_FILE, re.MULTILINE | re.DOTALL))
def test_every_example_is_a_study_or_a_section_of_one(text):
    whole = {"name": "example", "model": "models/mlp.py", "data": {"source": "digits"}}
    example = tomllib.loads(text)
    if "search" not in example:
        whole["search"] = {"learning_rate": "auto"}
    spec = read_study_dict({**whole, **example}, PROJECT)
    assert spec.advice == ()


@pytest.mark.parametrize("page", FROM_OTHERS, ids=lambda page: page.stem)
def test_the_counterpart_of_a_study_elsewhere_is_a_study(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    models = re.findall(r'^```python\n"""(models/.*?\.py)"""\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)
    for name, source in models:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(source, encoding="utf-8")
    studies = [
        (form, content)
        for form, content in re.findall(r"^```(toml|yaml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if re.search("^name", content)
    ]
    assert len(studies) == 1
    for form, content in studies:
        (tmp_path / f"digits.{form}").write_text(content, encoding="utf-8")
        spec = read_study(tmp_path / f"digits.{form}")
        assert spec.name == "digits"
        assert {"optimizer", "learning_rate", "model.units", "model.layers"} <= {
            dimension.name for dimension in spec.space.searched
        }


def with_includes(page: Path) -> str:
    """Return the text of a page, and that of the file that it includes."""
    text = page.read_text(encoding="utf-8")
    included = re.findall(r"^```\{include\} (\S+)$", text, re.MULTILINE)
    return text + "".join((page.parent / name).read_text(encoding="utf-8") for name in included)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("https://", "http://")):
            continue
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", with_includes(file), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}, target


def test_every_page_is_linked_from_the_readme():
    linked = re.findall(r"\]\((?:docs/)?([^)#]+)", (PROJECT / "README.md").read_text(encoding="utf-8"))
    of_the_site = {"index.md", "python.md", "benchmarks.md", "changelog.md", "contributing.md"}
    assert {page.name for page in DOCS.glob("*.md")} - of_the_site <= set(linked)


def test_every_boundary_names_tests_that_exist():
    rows = [line.strip("| ").split(" | ") for line in (DOCS / "security.md").read_text(encoding="utf-8").splitlines()]
    boundaries, guards = ([row for row in rows if len(row) == cells][1:] for cells in (5, 3))
    assert len(boundaries) >= 8  # study file, project, data, model, export, database, dashboard, Ray
    assert [row[:2] for row in guards] == [row[:2] for row in boundaries]
    for *_, tests in guards:
        named = re.findall(r"`([^`]+)`", tests)
        assert named, tests
        for name in named:
            file, _, function = name.partition("::")
            text = (PROJECT / file).read_text(encoding="utf-8")
            assert re.search(rf"^ *def {function}\(", text, re.MULTILINE), name
