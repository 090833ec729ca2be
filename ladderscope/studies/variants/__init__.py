"""For studies that change one choice of a side network at a time."""
