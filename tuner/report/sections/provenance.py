"""Provenance of the numbers: versions, programs, fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

from tuner.report.html_components import facts, table
from tuner.report.study_view import StudyView
from tuner.text import Html, duration, element, listed_counts, number


def provenance(results: StudyView, versions: dict[str, str]) -> Html:
    """Versions now and when the study was run, and everything that its trials have in common."""
    fingerprint = results.fingerprint
    then = {key.removeprefix("version."): value for key, value in fingerprint.items() if key.startswith("version.")}
    older = Counter(point.study for point in results.study.record.attrs.older_points.points)
    programs = results.study.record.attrs.programs
    rows = [
        ("Study run with", ", ".join(f"{name} {value}" for name, value in then.items() if value) or "not recorded"),
        ("Report made with", ", ".join(f"{name} {value}" for name, value in versions.items())),
        *(
            [("Programs", f"{number(programs.traced)} built, in {duration(programs.seconds)} of the workers")]
            if programs.traced
            else []
        ),
        *([("Settings of older studies", listed_counts(older))] if older else []),
        (
            "Fingerprint",
            element("code", fingerprint_digest(fingerprint)) if fingerprint else "none: not made by keras-studies",
        ),
    ]
    listing = [(element("code", key), _shown(value)) for key, value in fingerprint.items()]
    return element(
        "div",
        facts(rows),
        element(
            "details",
            element("summary", "Everything in the fingerprint"),
            table("What all trials of the study have in common", ("key", "value"), listing),
        )
        if listing
        else None,
    )


def fingerprint_digest(fingerprint: dict[str, object]) -> str:
    """Sixteen digits of the SHA-256 of a fingerprint: equal for equal questions."""
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:16]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
