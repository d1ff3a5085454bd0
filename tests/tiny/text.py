"""Tiny text models with random weights: each `make_<class>(folder)` saves one as a real folder of its class has it.

Tokenizers are trained here on a few sentences, so that nothing is fetched and nobody's vocabulary is copied. All are
seeded: the same call makes the same bytes of weights.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = [
    "M2M100_CODES",
    "NLLB_CODES",
    "make_bart",
    "make_gemma",
    "make_gpt2",
    "make_llama",
    "make_llama_sentencepiece",
    "make_m2m100",
    "make_marian",
    "make_mbart",
    "make_mistral",
    "make_mt5",
    "make_nllb",
    "make_pegasus",
    "make_phi3",
    "make_qwen2",
    "make_qwen3",
    "make_t5",
    "sharded_llama",
]

ENGLISH = (
    "A hungry fox saw some fine ripe grapes hanging high upon a vine.",
    "There was once a king who had a daughter, and she was as beautiful as the day.",
    "“Good day,” said she, and went away. They were sour, he said.",
    "The studio writes the copy, makes the pictures and records the voice; nothing is ever lost.",
    "translate English to German: summarize: How much does it cost? It costs 42 dollars!",
)
CHINESE = (
    "床前明月光，疑是地上霜。举头望明月，低头思故乡。",
    "朝辞白帝彩云间，千里江陵一日还。两岸猿声啼不住，轻舟已过万重山。",
    "新品上市，限时优惠，今天下单立减五十元！",
    "设计师在工作室里写文案、做图片、录声音，什么都不会丢。",
)
GERMAN = (
    "Es war einmal ein König, der hatte eine Tochter, die war schön wie der Tag.",
    "Der Fuchs sah die Trauben. Sie waren ihm zu sauer, sagte er.",
)

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
CHATML_THINKING = (
    CHATML[: -len("{% endif %}")]
    + "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}"
    + "{% endif %}"
)

M2M100_CODES = ("en", "zh", "de", "fr")
NLLB_CODES = ("eng_Latn", "zho_Hans", "zho_Hant", "deu_Latn", "fra_Latn")
MBART_CODES = ("en_XX", "zh_CN", "de_DE", "fr_XX")


# ---- tokenizers


def _byte_level(special: Sequence[str], size: int = 420) -> Any:
    """A byte-level BPE of the `tokenizers` library: no text is unknown to it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((*ENGLISH, *CHINESE, *GERMAN), trainer)
    return tokenizer


def _merges(tokenizer: Any) -> tuple[dict[str, int], Any]:
    """(vocabulary, merges) of a trained BPE."""
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def _sentencepiece(texts: Sequence[str], size: int = 300, **options: Any) -> bytes:
    """A SentencePiece model, Unigram unless said otherwise."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(  # pyright: ignore[reportAttributeAccessIssue]
        sentence_iterator=iter(list(texts) * 4),
        model_writer=model,
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
        **options,
    )
    return model.getvalue()


def _pieces(model: bytes) -> list[str]:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(model)  # pyright: ignore[reportAttributeAccessIssue]
    return [processor.IdToPiece(id) for id in range(processor.GetPieceSize())]  # pyright: ignore[reportAttributeAccessIssue]


# ---- saving


def _library() -> Any:
    """transformers, whose constructors no type checker knows."""
    import transformers

    return transformers


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Random weights that are the same each time, and leave the process's generator as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _save(model: Any, folder: Path, **options: Any) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.eval().save_pretrained(folder, **options)


def _write(folder: Path, name: str, value: Any) -> None:
    (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=2), encoding="utf-8")


def _causal(folder: Path, config: Any, seed: int, *, shard: str = "") -> Path:
    """A causal model of `config` with weights large enough for texts that vary."""
    hf = _library()

    config.initializer_range = 0.3
    with _seeded(seed):
        model = hf.AutoModelForCausalLM.from_config(config)
    _save(model, folder, **({"max_shard_size": shard} if shard else {}))
    return folder


_SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
}


# ---- causal language models


def make_gpt2(folder: Path) -> Path:
    """GPT-2: learned positions, 64 of them, begins with its end token."""
    hf = _library()

    vocabulary, merges = _merges(_byte_level(["<|endoftext|>"]))
    hf.GPT2Tokenizer(vocab=vocabulary, merges=merges, model_max_length=64).save_pretrained(folder)
    end = vocabulary["<|endoftext|>"]
    config = hf.GPT2Config(
        vocab_size=len(vocabulary),
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=2,
        bos_token_id=end,
        eos_token_id=end,
    )
    return _causal(folder, config, 1)


def _fast(folder: Path, template: str = "", **special: str) -> int:
    """A tokenizer.json of byte-level BPE with these special tokens; its size."""
    hf = _library()

    tokens = list(dict.fromkeys(special.values()))
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_object=_byte_level(tokens), **special)
    if template:
        tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def make_llama(folder: Path, *, shard: str = "", seed: int = 2) -> Path:
    """Llama 3: byte-level tokenizer.json, a chat template of headers, grouped key-value heads."""
    hf = _library()

    template = (
        "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>"
        "\\n\\n' + message['content'] + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
    )
    size = _fast(folder, template, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>")
    sizes = _SIZES | {"num_attention_heads": 4}
    config = hf.LlamaConfig(vocab_size=size, bos_token_id=0, eos_token_id=1, pad_token_id=None, **sizes)
    return _causal(folder, config, seed, shard=shard)


def sharded_llama(folder: Path) -> Path:
    """`make_llama` in several weight files with an index."""
    make_llama(folder, shard="40KB")
    assert (folder / "model.safetensors.index.json").is_file()
    return folder


def make_llama_sentencepiece(folder: Path) -> Path:
    """Llama 2: tokenizer.model only, no chat template."""
    hf = _library()

    folder.mkdir(parents=True, exist_ok=True)
    model = _sentencepiece((*ENGLISH, *CHINESE, *GERMAN), 560, model_type="bpe", byte_fallback=True)
    (folder / "tokenizer.model").write_bytes(model)
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    _write(folder, "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, **names})
    config = hf.LlamaConfig(vocab_size=len(_pieces(model)), bos_token_id=1, eos_token_id=2, **_SIZES)
    return _causal(folder, config, 3)


def _qwen_tokenizer(folder: Path, template: str, special: Sequence[str]) -> int:
    hf = _library()

    vocabulary, merges = _merges(_byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>", *special]))
    tokenizer = hf.Qwen2Tokenizer(
        vocab=vocabulary,
        merges=merges,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def make_qwen2(folder: Path) -> Path:
    """Qwen 2 and 2.5: ChatML."""
    hf = _library()

    size = _qwen_tokenizer(folder, CHATML, ())
    return _causal(folder, hf.Qwen2Config(vocab_size=size, bos_token_id=None, eos_token_id=2, **_SIZES), 4)


def make_qwen3(folder: Path) -> Path:
    """Qwen 3: ChatML that can switch thinking off; its thinking tags are ordinary tokens."""
    hf = _library()

    size = _qwen_tokenizer(folder, CHATML_THINKING, ())
    config = hf.Qwen3Config(vocab_size=size, head_dim=16, bos_token_id=None, eos_token_id=2, **_SIZES)
    return _causal(folder, config, 5)


def make_mistral(folder: Path) -> Path:
    """Mistral: a window of attention shorter than its context."""
    hf = _library()

    template = (
        "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
        "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ message['content'] + eos_token }}{% endif %}"
        "{% endfor %}"
    )
    size = _fast(folder, template, bos_token="<s>", eos_token="</s>")
    config = hf.MistralConfig(vocab_size=size, sliding_window=48, bos_token_id=0, eos_token_id=1, **_SIZES)
    return _causal(folder, config, 6)


def make_phi3(folder: Path) -> Path:
    """Phi 3."""
    hf = _library()

    template = (
        "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
    )
    size = _fast(folder, template, bos_token="<s>", eos_token="<|end|>", pad_token="<|endoftext|>")
    config = hf.Phi3Config(
        vocab_size=size,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        original_max_position_embeddings=128,
        **_SIZES,
    )
    return _causal(folder, config, 7)


def make_gemma(folder: Path) -> Path:
    """Gemma 2: its template refuses a system message, and its attention alternates between a window and all."""
    hf = _library()

    template = (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
        "{% endif %}{% for message in messages %}{{ '<start_of_turn>' + message['role'] + '\\n' + message['content']"
        " + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
    )
    size = _fast(folder, template, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>")
    config = hf.Gemma2Config(
        vocab_size=size,
        head_dim=16,
        query_pre_attn_scalar=16,
        sliding_window=48,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        **_SIZES,
    )
    return _causal(folder, config, 8)


# ---- encoder and decoder


def _seq2seq(folder: Path, config: Any, seed: int, **generation: Any) -> Path:
    """An encoder-decoder of `config`; `generation` goes into its generation_config.json."""
    hf = _library()

    with _seeded(seed):
        model = hf.AutoModelForSeq2SeqLM.from_config(config)
    for name, value in generation.items():
        setattr(model.generation_config, name, value)
    _save(model, folder)
    return folder


_T5_SIZES: dict[str, Any] = {
    "d_model": 32,
    "d_kv": 16,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 2,
    "decoder_start_token_id": 0,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "initializer_factor": 2.5,
}
_BART_SIZES: dict[str, Any] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "init_std": 0.3,
}


def make_t5(folder: Path) -> Path:
    """T5: tokenizer.json and spiece.model; its prefixes stand in config.json as those of the first T5 do."""
    hf = _library()

    folder.mkdir(parents=True, exist_ok=True)
    model = _sentencepiece((*ENGLISH, *GERMAN), pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    (folder / "spiece.model").write_bytes(model)
    tokenizer = hf.T5Tokenizer.from_pretrained(folder, model_max_length=64, extra_ids=4, local_files_only=True)
    tokenizer.save_pretrained(folder)
    config = hf.T5Config(vocab_size=len(tokenizer), n_positions=64, **_T5_SIZES)
    config.task_specific_params = {
        "summarization": {"prefix": "summarize: ", "num_beams": 4, "max_length": 200, "min_length": 30},
        "translation_en_to_de": {"prefix": "translate English to German: ", "num_beams": 4, "max_length": 300},
    }
    return _seq2seq(folder, config, 11)


def make_mt5(folder: Path) -> Path:
    """mT5: spiece.model only, gated feed-forward, output weights of its own."""
    hf = _library()

    folder.mkdir(parents=True, exist_ok=True)
    model = _sentencepiece((*ENGLISH, *CHINESE), 360, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    (folder / "spiece.model").write_bytes(model)
    names = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "extra_ids": 0}
    _write(folder, "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer", **names})
    config = hf.MT5Config(
        vocab_size=len(_pieces(model)), feed_forward_proj="gated-gelu", tie_word_embeddings=False, **_T5_SIZES
    )
    return _seq2seq(folder, config, 12)


def make_marian(folder: Path, source: str = "en", target: str = "zh", codes: Sequence[str] = ()) -> Path:
    """Marian, one direction: source.spm, target.spm and vocab.json of both. codes: of several targets (">>cmn_Hans<<").

    The languages are in tokenizer_config.json, as in the folders of Helsinki's models.
    """
    hf = _library()

    folder.mkdir(parents=True, exist_ok=True)
    texts = {"en": ENGLISH, "zh": CHINESE, "de": GERMAN}
    vocabulary = ["</s>", "<unk>"]
    for name, language in (("source", source), ("target", target)):
        model = _sentencepiece(texts[language], 200, eos_id=0, unk_id=1, bos_id=-1)
        (folder / f"{name}.spm").write_bytes(model)
        vocabulary += _pieces(model)[2:]
    vocabulary = [*dict.fromkeys(vocabulary), *codes, "<pad>"]
    _write(folder, "vocab.json", {piece: id for id, piece in enumerate(vocabulary)})
    settings = {"source_lang": source, "target_lang": target, "model_max_length": 64}
    _write(folder, "tokenizer_config.json", {"tokenizer_class": "MarianTokenizer", **settings})
    pad = len(vocabulary) - 1
    config = hf.MarianConfig(
        vocab_size=len(vocabulary),
        max_position_embeddings=64,
        decoder_start_token_id=pad,
        pad_token_id=pad,
        eos_token_id=0,
        forced_eos_token_id=0,
        scale_embedding=True,
        **_BART_SIZES,
    )
    return _seq2seq(folder, config, 13, bad_words_ids=[[pad]], num_beams=4, max_length=64)


def make_m2m100(folder: Path) -> Path:
    """M2M100: vocab.json, sentencepiece.bpe.model, the hundred language codes of its tokenizer class."""
    hf = _library()

    folder.mkdir(parents=True, exist_ok=True)
    model = _sentencepiece((*ENGLISH, *CHINESE, *GERMAN), model_type="bpe")
    (folder / "sentencepiece.bpe.model").write_bytes(model)
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary += [piece for piece in _pieces(model) if piece not in vocabulary]
    _write(folder, "vocab.json", {piece: id for id, piece in enumerate(vocabulary)})
    tokenizer = hf.M2M100Tokenizer(
        str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"), model_max_length=64
    )
    tokenizer.save_pretrained(folder)
    told = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    marks = [f"__{code}__" for code in tokenizer.lang_code_to_id]  # as the first folders of this class list them
    _write(folder, "tokenizer_config.json", told | {"additional_special_tokens": marks})
    return _m2m100(folder, max(tokenizer.lang_token_to_id.values()) + 9, 14)


def _m2m100(folder: Path, size: int, seed: int) -> Path:
    hf = _library()

    config = hf.M2M100Config(
        vocab_size=size,
        max_position_embeddings=64,
        decoder_start_token_id=2,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        **_BART_SIZES,
    )
    return _seq2seq(folder, config, seed, max_length=64)


def make_nllb(folder: Path) -> Path:
    """NLLB: the class of M2M100 with codes like "zho_Hans" in tokenizer.json (five of the two hundred)."""
    hf = _library()

    vocabulary, merges = _metaspace()
    tokenizer = hf.NllbTokenizer(
        vocab=vocabulary, merges=merges, extra_special_tokens=list(NLLB_CODES), model_max_length=64
    )
    tokenizer.save_pretrained(folder)
    return _m2m100(folder, len(tokenizer), 15)


def _metaspace() -> tuple[dict[str, int], Any]:
    """A BPE over characters with the sign for spaces, as SentencePiece's becomes in tokenizer.json."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False)
    tokenizer.train_from_iterator((*ENGLISH, *CHINESE, *GERMAN), trainer)
    return _merges(tokenizer)


def make_bart(folder: Path) -> Path:
    """BART as fine-tuned for summaries: begins with its beginning token after its end token."""
    hf = _library()

    vocabulary, merges = _merges(_byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]))
    hf.BartTokenizer(vocab=vocabulary, merges=merges, model_max_length=64).save_pretrained(folder)
    config = hf.BartConfig(
        vocab_size=len(vocabulary),
        max_position_embeddings=64,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        forced_bos_token_id=0,
        **_BART_SIZES,
    )
    config.task_specific_params = {"summarization": {"max_length": 142, "min_length": 56, "num_beams": 4}}
    return _seq2seq(folder, config, 16, forced_bos_token_id=0, no_repeat_ngram_size=3, num_beams=4, max_length=64)


def make_pegasus(folder: Path) -> Path:
    """Pegasus: spiece.model only, made for summaries."""
    hf = _library()

    folder.mkdir(parents=True, exist_ok=True)
    model = _sentencepiece(ENGLISH, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    (folder / "spiece.model").write_bytes(model)
    tokenizer = hf.PegasusTokenizer.from_pretrained(folder, model_max_length=64, local_files_only=True)
    tokenizer.save_pretrained(folder)
    config = hf.PegasusConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=64,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
        **_BART_SIZES,
    )
    return _seq2seq(folder, config, 17, num_beams=8, length_penalty=0.8, max_length=64)


def make_mbart(folder: Path) -> Path:
    """mBART 50 as fine-tuned from many languages to many: codes like "zh_CN" in tokenizer.json."""
    hf = _library()

    folder.mkdir(parents=True, exist_ok=True)
    model = _sentencepiece((*ENGLISH, *CHINESE, *GERMAN))
    (folder / "sentencepiece.bpe.model").write_bytes(model)
    _write(folder, "tokenizer_config.json", {"tokenizer_class": "MBart50Tokenizer", "model_max_length": 64})
    tokenizer = hf.MBart50Tokenizer.from_pretrained(folder, local_files_only=True)
    tokenizer.save_pretrained(folder)
    config = hf.MBartConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=64,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        **_BART_SIZES,
    )
    return _seq2seq(folder, config, 18, num_beams=5, max_length=64)
