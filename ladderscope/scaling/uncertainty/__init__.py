"""How sure a fit is: covariances, profiles and bootstraps, with the training run as the unit."""
