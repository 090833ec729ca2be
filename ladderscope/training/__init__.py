"""The training loop that every meter watches: data, optimizer, loss."""
