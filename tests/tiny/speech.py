"""Tiny speech models with random weights, saved as real folders are: VITS, SpeechT5 with its vocoder, an x-vector
speaker encoder, and Bark. They make noise, not speech, always the same."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

__all__ = [
    "BARK_PRESETS",
    "MAKERS",
    "make_bark",
    "make_speecht5",
    "make_speecht5_hifigan",
    "make_vits",
    "make_vits_multi",
    "make_xvector",
]

LETTERS = "k'z-y–ijbaxfplwehtndv0sugqrcom "
"""Characters of the tiny voice, as the MMS voices have them: the first one, a letter, is also the blank between two."""

BARK_PRESETS = ("v2/en_speaker_0", "v2/zh_speaker_1")
"""Voices in the folder of the tiny Bark."""


@contextmanager
def _seeded(seed: int) -> Iterator[Any]:
    """Random weights of their own, whatever was drawn before; nobody else's draws change."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield torch


def _save(model: Any, folder: Path) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.eval().save_pretrained(folder)


def _vits(folder: Path, *, seed: int, loud: float, letters: str, tokenizer: dict[str, Any], **config: Any) -> Path:
    from transformers import VitsConfig, VitsModel

    vocabulary = {letter: place for place, letter in enumerate(letters)} | {"<unk>": len(letters)}
    with _seeded(seed) as torch:
        model = VitsModel(
            VitsConfig(
                vocab_size=len(vocabulary),
                hidden_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                window_size=2,
                ffn_dim=32,
                flow_size=16,
                spectrogram_bins=33,
                upsample_initial_channel=16,
                upsample_rates=[8, 8, 2, 2],
                upsample_kernel_sizes=[16, 16, 4, 4],
                resblock_kernel_sizes=[3],
                resblock_dilation_sizes=[[1, 3]],
                duration_predictor_filter_channels=16,
                duration_predictor_num_flows=2,
                prior_encoder_num_flows=2,
                prior_encoder_num_wavenet_layers=2,
                posterior_encoder_num_wavenet_layers=1,
                sampling_rate=16_000,
                **config,
            )
        )
        with torch.no_grad():  # as loud as speech, where chance alone makes a whisper
            model.decoder.conv_post.weight.mul_(loud)
    _save(model, folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, indent=2), encoding="utf-8")
    settings = {"tokenizer_class": "VitsTokenizer", "pad_token": letters[0], "unk_token": "<unk>"}
    settings |= {"add_blank": True, "normalize": True, "phonemize": False, "is_uroman": False} | tokenizer
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, ensure_ascii=False, indent=2), encoding="utf-8")
    return folder


def make_vits(folder: Path, *, letters: str = LETTERS, **tokenizer: Any) -> Path:
    """One English speaker at 16 kHz, letters as tokens, as mms-tts-eng is. tokenizer: its other settings."""
    return _vits(folder, seed=14, loud=0.12, letters=letters, tokenizer={"language": "eng"} | tokenizer)


def make_vits_multi(folder: Path) -> Path:
    """Four speakers, capital letters, digits, signs and Chinese characters among the tokens."""
    letters = "_,.!?;:-' abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789你好世界，。"
    return _vits(
        folder,
        seed=2,
        loud=16,
        letters=letters,
        tokenizer={"normalize": False},
        num_speakers=4,
        speaker_embedding_size=8,
    )


def make_speecht5(folder: Path) -> Path:
    """An English SpeechT5 of 16 kHz with a sentencepiece tokenizer of characters; speaks for at most 450 of them."""
    import sentencepiece
    from transformers import SpeechT5Config, SpeechT5ForTextToSpeech, SpeechT5Tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,!?;:'-"
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(characters), characters] * 4),
        model_writer=written,
        model_type="char",
        vocab_size=len(characters) + 5,
        character_coverage=1.0,
        bos_id=0,
        pad_id=1,
        eos_id=2,
        unk_id=3,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
    )
    spelling = folder / "spm_char.model"
    spelling.write_bytes(written.getvalue())
    tokenizer = SpeechT5Tokenizer(str(spelling), model_max_length=450)
    with _seeded(3) as torch:
        model = SpeechT5ForTextToSpeech(
            SpeechT5Config(
                vocab_size=len(tokenizer),
                hidden_size=24,
                encoder_layers=2,
                encoder_attention_heads=2,
                encoder_ffn_dim=32,
                decoder_layers=1,
                decoder_ffn_dim=32,
                decoder_attention_heads=2,
                speech_decoder_prenet_units=16,
                speech_decoder_postnet_units=16,
                speech_decoder_postnet_layers=2,
                speaker_embedding_dim=512,
                encoder_max_relative_position=16,
                num_mel_bins=80,
                max_text_positions=450,
                max_speech_positions=400,
            )
        )
        with torch.no_grad():  # chance alone would stop at the first sound
            postnet = model.speech_decoder_postnet
            postnet.prob_out.weight.mul_(20)
            postnet.prob_out.bias.fill_(-2.6)
    _save(model, folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_speecht5_hifigan(folder: Path) -> Path:
    """The vocoder of `make_speecht5`: 80 mel bins to 16 kHz."""
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    with _seeded(4) as torch:
        model = SpeechT5HifiGan(
            SpeechT5HifiGanConfig(
                model_in_dim=80,
                upsample_initial_channel=16,
                upsample_rates=[4, 4, 4, 4],
                upsample_kernel_sizes=[8, 8, 8, 8],
                resblock_kernel_sizes=[3],
                resblock_dilation_sizes=[[1, 3]],
                initializer_range=0.2,
            )
        )
        with torch.no_grad():
            model.conv_post.weight.mul_(4)
    _save(model, folder)
    return folder


def make_xvector(folder: Path) -> Path:
    """A speaker encoder: 16 kHz sound to a vector of 512 numbers."""
    from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMForXVector

    with _seeded(5):
        model = WavLMForXVector(
            WavLMConfig(
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=16,
                conv_dim=[8, 8, 8],
                conv_stride=[10, 8, 4],
                conv_kernel=[10, 8, 4],
                num_conv_pos_embeddings=16,
                num_conv_pos_embedding_groups=2,
                tdnn_dim=[16, 16],
                tdnn_kernel=[5, 1],
                tdnn_dilation=[1, 1],
                xvector_output_dim=512,
            )
        )
    _save(model, folder)
    Wav2Vec2FeatureExtractor(sampling_rate=16_000, do_normalize=True).save_pretrained(folder)
    return folder


def make_bark(folder: Path) -> Path:
    """Bark with a codec of 16 kHz, a WordPiece tokenizer and the voices `BARK_PRESETS`.

    The proportions are those of the real one: text tokens lie above the semantic ones, two coarse codebooks, eight
    fine ones; a sentence lasts at most 0.8 seconds.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import BarkConfig, BarkModel, EncodecConfig, GenerationConfig, PreTrainedTokenizerFast
    from transformers.models.bark.configuration_bark import BarkCoarseConfig, BarkFineConfig, BarkSemanticConfig
    from transformers.models.bark.generation_configuration_bark import (
        BarkCoarseGenerationConfig,
        BarkFineGenerationConfig,
        BarkGenerationConfig,
        BarkSemanticGenerationConfig,
    )

    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters)]
    pieces += list(".,!?;:'-[]()♪你好世界，。")
    tokenizer = Tokenizer(models.WordPiece({piece: place for place, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # pyright: ignore[reportAttributeAccessIssue]
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(folder)

    semantic, books = 40, 16  # semantic tokens, entries of a codebook
    text_end = 64 + len(pieces)
    input_vocabulary = text_end + 2
    size: dict[str, Any] = {"num_layers": 1, "num_heads": 2, "hidden_size": 16}
    coarse_vocabulary = semantic + 2 * books + 8
    config = BarkConfig(
        semantic_config=BarkSemanticConfig(
            block_size=128, input_vocab_size=input_vocabulary, output_vocab_size=semantic + 8, **size
        ).to_dict(),
        coarse_acoustics_config=BarkCoarseConfig(
            block_size=256, input_vocab_size=coarse_vocabulary, output_vocab_size=coarse_vocabulary, **size
        ).to_dict(),
        fine_acoustics_config=BarkFineConfig(
            block_size=64, input_vocab_size=books + 1, output_vocab_size=books + 1, **size
        ).to_dict(),
        codec_config=EncodecConfig(
            sampling_rate=16_000,
            target_bandwidths=[1.6],
            hidden_size=8,
            num_filters=2,
            upsampling_ratios=[8, 5, 4, 2],
            codebook_size=books,
            codebook_dim=8,
            num_lstm_layers=1,
        ).to_dict(),
    )
    generation = BarkGenerationConfig(
        semantic_config=BarkSemanticGenerationConfig(
            eos_token_id=semantic,
            max_new_tokens=40,
            do_sample=True,
            temperature=0.7,
            text_encoding_offset=64,
            text_pad_token=text_end,
            semantic_pad_token=semantic,
            semantic_infer_token=text_end + 1,
            semantic_vocab_size=semantic,
            max_input_semantic_length=64,
            semantic_rate_hz=50,
        ).to_dict(),
        coarse_acoustics_config=BarkCoarseGenerationConfig(
            do_sample=True,
            temperature=0.7,
            coarse_semantic_pad_token=coarse_vocabulary - 2,
            coarse_infer_token=coarse_vocabulary - 1,
            coarse_rate_hz=50,
            n_coarse_codebooks=2,
            max_coarse_input_length=64,
            max_coarse_history=120,
            sliding_window_len=60,
        ).to_dict(),
        fine_acoustics_config=BarkFineGenerationConfig(
            temperature=0.5, max_fine_history_length=32, max_fine_input_length=64, n_fine_codebooks=8
        ).to_dict(),
        sample_rate=16_000,
        codebook_size=books,
    )
    with _seeded(6) as torch:
        model = BarkModel(config)
        codec: Any = model.codec_model
        with torch.no_grad():
            for stage in (model.semantic, model.coarse_acoustics, model.fine_acoustics):
                for weight in stage.parameters():
                    weight.mul_(12)  # so that what comes depends on what came
            for layer in codec.quantizer.layers:
                layer.codebook.embed.normal_()
    model.generation_config = GenerationConfig()  # the library cannot save Bark's own
    _save(model, folder)
    (folder / "generation_config.json").write_text(json.dumps(generation.to_dict()), encoding="utf-8")

    chance = np.random.default_rng(6)
    paths: dict[str, Any] = {"repo_or_path": "somewhere/else"}
    for name in BARK_PRESETS:
        prompts = {
            "semantic_prompt": chance.integers(0, semantic, 30),
            "coarse_prompt": chance.integers(0, books, (2, 30)),
            "fine_prompt": chance.integers(0, books, (8, 30)),
        }
        paths[name] = {}
        for part, values in prompts.items():
            relative = f"speaker_embeddings/{name}_{part}.npy"
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            np.save(folder / relative, values, allow_pickle=False)
            paths[name][part] = relative
    (folder / "speaker_embeddings_path.json").write_text(json.dumps(paths), encoding="utf-8")
    return folder


MAKERS = {
    "vits": make_vits,
    "vits-multi": make_vits_multi,
    "speecht5": make_speecht5,
    "speecht5-hifigan": make_speecht5_hifigan,
    "xvector": make_xvector,
    "bark": make_bark,
}
"""Name of a model to what makes it."""
