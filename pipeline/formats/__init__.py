"""Labelled and predicted people in the formats of other tools, read and written."""
