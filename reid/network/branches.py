"""The two branches of MDPR, and the fusion of what they see.

Reference: Fu et al., Mutual distillation learning for person re-identification (2401.06430).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mdpr.reid.network.attention import AttentionLogits, BilinearAttentionPool, Guidance, foreground
from mdpr.reid.network.blocks import Embed, Merge
from mdpr.reid.network.config import NetworkConfig
from mdpr.reid.network.resnet import layer_channels, make_layer

Maps = dict[str, Tensor]


class HardBranch(nn.Module):
    """Hard content: `hard_global`, the whole map, and `hard_part_i`, its horizontal stripes, with D channels each."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        channels = layer_channels(config.depth, config.backbone_width)
        self.stripes = config.stripes
        self.layer3 = make_layer(config.depth, config.backbone_width, config.ibn, 3)
        self.layer4 = make_layer(config.depth, config.backbone_width, config.ibn, 4)
        self.embed_global = Embed(channels[3], config.width)
        self.embed_parts = nn.ModuleList(Embed(channels[3], config.width) for _ in range(config.stripes))

    def forward(self, trunk: Tensor) -> Maps:
        x = self.layer4(self.layer3(trunk))
        maps = {"hard_global": self.embed_global(x)}
        stripes = x.chunk(self.stripes, dim=2) if self.stripes else ()
        for i, (embed, stripe) in enumerate(zip(self.embed_parts, stripes, strict=True)):
            maps[f"hard_part_{i}"] = embed(stripe)
        return maps


class SoftBranch(nn.Module):
    """Soft content: `attn_feature4` and `attn_feature3`, what layers 4 and 3 see, with D channels each.

    Its attentions pick out parts of both; only training and pictures need them.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        _, _, channels3, channels4 = layer_channels(config.depth, config.backbone_width)
        maps = config.attentions + 1
        self.layer3 = make_layer(config.depth, config.backbone_width, config.ibn, 3)
        self.layer4 = make_layer(config.depth, config.backbone_width, config.ibn, 4)
        self.embed4 = Embed(channels4, config.width)
        self.reduce3 = Embed(channels3, channels3)
        self.embed3 = Embed(channels3, config.width)
        self.logits4 = AttentionLogits(channels4, maps)
        self.guide = Guidance(maps) if config.guidance else None
        self.logits3 = AttentionLogits(channels3 + (maps if config.guidance else 0), maps)
        self.pool4 = BilinearAttentionPool(channels4, config.width, config.attentions)
        self.pool3 = BilinearAttentionPool(channels3, config.width, config.attentions)

    def backbone(self, trunk: Tensor) -> tuple[Tensor, Tensor]:
        """X3 and X4."""
        x3 = self.layer3(trunk)
        return x3, self.layer4(x3)

    def embed(self, x4: Tensor, reduced3: Tensor) -> Maps:
        """`attn_feature4` and `attn_feature3`, from X4 and X3'."""
        return {"attn_feature4": self.embed4(x4), "attn_feature3": self.embed3(reduced3)}

    def attend(self, x3: Tensor, x4: Tensor) -> Maps:
        """Attentions of both layers, `attn4` and `attn3`, (N, M, h, w) each."""
        logits4 = self.logits4(x4)
        if self.guide is not None:
            x3 = torch.cat([x3, self.guide(logits4, (x3.shape[2], x3.shape[3]))], dim=1)
        return {"attn4": foreground(logits4), "attn3": foreground(self.logits3(x3))}


class Fusion(nn.Module):
    """One map of 4 D channels from the features of both branches."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stripes = Merge(width)
        self.hard = Merge(2 * width)
        self.soft = Merge(2 * width)
        self.both = Merge(4 * width)

    def forward(self, maps: Maps) -> Tensor:
        parts = torch.cat([maps[name] for name in maps if name.startswith("hard_part_")], dim=2)
        hard = self.hard(torch.cat([self.stripes(parts), maps["hard_global"]], dim=1))
        soft = self.soft(torch.cat([maps["attn_feature4"], maps["attn_feature3"]], dim=1))
        merged: Tensor = self.both(torch.cat([hard, soft], dim=1))
        return merged
