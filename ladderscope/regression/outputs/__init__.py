"""What a check found, for a terminal, for programs, for pull requests and for CI servers."""
