"""YOLOX: the network, its loss, and training on boxes of people."""
