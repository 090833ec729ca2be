"""Meters: what fills the memory part of a record."""
