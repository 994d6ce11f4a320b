"""What torch's exporter notes in an ONNX file: names of modules, lines of source, places of the machine."""

from __future__ import annotations

from typing import Any


def strip_notes(model: Any) -> None:
    """Take out what the exporter tells of itself: source lines and paths of the machine, a fifth of the file."""
    graph = model.graph
    del graph.value_info[:]
    del model.metadata_props[:]
    for entry in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del entry.metadata_props[:]
        entry.doc_string = ""
