"""From sources to results: reading, the frame loop, writing, the Python API and the command lines."""
