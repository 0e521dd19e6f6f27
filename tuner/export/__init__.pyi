from .csv_tables import epochs_csv, trials_csv
from .exported_recipe import Export, export, find_seed, prepare_for_export, read_export, recipe_toml, save_rows
from .script.compose import python_script

__all__ = [
    "Export",
    "epochs_csv",
    "export",
    "find_seed",
    "prepare_for_export",
    "python_script",
    "read_export",
    "recipe_toml",
    "save_rows",
    "trials_csv",
]
