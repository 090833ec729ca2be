"""Small backbones that studies pretrain themselves, on text that installs from a package."""
