"""Columns of tables, whatever they are read from: what their cells are, expressions over them, conditions on rows."""
