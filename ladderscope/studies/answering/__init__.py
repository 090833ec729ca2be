"""Tasks with right answers: made from packages, trained on, and asked item by item."""
