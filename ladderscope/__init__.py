"""What fine-tuning a language model costs, and what it buys."""

__version__ = "0.1.0"
