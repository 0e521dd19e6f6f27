"""The `[search]` section: from TOML values to a space."""
