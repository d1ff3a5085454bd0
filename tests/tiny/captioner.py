"""Tiny models that describe pictures, with random weights, in the folders of their classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["WORDS", "make_blip", "make_encoder_decoder"]

WORDS = ("a", "red", "blue", "cup", "cat", "on", "the", "table", "with", "and", "of", "picture")


def _bert_tokenizer(folder: Path) -> int:
    """A vocabulary of a few words as BERT has it; returns its size."""
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: index for index, word in enumerate([*marks, *WORDS])}
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    from transformers import BertTokenizer

    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    return len(vocabulary)


def _processor(folder: Path, kind: str, side: int) -> None:
    config = {
        "image_processor_type": kind,
        "do_resize": True,
        "size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(config), encoding="utf-8")


def make_blip(folder: Path) -> Path:
    """BlipForConditionalGeneration."""
    import torch
    from transformers import BlipConfig, BlipForConditionalGeneration

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    size = _bert_tokenizer(folder)
    small: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    text = small | {"vocab_size": size, "encoder_hidden_size": 16, "projection_dim": 16, "max_position_embeddings": 80}
    text |= {"bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3, "pad_token_id": 0}
    config = BlipConfig(text_config=text, vision_config=small | {"image_size": 32, "patch_size": 16}, projection_dim=16)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    _processor(folder, "BlipImageProcessor", 32)
    return folder


def make_encoder_decoder(folder: Path) -> Path:
    """VisionEncoderDecoderModel of ViT and GPT-2, as nlpconnect/vit-gpt2-image-captioning is."""
    import torch
    from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

    torch.manual_seed(1)
    folder.mkdir(parents=True, exist_ok=True)
    size = _bert_tokenizer(folder)
    seeing = ViTConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=16
    )
    saying = GPT2Config(
        vocab_size=size, n_embd=16, n_layer=1, n_head=2, n_positions=80, bos_token_id=2, eos_token_id=3, pad_token_id=0
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(seeing, saying)
    config.decoder_start_token_id, config.pad_token_id = 2, 0
    config.eos_token_id = 3
    VisionEncoderDecoderModel(config).save_pretrained(folder)
    _processor(folder, "ViTImageProcessor", 32)
    return folder
