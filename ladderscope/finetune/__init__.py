"""Fine-tuning to the end: one cell on finite data, with checkpoints, through transformers' ``Trainer``."""
