"""The readers of `fuzz.py`: each makes good inputs once, and then damages one and reads it.

A reader is a function of a folder of its own, which gives a function of a random generator: that reads one input, and
raises `Refused` if it was refused as it should be.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import sqlite3
import sys
import tomllib
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any, TypeAlias
from wsgiref.util import setup_testing_defaults

import numpy as np

from tuner.errors import TunerError

STUDIES = Path(__file__).parents[1] / "studies"
TESTS = Path(__file__).parents[1] / "tests"

Reader: TypeAlias = Callable[[Random], None]

PIECES = [b"\n", b'"', b"[", b"]", b"{", b"}", b"=", b"nan", b"inf", b"1e999", b"-1", b"0", b"true", b"[search]\n"]
PIECES += [b"\xff", b"\x00", b"when = ", b"'''", b"2026-01-01", b"auto", b"low", b"a.b.c = 1\n", b"&a [*a]", b": "]
PIECES += [b"!!python/name:os.system", b"\x1b[31m", b"<script>", b"=1+1", b",", b"1,", b"\xf0\x9f\x98\x80", b"9" * 400]
PIECES += [b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"%00", b"..", b"/", b"?", b"@", b"://", b"[" * 200, b"a." * 100]

ODD: Sequence[Any] = [None, True, -1, 0, 1, 2**63, 10**30, 1e308, -0.5, float("nan"), float("inf"), "", "x", "\0"]
ODD = [
    *ODD,
    "\x1b[2J",
    "<b>",
    "=1",
    "x" * 5000,
    "models/mlp.py:os.system",
    [],
    {},
    [[]],
    {"a": {}},
    [None],
    ["x"] * 100,
    {"": ""},
]


class Refused(Exception):  # noqa: N818
    """An input was refused with an error of ours, or an answer below 500."""


@contextmanager
def refusing():
    """Take an error of ours for a refusal."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except TunerError as error:
        if len(str(error)) > 200_000:
            raise AssertionError(f"an error of {len(str(error))} characters") from error
        raise Refused from error


def mutated(content: bytes, draw: Random) -> bytes:
    """Change a content in one to five places."""
    found = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 2, 3, 5])):
        at = draw.randrange(len(found) + 1)
        match draw.randrange(6):
            case 0:
                found[at:at] = draw.choice(PIECES)
            case 1:
                del found[at : at + draw.randint(1, 30)]
            case 2:
                found[at : at + 1] = bytes([draw.randrange(256)])
            case 3 if draw.random() < 0.3:
                del found[at:]
            case 4:
                number = draw.choice([2**31 - 1, 2**32 - 1, 0, 2**24])
                found[at : at + 4] = number.to_bytes(4, draw.choice(["big", "little"]))
            case _:
                other = draw.randrange(len(found) + 1)
                found[at:at] = found[other : other + draw.randint(1, 60)]
    return bytes(found)


def bytes_like(good: Sequence[bytes], draw: Random) -> bytes:
    """Random bytes, one time in ten, or a good content with changes."""
    return draw.randbytes(draw.randint(0, 300)) if draw.random() < 0.1 else mutated(draw.choice(good), draw)


def with_odd_values(content: Any, draw: Random) -> Any:
    """A copy of what JSON holds, with one to three places replaced, removed, doubled or renamed."""
    found = json.loads(json.dumps(content))
    for _ in range(draw.randint(1, 3)):
        place = found
        while isinstance(place, dict | list) and place:
            key = draw.choice(list(place)) if isinstance(place, dict) else draw.randrange(len(place))
            inner = place[key]
            if not isinstance(inner, dict | list) or not inner or draw.random() < 0.25:
                match draw.randrange(5):
                    case 0:
                        del place[key]
                    case 1 if isinstance(place, dict):
                        place[str(draw.choice(ODD))] = place.pop(key)
                    case 2 if isinstance(inner, list):
                        place[key] = inner * draw.choice([0, 2, 100])
                    case _:
                        place[key] = deepcopy(draw.choice(ODD))
                break
            place = inner
    return found


def with_changed_member(content: bytes, draw: Random, change: Callable[[str, bytes], bytes]) -> bytes:
    """An archive with one member changed and a right checksum; its directory may claim another size."""
    file, swells = io.BytesIO(), draw.random() < 0.05
    with zipfile.ZipFile(io.BytesIO(content)) as good, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        names = good.namelist()
        chosen = draw.choice(names)
        for name in names:
            if name == chosen and draw.random() < 0.05:
                continue
            archive.writestr(name, change(name, good.read(name)) if name == chosen else good.read(name))
        if swells:
            archive.infolist()[0].file_size = draw.choice([10**9, 2**32 - 2, 10**12])
    return file.getvalue()


def study_reader(folder: Path) -> Reader:
    """Read study files, TOML and YAML."""
    import yaml

    from tuner.study import read_study

    texts = [file.read_text(encoding="utf-8") for file in sorted(STUDIES.glob("*.toml"))]
    good = {
        ".toml": [text.encode() for text in texts],
        ".yaml": [yaml.safe_dump(tomllib.loads(text), sort_keys=False).encode() for text in texts],
    }

    def read(draw: Random) -> None:
        suffix = draw.choice(list(good))
        file = folder / f"study{suffix}"
        if draw.random() < 0.3:
            parsed = with_odd_values(tomllib.loads(draw.choice(texts)), draw)
            file = folder / "study.yaml"
            file.write_bytes(yaml.safe_dump(parsed).encode("utf-8", "surrogatepass"))
        else:
            file.write_bytes(bytes_like(good[suffix], draw))
        with refusing():
            read_study(file)

    return read


def data_reader(folder: Path, name: str, good: Sequence[bytes], **options: Any) -> Reader:
    """Read files of data."""
    from tuner.data import DataOptions, prepare

    def read(draw: Random) -> None:
        content = bytes_like(good, draw)
        if name.endswith(".npz") and draw.random() < 0.7:
            content = with_changed_member(draw.choice(good), draw, lambda _, part: mutated(part, draw))
        if name.endswith(".gz") and draw.random() < 0.7:
            content = gzip.compress(mutated(gzip.decompress(draw.choice(good)), draw))
        (folder / name).write_bytes(content)
        chosen = {**options, "missing": draw.choice(["error", "mean", "drop"])}
        with refusing():
            prepare(DataOptions(source=name, **chosen), folder, 0)

    return read


def _table() -> Any:
    import pandas as pd

    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": draw.normal(size=40).round(3),
            "b": draw.integers(0, 9, 40),
            "c": draw.choice(["red", "blue", "green"], 40),
            "y": np.arange(40) % 2,
        }
    )


def csv_reader(folder: Path) -> Reader:
    """Read tables of text, plain and compressed."""
    text = _table().to_csv(index=False).encode()
    plain = data_reader(folder, "data.csv", [text, text.replace(b",", b";")], target="y", text="one_hot")
    packed = data_reader(folder, "data.csv.gz", [gzip.compress(text)], target="y", text="ordinal")
    return lambda draw: draw.choice([plain, plain, packed])(draw)


def parquet_reader(folder: Path) -> Reader:
    """Read Parquet tables."""
    good = []
    for compression in ("snappy", "gzip", None):
        file = io.BytesIO()
        _table().to_parquet(file, compression=compression)
        good.append(file.getvalue())
    return data_reader(folder, "data.parquet", good, target="y", text="one_hot")


def npz_reader(folder: Path) -> Reader:
    """Read NumPy archives."""
    good = []
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, x=np.arange(80.0).reshape(20, 4), y=np.arange(20) % 2, weight=np.ones(20))
        good.append(file.getvalue())
    return data_reader(folder, "data.npz", good)


def image_reader(folder: Path) -> Reader:
    """Read folders of images."""
    from PIL import Image

    from tuner.data import DataOptions, prepare

    good: list[tuple[str, bytes]] = []
    for suffix, form, mode in (
        ("png", "PNG", "RGB"),
        ("png", "PNG", "P"),
        ("jpg", "JPEG", "L"),
        ("bmp", "BMP", "RGB"),
        ("gif", "GIF", "P"),
        ("webp", "WEBP", "RGB"),
        ("tif", "TIFF", "L"),
        ("png", "ICO", "RGBA"),
        ("png", "PCX", "L"),
        ("png", "EPS", "L"),
    ):
        file = io.BytesIO()
        Image.effect_noise((12, 10), 60).convert(mode).save(file, format=form)
        good.append((suffix, file.getvalue()))
    for kind in "ab":
        (folder / "images" / kind).mkdir(parents=True)
        for number in range(5):
            Image.new("L", (12, 10), number).save(folder / "images" / kind / f"{number}.png")

    def read(draw: Random) -> None:
        suffix, content = draw.choice(good)
        file = folder / "images" / "a" / f"x.{suffix}"
        file.write_bytes(bytes_like([content], draw))
        try:
            with refusing():
                prepare(DataOptions(source="images", shape=draw.choice([None, (8, 8, 3)])), folder, 0)
        finally:
            file.unlink()

    return read


def _recipe() -> dict[str, Any]:
    from tuner.catalog import Choice, ModelChoice, Recipe, Task

    model = ModelChoice(reference="models/mlp.py", sha256="ab" * 32, options={"units": [8, 4]})
    recipe = Recipe(
        task=Task.BINARY,
        model=model,
        head="sigmoid",
        loss=Choice(name="binary_crossentropy"),
        optimizer=Choice(name="adam"),
        learning_rate=0.01,
        metric="accuracy",
        class_weight={0: 1.0, 1: 2.0},
        data={"source": "breast_cancer"},
    )
    return recipe.to_json()


def export_reader(folder: Path) -> Reader:
    """Read exported recipes, JSON and TOML, as `tuner.best` does."""
    import tuner
    from tuner.text import toml_text

    content = {"format": "keras-studies recipe 1", "study": "s", "trial": 3, "recipe": _recipe()}
    sections = {"recipe", "recipe.data", "recipe.loss", "recipe.optimizer", "recipe.model"}
    good = {".json": [json.dumps(content).encode()], ".toml": [toml_text(content, sections).encode()]}

    def read(draw: Random) -> None:
        suffix = draw.choice(list(good))
        changed = bytes_like(good[suffix], draw)
        if draw.random() < 0.5:
            suffix, changed = ".json", json.dumps(with_odd_values(content, draw)).encode("utf-8", "surrogatepass")
        (folder / f"best{suffix}").write_bytes(changed)
        with refusing():
            tuner.best(folder / f"best{suffix}")

    return read


def keras_reader(folder: Path) -> Reader:
    """Load saved models, and let them answer."""
    import keras

    from tuner.catalog import Recipe
    from tuner.data import Preprocessing
    from tuner.serving import ModelMetadata, load_saved, write_about

    rows = keras.Input((3,))
    x = keras.layers.Normalization(mean=[0.0, 1.0, 2.0], variance=[1.0, 2.0, 3.0])(rows)
    x = keras.layers.Reshape((3, 1))(x)
    x = keras.layers.Flatten()(keras.layers.Conv1D(4, 2, activation="relu")(x))
    model = keras.Model(rows, keras.layers.Dense(1, activation="sigmoid")(keras.layers.Dropout(0.5)(x)))
    model.save(folder / "good.keras")
    about = ModelMetadata(
        "s",
        3,
        "accuracy",
        "maximize",
        Recipe.from_json(_recipe()),
        ("no", "yes"),
        Preprocessing(None, np.zeros(3), np.ones(3), (3,), ("a", "b", "c")),
    )
    write_about(folder / "good.keras", about)
    good = (folder / "good.keras").read_bytes()
    table = np.zeros((2, 3))

    def change(name: str, part: bytes, draw: Random) -> bytes:
        if name.endswith(".json") and draw.random() < 0.8:
            return json.dumps(with_odd_values(json.loads(part), draw)).encode("utf-8", "surrogatepass")
        return mutated(part, draw)

    def read(draw: Random) -> None:
        if draw.random() < 0.15:
            content = bytes_like([good], draw)
        else:
            content = with_changed_member(good, draw, lambda name, part: change(name, part, draw))
        (folder / "m.keras").write_bytes(content)
        with refusing():
            load_saved(folder / "m.keras").predict(table)

    return read


def _mock_database(folder: Path) -> Path:
    """A database with a finished study of 12 trials that cost nothing."""
    sys.path.insert(0, str(TESTS))
    import mock_study

    from tuner.storage import open_database

    database = open_database(f"sqlite:///{folder}/good.db", create=True)
    spec = mock_study.spec_of(folder, budget={"trials": 12, "epochs": 3}, sampler={"name": "random"})
    mock_study.run(spec, database, diverges_above=1.0)
    database.close()
    return folder / "good.db"


def database_reader(folder: Path) -> Reader:
    """Read databases whose cells somebody has changed, as list, show, best, compare, export and report do."""
    from optuna.storages._rdb.storage import _VersionManager

    from tuner.analysis import compare
    from tuner.export import export
    from tuner.report import load_view, report_page, study_note
    from tuner.results import best_trial, list_studies, read_study_results, summary
    from tuner.storage import open_read_only

    good = _mock_database(folder)
    with sqlite3.connect(good) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        columns = {name: [row[1] for row in connection.execute(f'pragma table_info("{name}")')] for name in tables}
        ((newest,),) = connection.execute("select version_num from alembic_version")
        filled = [name for name in tables if connection.execute(f'select count(*) from "{name}"').fetchone()[0]]

    # Else Optuna imports all of its migrations for it, a third of the time of an input.
    _VersionManager.get_head_version = lambda self: newest  # type: ignore[method-assign]

    def changed(value: Any, draw: Random) -> Any:
        if isinstance(value, str) and draw.random() < 0.6:
            try:
                return json.dumps(with_odd_values(json.loads(value), draw))
            except ValueError:
                return mutated(value.encode(), draw).decode("utf-8", "replace")
        odd = draw.choice(ODD)
        return json.dumps(odd) if isinstance(odd, list | dict) else min(odd, 2**62) if type(odd) is int else odd

    def read(draw: Random) -> None:
        file = folder / "t.db"
        for other in folder.glob("t.db*"):
            other.unlink()
        shutil.copy(good, file)
        with sqlite3.connect(file) as connection:
            connection.execute("pragma foreign_keys = off")
            for _ in range(draw.randint(1, 2)):
                table = draw.choice(filled)
                column = draw.choice(columns[table])
                rows = [row for (row,) in connection.execute(f'select rowid from "{table}"')]
                if not rows:  # the change before has deleted the last one
                    continue
                row = draw.choice(rows)
                (value,) = connection.execute(f'select "{column}" from "{table}" where rowid = ?', (row,)).fetchone()
                try:
                    connection.execute(
                        f'update or ignore "{table}" set "{column}" = ? where rowid = ?', (changed(value, draw), row)
                    )
                except sqlite3.Error:
                    connection.execute(f'delete from "{table}" where rowid = ?', (row,))
        refused = False
        with refusing():
            database = open_read_only(f"sqlite:///{file}")
        try:
            steps: list[Callable[[Any], object]] = [summary, best_trial, lambda study: study_note(load_view(study))]
            steps += [lambda study: compare(study, ["optimizer"]), lambda study: export(study, folder)]
            steps += [report_page] if draw.random() < 0.1 else []
            with refusing():
                list_studies(database)
            with refusing():
                study = read_study_results(database, "mock")
            for step in steps:
                try:
                    with refusing():
                        step(study)
                except Refused:
                    refused = True
        finally:
            database.close()
        if refused:
            raise Refused

    return read


def url_reader(folder: Path) -> Reader:
    """Open databases by URL; other machines are never asked."""
    from sqlalchemy import make_url

    from tuner.storage import open_database

    file = _mock_database(folder)
    good = [
        f"sqlite:///{file}",
        f"sqlite:///{file}?timeout=5&mode=ro",
        "postgresql://user:secret@127.0.0.1:1/tuner",
        "postgresql+psycopg://user:secret@127.0.0.1:1/tuner?sslmode=disable",
        "mysql+pymysql://user:secret@127.0.0.1:1/tuner",
        "oracle://user@127.0.0.1:1/x",
        "tuner.db",
    ]

    def read(draw: Random) -> None:
        url = draw.choice(good)
        url = mutated(url.encode(), draw).decode("utf-8", draw.choice(["replace", "surrogateescape", "ignore"]))
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() != "sqlite":
                parsed = parsed.set(host="127.0.0.1", port=1, query={})
                url = parsed.render_as_string(hide_password=False)
        except Exception:
            pass  # it goes no further than that in open_database either
        with refusing():
            open_database(url, create=draw.random() < 0.2).close()

    return read


def http_reader(folder: Path) -> Reader:
    """Send requests to the dashboard behind its guard, without and with the token; it is read-only, as by default."""
    import logging

    from tuner.dashboard import Address, Guard, Token, dashboard_app
    from tuner.storage import open_database

    logging.disable(logging.CRITICAL)
    text = "a-token-of-these-inputs-0123456789"
    application = dashboard_app(open_database(f"sqlite:///{_mock_database(folder)}", create=False))
    guard = Guard(application, Address("127.0.0.1", "127.0.0.1", 8080), Token(text, 8080), allow_edit=False)
    paths = ["/", "/dashboard", "/api/studies", "/api/studies/1", "/api/studies/1/param_importances", "/api/meta"]
    paths += ["/api/studies/1/plot/history", "/artifacts/1/x", "/static/bundle.js", "/api/trials/1/user-attrs"]
    paths += ["/api/studies/1/note", "/api/studies/1/1/note", "/api/trials/1/tell", "/api/studies/1/rename", "/csv/1"]
    headers: Mapping[str, Sequence[str]] = {
        "HTTP_HOST": ["127.0.0.1:8080", "evil.example", "localhost:8080"],
        "HTTP_ORIGIN": ["http://127.0.0.1:8080", "http://evil.example", "null"],
        "HTTP_COOKIE": [f"token={text}", "a=b; c"],
        "HTTP_AUTHORIZATION": [f"Bearer {text}", "Basic eDp5"],
        "HTTP_SEC_FETCH_SITE": ["same-origin", "cross-site"],
        "HTTP_ACCEPT_ENCODING": ["gzip"],
        "HTTP_RANGE": ["bytes=0-1"],
        "HTTP_IF_MODIFIED_SINCE": ["Sat, 28 Nov 2026 10:00:00 GMT"],
        "CONTENT_TYPE": ["application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"],
        "CONTENT_LENGTH": ["0", "10", "-1", "x", str(10**12)],
    }

    def read(draw: Random) -> None:
        body = draw.choice([b"", b'{"body": "x", "version": 1}', b'{"study_name": "a"}', b"[1]"])
        body = mutated(body, draw) if draw.random() < 0.5 else body
        path = draw.choice(paths)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": draw.choice(
                ["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "X\n"]
            ),
            "REMOTE_ADDR": f"10.0.{draw.randrange(256)}.{draw.randrange(256)}",
            "PATH_INFO": latin(mutated(path.encode(), draw)) if draw.random() < 0.5 else path,
            "QUERY_STRING": latin(mutated(b"token=x&after=3&a=b", draw)) if draw.random() < 0.5 else "",
            "HTTP_HOST": "127.0.0.1:8080",
            "HTTP_ORIGIN": "http://127.0.0.1:8080",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        if draw.random() < 0.9:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {text}"
        for name, values in headers.items():
            if draw.random() < 0.06:
                value = draw.choice(values).encode()
                environ[name] = latin(mutated(value, draw) if draw.random() < 0.5 else value)
        send(guard, environ)

    return read


def latin(content: bytes) -> str:
    """Bytes as a WSGI environment has them."""
    return content.decode("latin-1")


def send(app: Callable[..., Any], environ: dict[str, Any]) -> None:
    """Send a request to a WSGI application.

    Raises:
        Refused: It answers with 400 to 499.
        AssertionError: It answers with 500 or more.
    """
    setup_testing_defaults(environ)
    started: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = app(environ, lambda status, given, error=None: started.append(status) or (lambda data: None))
        for _ in parts:
            pass
    if hasattr(parts, "close"):
        parts.close()
    status = int(started[-1].split()[0])
    if status >= 500:
        raise AssertionError(f"{status} for {environ['REQUEST_METHOD']} {environ['PATH_INFO']!r}")
    if status >= 400:
        raise Refused


EDIT = {
    "study_name": "renamed",
    "directions": ["minimize"],
    "version": 1,
    "body": "a note",
    "state": "Complete",
    "values": [0.5],
    "user_attrs": {"key": "value"},
    "mode": "ChooseWorst",
    "candidates": [0, 1],
    "clicked": 0,
    "output_type": "note",
    "file": "data:text/plain;base64,AAAA",
    "filename": "a.txt",
    "remove_associated_artifacts": True,
    "user_query": "all",
}
"""A body that every route takes."""


def edit_reader(folder: Path) -> Reader:
    """Send requests that change a study to a dashboard started with `--allow-edit`."""
    import logging

    import optuna
    import optuna_dashboard

    from tuner.dashboard import Address, Guard, dashboard_app
    from tuner.storage import open_database

    logging.disable(logging.CRITICAL)
    good = _mock_database(folder)
    database = open_database(f"sqlite:///{good}", create=False)
    study = optuna.create_study(storage=database.optuna, study_name="open")  # with a trial that has not finished
    study.ask()
    optuna.create_study(storage=database.optuna, study_name="preferential")
    database.optuna.set_study_system_attr(3, "preference:is_preferential", True)
    database.close()
    routes = optuna_dashboard.wsgi(optuna.storages.InMemoryStorage()).routes
    edits = sorted({(route.method, route.rule) for route in routes if route.method not in ("GET", "HEAD")})
    numbers = ["1", "2", "3", "13", "5", "0", "-1", "x", str(10**20), "١"]
    (folder / "artifacts").mkdir()
    opened: list[Any] = []

    def app() -> Guard:
        """The dashboard over an unchanged copy."""
        if not opened:
            shutil.copy(good, folder / "edited.db")
            opened.append(open_database(f"sqlite:///{folder}/edited.db", create=False))
            guard = Guard(
                dashboard_app(opened[0], editable=True), Address("127.0.0.1", "127.0.0.1", 8080), None, allow_edit=True
            )
            opened.append(guard)
        return opened[1]

    def close() -> None:
        opened[0].close()
        opened.clear()
        for file in [*folder.glob("edited.db*"), *(folder / "artifacts").iterdir()]:
            file.unlink()

    def read(draw: Random) -> None:
        method, rule = draw.choice(edits)
        path = re.sub(r"<(study|trial)_id[^>]*>", lambda _: draw.choice(numbers[: draw.choice([2, 5, 10])]), rule)
        path = re.sub(r"<[^>]*>", lambda _: draw.choice(["00000000-0000-0000-0000-000000000001", "x"]), path)
        path = latin(mutated(path.encode(), draw)) if draw.random() < 0.05 else latin(path.encode())
        body = json.dumps(with_odd_values(EDIT, draw) if draw.random() < 0.8 else EDIT).encode()
        body = mutated(body, draw) if draw.random() < 0.2 else body
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "REMOTE_ADDR": "127.0.0.1",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "HTTP_HOST": "127.0.0.1:8080",
            "HTTP_ORIGIN": "http://127.0.0.1:8080",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        try:
            send(app(), environ)
        except Refused:
            raise
        except BaseException:
            close()
            raise
        close()  # it may have changed something

    return read


READERS: Mapping[str, Callable[[Path], Reader]] = {
    "study": study_reader,
    "database": database_reader,
    "keras": keras_reader,
    "npz": npz_reader,
    "csv": csv_reader,
    "parquet": parquet_reader,
    "images": image_reader,
    "export": export_reader,
    "url": url_reader,
    "http": http_reader,
    "edits": edit_reader,
}
"""Name of a reader → a function of an empty folder that gives it."""
