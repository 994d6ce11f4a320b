"""Training: sampler, augmentations, schedule, checkpoints, the loop."""
