"""What is printed cannot steer a terminal, and is printed whatever the terminal's encoding is."""

from __future__ import annotations

import ast
import io
import json
import os
import pty
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import mock_study
import optuna
import pytest
import real_study

import tuner.cli
from tuner.cli.console import Text, console
from tuner.cli.echo import echo, write_file
from tuner.cli.render_analysis import render_refinement
from tuner.cli.render_study import params_table
from tuner.cli.standard_streams import replace_unencodable
from tuner.storage import open_database

EVIL = "evil [red]\x1b[31m\x1b]0;pwned\x07\x9b1m \x08\u202e\x7f\nWrote\r\nWrote"
"""A name that steers a terminal and begins lines, if it reaches one as it is."""
DOORS = ("echo.py", "console.py")


@pytest.fixture(scope="module")
def evil_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of plain Optuna whose every text is `EVIL`."""
    url = f"sqlite:///{tmp_path_factory.mktemp('evil')}/t.db"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=url, study_name=EVIL, direction="maximize")
    study.set_user_attr("tuner:about", {"metric": EVIL})
    for number in range(6):
        trial = study.ask()
        trial.suggest_categorical(EVIL, [EVIL, "b"])
        trial.suggest_float("x", 0, 1)
        if number == 0:
            trial.set_user_attr("outcome", {"state": "diverged", "reason": EVIL})
        study.tell(trial, float(number))
    return url


def controls(text: str) -> set[str]:
    return {c for c in text if (ord(c) < 32 or 127 <= ord(c) < 160 or c == "\u202e") and c not in "\n\t"}


@pytest.mark.parametrize(
    "command", ["list", "show EVIL", "best EVIL", "compare EVIL", "compare EVIL --by EVIL", "show noEVIL", "EVIL",
                "compare EVIL --by noEVIL", "refine EVIL -o EVIL.toml", "list --EVIL", "check EVIL", "run EVIL",
                "train EVIL -o EVIL.keras", "report EVIL -o EVIL/x.html"],
)  # fmt: skip
def test_no_command_prints_a_control_character(capfd, project, evil_url, monkeypatch, command):
    monkeypatch.setenv("TUNER_STORAGE", evil_url)
    monkeypatch.setattr(sys, "argv", ["tuner", *(word.replace("EVIL", EVIL) for word in command.split())])
    with pytest.raises(SystemExit):
        tuner.cli.main()
    said = "".join(capfd.readouterr())
    assert not controls(said)
    assert "evil" in said
    assert not re.search(r"^\s*Wrote", said, re.MULTILINE)
    assert "internal error" not in said


def test_what_is_written_is_said_without_control_characters(call, project, evil_url):
    said = call("report", EVIL, "--storage", evil_url, "-o", f"{EVIL}.html")
    assert said.code == 0
    assert (project / f"{EVIL}.html").exists()
    assert "Wrote evil" in said.out
    page = (project / f"{EVIL}.html").read_text(encoding="utf-8")
    assert controls(page) <= {"\x01", "\x1a"}, "what the code of Plotly holds"
    assert "evil [red]" in page


def test_json_of_hostile_names_is_ascii_and_exact(call, project, evil_url):
    said = call("show", EVIL, "--json", "--storage", evil_url)
    assert not controls(said.out)
    assert json.loads(said.out)["study"] == EVIL


def test_colours_are_ours_alone(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    console().print(Text(EVIL, "bold"))
    console().print(EVIL, style="bold")
    assert capsys.readouterr().out.count("\x1b[1m") == 2


@pytest.mark.parametrize(("columns", "width"), [(None, 120), ("60", 60), ("200", 200), ("0", 120), ("wide", 120)])
def test_what_is_piped_is_as_wide_as_columns_says_without_trailing_blanks(monkeypatch, capsys, columns, width):
    for name in ("COLUMNS", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((80, 25)))
    console().print("word " * 100)
    console().print(params_table({"short": 1, "much longer name": "value"}))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) in range(width - 5, width + 1)
    assert [line for line in lines if line != line.rstrip()] == []
    assert "  short               1" in lines


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_every_encoding_is_good_enough(monkeypatch, encoding):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    replace_unencodable()
    echo("8 × 8 → 3 … 日本 é \udcff")
    console().print("0.1 … 0.2 → 日本")
    out.flush()
    text = out.buffer.getvalue().decode(encoding)
    assert ("8 × 8 → 3 … 日本 é" if encoding == "utf-8" else "3 ... ??" if encoding != "cp1252" else "3 … ??") in text
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    write_file("# → 日本\n")
    assert out.buffer.getvalue() == "# → 日本\n".encode(), "a file is in UTF-8, wherever it goes"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["schema"], ["list"], ["list", "--json"], ["show", "mock"], ["run", "--help"], ["--version"]],
)
def test_an_output_on_a_full_disk(study_url, arguments):
    done = with_a_full("stdout", arguments, study_url)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "tuner: Standard output cannot be written: No space left on device. Make room, or send it elsewhere; what the "
        "command has done is kept.\n"
    )


def test_messages_on_a_full_disk_leave_the_exit_code(study_url):
    assert with_a_full("stderr", ["show", "nothing"], study_url).returncode == 2
    assert with_a_full("stderr", ["list"], study_url).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code"), [(["list"], 0), (["run", "--help"], 0), (["show", "nothing"], 2)])
def test_a_terminal_that_is_gone_changes_no_exit_code(study_url, arguments, code):
    terminal, process_end = pty.openpty()
    os.close(terminal)
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), process_end)
    environment = {**real_study.environment(), "TUNER_STORAGE": study_url}
    done = subprocess.run(real_study.command(*arguments), env=environment, check=False, **streams)
    os.close(process_end)
    assert done.returncode == code


UNBUFFERED = """
import os, sys
from tuner.cli.standard_streams import prepare_standard_streams
prepare_standard_streams()
sys.stdout.write("abc")
sys.stdout.buffer.write(b"def")
os._exit(0)
"""


@pytest.mark.parametrize(("unbuffered", "written"), [("1", b"abcdef"), ("", b"")])
def test_output_is_written_at_once_where_python_is_asked_to(unbuffered, written):
    environment = real_study.environment(PYTHONUNBUFFERED=unbuffered)
    done = subprocess.run([sys.executable, "-c", UNBUFFERED], env=environment, check=True, stdout=subprocess.PIPE)
    assert done.stdout == written


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_a_reader_that_takes_its_time(study_url, unbuffered):
    """Another program may have set a shared pipe not to wait for its reader."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with subprocess.Popen(
        real_study.command("schema"),
        env=real_study.environment(PYTHONUNBUFFERED=unbuffered),
        stdout=writer,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(writer)
        time.sleep(1.0)
        with open(reader, "rb") as file:
            text = file.read()
        assert process.stderr.read() == b""
    assert process.returncode == 0
    assert json.loads(text)["properties"]


def with_a_full(stream, arguments, url):
    """The command as a process, with standard output or standard error on a full disk."""
    environment = {**real_study.environment(), "TUNER_STORAGE": url}
    with open("/dev/full", "wb") as full:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        return subprocess.run(real_study.command(*arguments), env=environment, check=False, **pipes)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(study_url, closed):
    words = shlex.join(real_study.command("list", "--storage", study_url))
    done = subprocess.run(["sh", "-c", f"{words} {closed}"], env=real_study.environment(), check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("closed", "numbers"), [("<&-", [0]), (">&-", [1]), ("2>&-", [2]), ("<&- >&- 2>&-", [0, 1, 2])]
)
def test_closed_streams_are_opened_on_nothing(closed, numbers, tmp_path):
    """The database of a run would get the number of standard error, and what Python prints there would go into it."""
    source = "import os, sys; from tuner.cli.standard_streams import open_standard_streams as o; o()\n"
    source += "open(sys.argv[1], 'w').write('|'.join(os.readlink(f'/proc/self/fd/{n}') for n in range(3)))"
    words = shlex.join([sys.executable, "-c", source, str(tmp_path / "found")])
    subprocess.run(["sh", "-c", f"{words} {closed}"], env=real_study.environment(), check=True, timeout=60)
    found = (tmp_path / "found").read_text().split("|")
    assert [found[number] for number in numbers] == ["/dev/null"] * len(numbers)


def test_check_on_an_ascii_terminal(project, monkeypatch):
    """The arrow between inputs and outputs ended it."""
    (project / "d.csv").write_text("a,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40)))
    (project / "s.toml").write_text('name = "s"\nmodel = "models/mlp.py"\n[data]\nsource = "d.csv"\ntarget = "y"\n')
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    monkeypatch.setattr(sys, "argv", ["tuner", "check", "s.toml"])
    with pytest.raises(SystemExit) as ended:
        tuner.cli.main()
    sys.stdout.flush()
    assert ended.value.code == 0, sys.stderr.buffer.getvalue()
    assert b"1 -> " in sys.stdout.buffer.getvalue()


def test_only_the_doors_print():
    """What goes past them is not quoted."""
    past = []
    for file in sorted(Path(tuner.cli.__file__).parent.glob("*.py")):
        if file.name in DOORS:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            words = ast.unparse(node) if isinstance(node, ast.Call | ast.ImportFrom) else ""
            if words.startswith(
                (
                    "click.echo",
                    "click.secho",
                    "print(",
                    "sys.stdout.write",
                    "sys.stderr.write",
                    "from rich.text",
                    "Console(",
                )
            ):
                past.append(f"{file.name}:{node.lineno}: {words}")
    assert not past


def test_every_command_that_is_printed_can_be_copied(call, project):
    url, name = f"sqlite:///{project}/t.db", "my first study"
    database = open_database(url, create=True)
    mock_study.run(mock_study.spec_of(project, name=name, budget={"trials": 6, "epochs": 2}), database)
    database.close()
    printed = call("best", name, "--storage", url).out + call("compare", name, "--storage", url).out
    commands = re.findall(r"(tuner (?:best|show|compare|train) .*?)(?: \||$)", printed, re.MULTILINE)
    assert len(commands) >= 2
    assert all(shlex.split(command)[2] == name for command in commands)
    assert 'tuner.best("my first study")' in printed


@pytest.mark.parametrize(
    ("given", "shown"),
    [('["none", "balanced"]', ": none | balanced"), ("[0, 0.5, 1]", ": none | 0.5 | balanced"),
     ('"balanced"', " = balanced"), ("{ low = 0.0, high = 1.0 }", ": 0 … 1")],
)  # fmt: skip
def test_class_weights_are_checked_as_they_are_written(call, project, given, shown):
    (project / "s.toml").write_text(
        f'model = "models/mlp.py"\n[data]\nsource = "iris"\n[search]\noptimizer = ["sgd", "adam"]\n'
        f"class_weight = {given}\n",
        encoding="utf-8",
    )
    assert f"class_weight{shown}" in call("check", "s.toml").out


def test_class_weights_of_a_refined_study_are_shown_as_they_are_written(capsys):
    change = {"name": "class_weight", "before": "0.0 | 1.0", "after": "1.0", "changed": True}
    counts = {"top": 3, "complete": 9, "volume": 0.5, "points": 3}
    render_refinement({"name": "fine", **counts, "changes": [change], "not_halved": None}, "fine.toml")
    assert re.search(r"class_weight +none \| balanced +balanced", capsys.readouterr().out)


def test_class_weights_are_shown_as_they_are_written(call, project):
    url = f"sqlite:///{project}/t.db"
    study = optuna.create_study(storage=url, study_name="weights", direction="maximize")
    for number in range(12):
        study.enqueue_trial({"class_weight": float(number % 2)})
        trial = study.ask()
        trial.suggest_categorical("class_weight", [0.0, 1.0])
        trial.suggest_float("x", 0, 1)
        study.tell(trial, float(number))
    shown = [call(*words, "--storage", url).out for words in
             (["show", "weights"], ["compare", "weights"], ["compare", "weights", "--by", "class_weight"])]  # fmt: skip
    for text in shown:
        assert "balanced" in text
        assert "class_weight=1" not in text
        assert not re.search(r"^ *[01]\.0 ", text, re.MULTILINE)
