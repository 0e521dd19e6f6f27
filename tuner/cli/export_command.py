"""`tuner export STUDY` and `tuner export MODEL.keras`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tuner.catalog import silence_tensorflow
from tuner.cli.echo import echo, write_file
from tuner.cli.options import (
    code_option,
    default_file,
    find_study,
    storage_option,
    study_name,
    trial_option,
    write_text,
)
from tuner.errors import UsageError
from tuner.output_files import check_output, is_pipe
from tuner.text import count, listed, python_text, shell_command, value_text

_FILE = click.Path(path_type=Path)
_RECIPE_FORMATS = ("json", "toml", "python")
_TABLE_FORMAT = "csv"
_MODEL_FORMATS = ("savedmodel", "onnx", "litert")
_FOLDER_ENDING = "_savedmodel"
_TRIALS = "_trials"
"""Ending of the table's name by default: the data of a study may be STUDY.csv."""
_MODEL_SUFFIX = ".keras"
_ENDINGS = {".json": "json", ".toml": "toml", ".py": "python", ".csv": _TABLE_FORMAT}
"""Ending of the file → format of a study."""


@click.command("export")
@click.argument("study", metavar="STUDY|MODEL")
@click.option(
    "--format",
    "kind",
    type=click.Choice([*_RECIPE_FORMATS, _TABLE_FORMAT, *_MODEL_FORMATS]),
    help="Of a study: json and toml, the recipe for tuner.best(FILE); python, a script that needs keras, tensorflow "
    "and numpy; csv, all trials and epochs, for a spreadsheet.  Of a model: savedmodel, a folder for TensorFlow; onnx; "
    "litert, for phones.  [default: of a study what the name of the file ends in (.json, .toml, .py, .csv), without a "
    "file json]",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=_FILE,
    help="File or folder to write.  [default: of a recipe or script, standard output; of csv, STUDY_trials.csv "
    "and STUDY_epochs.csv; of a model, its name with another ending]",
)
@trial_option("Number of the trial.  [default: the best]")
@click.option("--data", metavar="FILE", type=_FILE, help="Also write the rows of the study, .npz, for the script.")
@click.option(
    "--check", metavar="DATA", help="Rows to check the exported model on, as for `tuner predict`.  [default: drawn]"
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@code_option
@storage_option
def command(study: str, kind: str | None, output: Path | None, force: bool, **options: Any) -> None:
    """Export the best configuration of STUDY, or of another trial, for use without the database; or all its trials as
    tables; or MODEL in another format.

    Of a study it contains the recipe and the preprocessing that was fitted on the training data, which are read for it.
    STUDY is a name or a study file, MODEL a .keras file that `tuner train` wrote.
    """
    given = [name for name, value in options.items() if value not in (None, ())]
    if study.endswith(_MODEL_SUFFIX):
        _refuse(given, ("trial", "data", "code"), "a study")
        _export_model(study, kind, output, options["check"], force)
        return
    _refuse(given, ("check",), "a model")
    endings = [ending for ending, of in _ENDINGS.items() if kind in (None, of)]
    if kind in _MODEL_FORMATS:
        raise UsageError(
            f"The format {kind} is for a model, but {study!r} is a study. Train one first: tuner train {study} -o "
            f"best{_MODEL_SUFFIX}, and export that."
        )
    if output is not None:
        free = kind != _TABLE_FORMAT and is_pipe(output)
        check_output(output, () if free else endings, force)
        endings = [ending for ending in endings if output.name.lower().endswith(ending)] or endings
    kind = _ENDINGS[endings[0]]
    if kind == _TABLE_FORMAT:
        _refuse(given, ("trial", "data", "code"), "a recipe")
        _export_tables(study, output or default_file(study_name(study)[0], f"{_TRIALS}.csv"), options["storage"], force)
        return
    _export_study(study, kind, output, force=force, **options)


def _refuse(given: list[str], names: tuple[str, ...], what: str) -> None:
    wrong = [f"--{name}" for name in names if name in given]
    if wrong:
        raise UsageError(f"{listed(wrong)} can be given only for {what}. Leave it out.")


def _export_tables(study: str, output: Path, storage: str | None, force: bool) -> None:
    """Write the trials, and the epochs next to them."""
    from tuner.export import epochs_csv, trials_csv

    epochs = output.with_name(f"{output.stem.removesuffix(_TRIALS)}_epochs{output.suffix}")
    for file in (output, epochs):
        check_output(file, (), force)
    found = find_study(study, storage)
    for file, text, what in ((output, trials_csv(found), "trials"), (epochs, epochs_csv(found), "epochs")):
        write_text(file, text)
        echo(f"Wrote {file}: the {what} of {found.record.name}", err=True)


def _export_model(model: str, kind: str | None, output: Path | None, check: str | None, force: bool) -> None:
    if kind not in _MODEL_FORMATS:
        raise UsageError(
            f"A model is exported in one of the formats {', '.join(_MODEL_FORMATS)}, but got "
            f"{f'the format {kind}' if kind else 'no --format'}. Give one of them with --format."
        )
    with silence_tensorflow():
        from tuner.serving import MODEL_FORMATS, export_model

        output = output or Path(Path(model).stem + (MODEL_FORMATS[kind].suffix or _FOLDER_ENDING))
        done = export_model(Path(model), kind, output, check=check, force=force)
    rows = f"the first {count(done.rows, 'row')} of {check}" if check else count(done.rows, "drawn row")
    echo(f"Wrote {output}: its predictions for {rows} differ by {value_text(done.difference)} at most", err=True)
    echo(f"Wrote {done.description}: what a row holds, and what the predictions mean", err=True)


def _export_study(
    study: str,
    kind: str,
    output: Path | None,
    *,
    trial: int | None,
    data: Path | None,
    force: bool,
    code: tuple[str, ...],
    storage: str | None,
    check: str | None,
) -> None:
    from tuner.export import export, save_rows

    if data is not None:
        check_output(data, (".npz",), force)
    project = study_name(study)[1] or Path.cwd()
    found = find_study(study, storage)
    exported = export(found, project, trial, code)
    if kind == "python":
        with silence_tensorflow():
            from tuner.export import python_script

            text = python_script(exported, project, code)
    else:
        text = (
            exported.to_toml() if kind == "toml" else json.dumps(exported.to_json(), indent=2, allow_nan=False) + "\n"
        )
    if data is not None:
        save_rows(found, exported, project, data)
        echo(f"Wrote {data}: the rows of the study", err=True)
    if output is None:
        write_file(text)
        return
    write_text(output, text)
    echo(f"Wrote {output}: trial {exported.trial} of {exported.study}", err=True)
    echo(_next(kind, output, data), err=True)


def _next(kind: str, output: Path, data: Path | None) -> str:
    if kind != "python":
        return f"In Python: tuner.best({python_text(str(output))})"
    return f"Next: {shell_command('python', str(output), str(data or 'rows.npz'))}" + (
        "" if data else ", with the rows from --data rows.npz"
    )
