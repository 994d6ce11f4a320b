"""Evaluation: ranking, re-ranking, verification, pictures."""
