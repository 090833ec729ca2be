"""Scaling laws: fitted, judged, compared."""
