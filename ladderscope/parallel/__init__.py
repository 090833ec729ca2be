"""Training on several GPUs: one process (a rank) for each, DDP or FSDP2 between them."""
