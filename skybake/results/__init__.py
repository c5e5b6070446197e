"""What training leaves, read and written without a framework: predictions, distributions, attributions, run folders."""
