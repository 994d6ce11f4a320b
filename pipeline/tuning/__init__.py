"""Choosing a tracker's options: detections and embeddings are cached once, and trackers run over them in seconds."""
