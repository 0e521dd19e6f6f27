"""Read the `[search]` section: TOML values to a space."""
