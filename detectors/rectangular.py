"""Give an exported YOLO network another input shape.

A network exported for 640x640 spends 44 % of its work on the grey bars of a 16:9 video. Its layers fit any size, but
the export froze a few numbers: targets of Reshape (attention, box distribution) and the anchor points and strides of
the head. These are rewritten. That they mean what they are taken for is checked first: computed for the original size,
the anchors and strides must equal the network's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13
from openvino.utils import replace_node

from mdpr.detectors.yolo_outputs import grid
from mdpr.errors import ModelError

_STRIDE_SETS = ((8, 16, 32), (4, 8, 16, 32), (8, 16, 32, 64))


def rectangular(model: Any, height: int, width: int) -> Any:
    """A copy of an OpenVINO model with input (1, 3, height, width); the model itself is not changed.

    Args:
        model: one input (N, 3, H, W); one output (N, 4 + classes, anchors). A dynamic model is simply reshaped.
        height, width: in pixels, multiples of the coarsest stride.

    Raises:
        ModelError: a fixed model that holds numbers this does not understand; the message says which.
    """
    copy = model.clone()
    shape = copy.input(0).partial_shape
    try:
        if shape[2].is_dynamic or shape[3].is_dynamic:
            copy.reshape([1, 3, height, width])
        elif (shape[2].get_length(), shape[3].get_length()) != (height, width):
            _rewrite(copy, (shape[2].get_length(), shape[3].get_length()), (height, width))
    except RuntimeError as error:
        raise ModelError(f"the network cannot take {height}x{width}: {str(error).strip().splitlines()[-1]}") from error
    return copy


def _rewrite(model: Any, old: tuple[int, int], new: tuple[int, int]) -> None:
    strides = _strides_of(model, old)
    old_points, old_strides = grid(*old, strides)
    new_points, new_strides = grid(*new, strides)
    anchors = len(old_strides)
    if len(new_strides) == 0 or any(side % strides[-1] for side in new):
        raise ModelError(f"the network cannot take {new[0]}x{new[1]}: the sides must be multiples of {strides[-1]}")
    replaced = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Reshape" and _is_constant(node.input_value(1).get_node()):
            target = node.input_value(1).get_node().get_data()
            changed = _new_target(target, old, new, strides)
            if (changed != target).any():
                node.input(1).replace_source_output(opset13.constant(changed, dtype=np.int64).output(0))
        elif _is_constant(node) and anchors in tuple(node.get_output_shape(0)):
            own = node.get_data()
            for ours, computed in ((old_points, new_points), (old_strides, new_strides)):
                if own.size == ours.size and np.array_equal(own.reshape(ours.shape).astype(np.float32), ours):
                    constant = computed.reshape(*own.shape[:-1], -1).astype(own.dtype)
                    replace_node(node, opset13.constant(constant))
                    replaced += 1
                    break
            else:
                raise ModelError(f"the network holds a constant {own.shape} that depends on its size {old[0]}x{old[1]}")
    if replaced < 2:
        raise ModelError(f"expected the anchors and strides of {old[0]}x{old[1]} in the network, found {replaced} of 2")
    model.get_parameters()[0].set_partial_shape(ov.PartialShape([1, 3, *new]))
    model.validate_nodes_and_infer_types()
    output = model.output(0).partial_shape
    if output.is_dynamic or tuple(output.to_shape())[-1] != len(new_strides):
        raise ModelError(
            f"rewritten for {new[0]}x{new[1]} the network gives {output}, expected {len(new_strides)} anchors"
        )


def _strides_of(model: Any, size: tuple[int, int]) -> tuple[int, ...]:
    """The strides whose anchor count is that of the output."""
    output = model.output(0).partial_shape
    anchors = output[2].get_length() if output.rank.get_length() == 3 and output[2].is_static else 0
    for strides in _STRIDE_SETS:
        if anchors == sum((size[0] // stride) * (size[1] // stride) for stride in strides):
            return strides
    raise ModelError(f"output {output} of a {size[0]}x{size[1]} network has an unknown arrangement of anchors")


def _new_target(
    target: NDArray[Any], old: tuple[int, int], new: tuple[int, int], strides: tuple[int, ...]
) -> NDArray[np.int64]:
    """The target of a Reshape with trailing (rows, columns), cells of one stride, or cells of all strides replaced."""
    changed = target.astype(np.int64)
    if target.size < 3:
        return changed
    grids = {(old[0] // s, old[1] // s): (new[0] // s, new[1] // s) for s in strides}
    cells = {rows * columns: now[0] * now[1] for (rows, columns), now in grids.items()}
    cells[sum(cells)] = sum(cells.values())
    if target.size >= 4 and tuple(target[-2:]) in grids:
        changed[-2:] = grids[tuple(target[-2:])]
    elif int(target[-1]) in cells:
        changed[-1] = cells[int(target[-1])]
    return changed


def _is_constant(node: Any) -> bool:
    return bool(node.get_type_name() == "Constant")
