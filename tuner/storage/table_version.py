"""The version of our tables, and what older versions called their columns."""

from __future__ import annotations

from tuner.errors import StorageError

VERSION = 5
"""Version of the tables in `tables`, which the steps in `migrations` make; one with a newer one is not touched."""

OLDEST_READABLE = 1
"""Oldest version that can be read without a migration, by `stored_name`."""

RENAMED_IN_5: dict[str, dict[str, str]] = {
    "tuner_layers": {
        "gradient_norm": "gradient",
        "update_ratio": "update",
        "dead_share": "dead",
        "saturated_share": "saturated",
    },
    "tuner_verdicts": {"value": "number"},
    "tuner_owners": {"heartbeat_at": "seen", "coordinator_index": "place", "transaction": "turn"},
}
"""Table → column → its name before version 5."""


def stored_name(table: str, column: str, version: int | None) -> str:
    """Return the name of a column in the tables of a version; None stands for the present one."""
    return column if version is None or version >= 5 else RENAMED_IN_5.get(table, {}).get(column, column)


def refuse_newer(found: int) -> None:
    """Refuse tables of a newer version of this package.

    Raises:
        StorageError: They are.
    """
    if found > VERSION:
        raise StorageError(
            f"The database was written by a newer version of keras-studies (tables {found}, this one knows "
            f"{VERSION}). Upgrade keras-studies, or name another database with --storage."
        )


def check_readable(found: int) -> None:
    """Check that tables of a version can be read without a migration.

    Raises:
        StorageError: They were written by a newer version, or by one that is too old.
    """
    refuse_newer(found)
    if found < OLDEST_READABLE:
        raise StorageError(
            "A command that only reads changes no database, but this one was written by an older version of "
            f"keras-studies (tables {found}, this one reads {OLDEST_READABLE} to {VERSION}). `tuner run` of one of its "
            "studies brings it up to date."
        )
