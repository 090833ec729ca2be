"""What studies that train share: processes for cells, progress, the way from a cell to its record."""
