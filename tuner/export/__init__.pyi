from .exported_recipe import Export, export, prepared_of, read_export, save_rows, seed_of
from .script.compose import python_script
from .toml_writer import toml_text

__all__ = [
    "Export",
    "export",
    "prepared_of",
    "python_script",
    "read_export",
    "save_rows",
    "seed_of",
    "toml_text",
]
