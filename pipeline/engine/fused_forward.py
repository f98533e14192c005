"""The decoder's forward pass by the kernels of `kernels.decode_step`. Needs Triton."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from kernels.decode_step import few_rows, fused
from pipeline.engine.decoder import Decoder, Layer
from pipeline.engine.parts import MLP, LayerCache, LayerNorm, Linear, Norm, Product, StepPlan


class FusedForward:
    """The same function as `Decoder`, in few launches between the matrix products. The residual
    stream is float32 and what is computed between products is rounded once, for their input: less
    rounding than `Decoder` has in bf16 and fp16, the same in float32."""

    def __init__(self, decoder: Decoder, product: Product = F.linear) -> None:
        self.decoder, self.product = decoder, product

    def hidden(
        self, tokens: Tensor, positions: Tensor, slots: Tensor, plan: StepPlan,
        caches: Sequence[LayerCache],
    ) -> Tensor:  # fmt: skip
        """As `Decoder.hidden`, float32."""
        x = self.decoder.embedding.index_select(0, tokens).float()  # [R, hidden]
        self._layers(x, positions, slots, plan, caches, self.decoder.norm)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        """As `Decoder.logits`."""
        return self._logits(_add_norm(hidden, None, self.decoder.norm)).float()

    def step(
        self, x: Tensor, positions: Tensor, slots: Tensor, plan: StepPlan,
        caches: Sequence[LayerCache],
    ) -> Tensor:  # fmt: skip
        """x: embeddings [R, hidden] float32, overwritten -> logits [R, V] in the model's dtype."""
        normed = self._layers(x, positions, slots, plan, caches, self.decoder.norm)
        return self._logits(normed)

    def _logits(self, normed: Tensor) -> Tensor:
        """[R, hidden] -> [R, V] in the model's dtype."""
        return self.product(normed, self.decoder.output, None)

    def _product(self, x: Tensor, linear: Linear) -> tuple[Tensor, Tensor | None]:
        """x [R, in] -> [R, out], or parts [S, R, out] of it and what is to be added to them."""
        if self._free and few_rows.fits(x, linear.weight):
            return few_rows.split_product(x, linear.weight), linear.bias
        return self.product(x, linear.weight, linear.bias), None

    @property
    def _free(self) -> bool:
        """Whether no order of a product's sums is asked for."""
        return self.product is F.linear

    def _layers(
        self, x: Tensor, positions: Tensor, slots: Tensor, plan: StepPlan,
        caches: Sequence[LayerCache], last: Norm,
    ) -> Tensor:  # fmt: skip
        """x [R, hidden] becomes the last hidden state. Returns it normed by `last`."""
        layers = self.decoder.layers
        normed = _add_norm(x, None, layers[0].attention_norm)
        for index, (layer, cache) in enumerate(zip(layers, caches, strict=True)):
            mixed = self._attention(layer, normed, positions, slots, plan, cache)
            normed = _add_norm(x, self._product(mixed, layer.attention.output), layer.mlp_norm)
            wide = self._widened(layer.mlp, normed)
            following = last if index + 1 == len(layers) else layers[index + 1].attention_norm
            normed = _add_norm(x, self._product(wide, layer.mlp.down), following)
        return normed

    def _widened(self, mlp: MLP, normed: Tensor) -> Tensor:
        """[R, hidden] -> [R, intermediate], activated."""
        up = mlp.up
        if self._free and mlp.gated and up.bias is None and few_rows.fits_gated(normed, up.weight):
            return few_rows.gated_product(normed, up.weight, mlp.activation)
        wide = self.product(normed, up.weight, up.bias)
        return fused.activate(wide, mlp.activation, mlp.gated)

    def _attention(
        self, layer: Layer, normed: Tensor, positions: Tensor, slots: Tensor, plan: StepPlan,
        cache: LayerCache,
    ) -> Tensor:  # fmt: skip
        """[R, hidden] -> [R, H * D], the heads' results."""
        a = layer.attention
        eps = 0.0 if a.q_norm is None else a.q_norm.eps
        qkv, bias = self._product(normed, a.qkv)
        q = fused.rotate_and_store(
            qkv, None if a.q_norm is None else a.q_norm.weight,
            None if a.k_norm is None else a.k_norm.weight, self.decoder.rotary.cos,
            self.decoder.rotary.sin, positions, slots, cache.k, cache.v, a.heads, eps, bias,
        )  # fmt: skip
        return plan.attend(q, cache.k, cache.v, a.scale, a.window).reshape(len(normed), -1)


def _add_norm(x: Tensor, product: tuple[Tensor, Tensor | None] | None, norm: Norm) -> Tensor:
    shift = norm.bias if isinstance(norm, LayerNorm) else None
    added, bias = product or (None, None)
    return fused.add_norm(x, added, norm.weight, shift, norm.eps, bias)
