from .formatting import count, duration, listed, number, percent
from .quoting import csv_text, one_line, plain, python_text, shell_command, tuner_command
from .text_excerpt import LOG_CHARS, STORED_CHARS, TrialLogs, excerpt, format_error, shorten

__all__ = [
    "LOG_CHARS",
    "STORED_CHARS",
    "TrialLogs",
    "count",
    "csv_text",
    "duration",
    "excerpt",
    "format_error",
    "listed",
    "number",
    "one_line",
    "percent",
    "plain",
    "python_text",
    "shell_command",
    "shorten",
    "tuner_command",
]
