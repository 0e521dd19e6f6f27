"""A study as one page of HTML that needs nothing else: no network, no other file."""

from tuner.results.report.page import report_page

__all__ = ["report_page"]
