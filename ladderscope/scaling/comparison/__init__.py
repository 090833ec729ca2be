"""Whether two methods scale alike: paired where their runs match, with the training run as the unit of chance."""
