"""Fast inference: folding, engines, export."""
