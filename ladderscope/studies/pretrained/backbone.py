"""What a small backbone is."""

from __future__ import annotations

from dataclasses import dataclass

HEAD_WIDTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallBackbone:
    """A Llama-like decoder with tied embeddings and heads of 32 channels.

    Attributes:
        recipe: how it is pretrained, with a number that whoever changes that counts up, so that older cells keep
            their meaning.
        vocabulary: tokens of the tokenizer.
        width: channels, a multiple of 32.
        depth: blocks.
    """

    recipe: str
    vocabulary: int
    width: int
    depth: int

    @property
    def name(self) -> str:
        """In cells: a path below the studies' work folder, in which training runs, so the same on every machine."""
        return f"{self.recipe}/{self.width}x{self.depth}"

    @property
    def heads(self) -> int:
        """Attention heads; each has 32 channels, of which reduction 8 leaves 4."""
        return self.width // HEAD_WIDTH

    @property
    def ffn_width(self) -> int:
        """Of the gated feed-forward."""
        return 8 * round(self.width / 3)

    @property
    def parameters(self) -> int:
        """All of them, the embeddings once."""
        block = 4 * self.width**2 + 3 * self.width * self.ffn_width + 2 * self.width
        return self.vocabulary * self.width + self.depth * block + self.width
