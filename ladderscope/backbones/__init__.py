"""The pretrained models that a method builds on: their architectures and how they are loaded."""
