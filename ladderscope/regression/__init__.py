"""Guards a project against memory regressions: what was reviewed is in a baseline, what is now is compared with it."""
