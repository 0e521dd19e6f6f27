from .formatting import count, duration, listed, listed_counts, listed_first, number, percent, spread_text, value_text
from .quoting import (
    csv_cell,
    csv_text,
    json_text,
    one_line,
    plain,
    python_text,
    shell_command,
    tuner_command,
    visible_line,
)
from .text_excerpt import LOG_CHARS, STORED_CHARS, TrialLogs, excerpt, format_error, shorten
from .toml_writer import toml_text

__all__ = [
    "LOG_CHARS",
    "STORED_CHARS",
    "TrialLogs",
    "count",
    "csv_cell",
    "csv_text",
    "duration",
    "excerpt",
    "format_error",
    "json_text",
    "listed",
    "listed_counts",
    "listed_first",
    "number",
    "one_line",
    "percent",
    "plain",
    "python_text",
    "shell_command",
    "shorten",
    "spread_text",
    "toml_text",
    "tuner_command",
    "value_text",
    "visible_line",
]
