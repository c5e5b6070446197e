"""Training: a job's settings, its objects as the network sees them, the network, the fit, and its checkpoints."""
