"""From a law and points to an optimum."""
