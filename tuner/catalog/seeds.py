"""Seeds that are derived from others."""

from __future__ import annotations

import hashlib


def seed_from(text: str) -> int:
    """Derive a seed from a text, in [0, 2³²): the first bytes of its SHA-256.

    Texts that differ lead to unrelated seeds.
    """
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
