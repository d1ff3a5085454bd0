"""Names that configs use: which classes of diffusers and transformers are which family. Data; a test compares it with
the installed libraries.

To add a class: its name here, and the facts its family needs in `diffusion.py`, `language.py` or `speech.py`.
"""

from __future__ import annotations

__all__ = ["CAUSAL_TYPES", "FAMILY_KINDS", "OTHER_PIPELINES", "PARTS", "PIPELINES", "SEQ2SEQ_CLASSES", "VISION_WRITERS"]

FAMILY_KINDS = {
    "stable-diffusion": "image",
    "sdxl": "image",
    "sd3": "image",
    "flux": "image",
    "z-image": "image",
    "qwen-image": "image",
    "diffusion": "image",
    "gan": "image",
    "vae": "image",
    "vqvae": "image",
    "translator": "image",
    "causal-lm": "text",
    "seq2seq": "text",
    "vits": "speech",
    "speecht5": "speech",
    "bark": "speech",
}
"""Families that models on the disk can belong to, and the kind of what they make."""

PARTS = (
    "lora:sd1",
    "lora:sd2",
    "lora:sdxl",
    "lora:sd3",
    "lora:flux",
    "lora:z-image",
    "lora:qwen-image",
    "embedding:sd1",
    "embedding:sd2",
    "embedding:sdxl",
    "vae:sd1",
    "vae:sdxl",
    "vae:sd3",
    "vae:flux",
    "vocoder:speecht5",
    "speaker-encoder:xvector",
    "captioner",
    "encoder:pictures",
    "clip:pictures",
)
"""Types of models that other models work with."""

PIPELINES = {
    "StableDiffusionPipeline": "stable-diffusion",
    "StableDiffusionImg2ImgPipeline": "stable-diffusion",
    "StableDiffusionInpaintPipeline": "stable-diffusion",
    "StableDiffusionInpaintPipelineLegacy": "stable-diffusion",
    "StableDiffusionXLPipeline": "sdxl",
    "StableDiffusionXLImg2ImgPipeline": "sdxl",
    "StableDiffusionXLInpaintPipeline": "sdxl",
    "StableDiffusion3Pipeline": "sd3",
    "StableDiffusion3Img2ImgPipeline": "sd3",
    "StableDiffusion3InpaintPipeline": "sd3",
    "FluxPipeline": "flux",
    "FluxImg2ImgPipeline": "flux",
    "FluxInpaintPipeline": "flux",
    "ZImagePipeline": "z-image",
    "ZImageImg2ImgPipeline": "z-image",
    "ZImageInpaintPipeline": "z-image",
    "QwenImagePipeline": "qwen-image",
    "QwenImageImg2ImgPipeline": "qwen-image",
    "QwenImageInpaintPipeline": "qwen-image",
}
"""Class in model_index.json -> family; all classes of one family are the same files."""

_OTHER_PIPELINES = """
AuraFlowPipeline ChromaPipeline CogView3PlusPipeline CogView4Pipeline Flux2KleinPipeline Flux2Pipeline
FluxKontextPipeline GlmImagePipeline HunyuanDiTPAGPipeline HunyuanDiTPipeline IFImg2ImgPipeline IFInpaintingPipeline
IFPipeline Ideogram4Pipeline Kandinsky3Img2ImgPipeline Kandinsky3Pipeline KandinskyCombinedPipeline
KandinskyImg2ImgCombinedPipeline KandinskyInpaintCombinedPipeline KandinskyV22CombinedPipeline
KandinskyV22Img2ImgCombinedPipeline KandinskyV22InpaintCombinedPipeline KolorsImg2ImgPipeline KolorsPAGPipeline
KolorsPipeline Krea2Pipeline LatentConsistencyModelImg2ImgPipeline LatentConsistencyModelPipeline Lumina2Pipeline
LuminaPipeline NucleusMoEImagePipeline OvisImagePipeline PRXPipeline PixArtAlphaPipeline PixArtSigmaPAGPipeline
PixArtSigmaPipeline QwenImage21Pipeline QwenImageEditInpaintPipeline QwenImageEditPipeline QwenImageEditPlusPipeline
QwenImageLayeredPipeline SanaPAGPipeline SanaPipeline StableCascadeCombinedPipeline StableDiffusion3PAGImg2ImgPipeline
StableDiffusion3PAGPipeline StableDiffusionPAGImg2ImgPipeline StableDiffusionPAGInpaintPipeline
StableDiffusionPAGPipeline StableDiffusionXLPAGImg2ImgPipeline StableDiffusionXLPAGInpaintPipeline
StableDiffusionXLPAGPipeline WuerstchenCombinedPipeline ZImageOmniPipeline
"""
OTHER_PIPELINES = frozenset(_OTHER_PIPELINES.split())
"""Classes that diffusers' AutoPipeline resolves and no family of ours names: family "diffusion". Those that need a
control picture as well are left out."""

_SEQ2SEQ_CLASSES = """
BartForConditionalGeneration BigBirdPegasusForConditionalGeneration LEDForConditionalGeneration
LongT5ForConditionalGeneration M2M100ForConditionalGeneration MarianMTModel MBartForConditionalGeneration
MT5ForConditionalGeneration PegasusForConditionalGeneration PegasusXForConditionalGeneration
T5ForConditionalGeneration UMT5ForConditionalGeneration
"""
SEQ2SEQ_CLASSES = frozenset(_SEQ2SEQ_CLASSES.split())
"""Classes of transformers that read one text and write another."""

_VISION_WRITERS = """
gemma3 gemma3n gemma4 gemma4_unified qwen3_5 qwen3_5_moe qwen4_exp
"""
VISION_WRITERS = frozenset(_VISION_WRITERS.split())
"""Model types whose folders name a class that also sees pictures, and that the library loads for text alone too."""

_CAUSAL_TYPES = """
afmoe apertus arcee aria_text axk1 axk2 bailing_hybrid bamba bart beam bert bert-generation big_bird bigbird_pegasus
biogpt bitnet blenderbot blenderbot-small bloom blt camembert codegen cohere cohere2 cohere2_moe cohere_compass_text
cpmant ctrl cwm data2vec-text dbrx deepseek_v2 deepseek_v3 deepseek_v32 deepseek_v4 diffllama doge dots1 dots3_note
dots3_note_text electra emu3 ernie ernie4_5 ernie4_5_moe exaone4 exaone_moe falcon falcon_h1 falcon_mamba flex_olmo
flint fuyu gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text gemma4 gemma4_assistant gemma4_text gemma4_unified
gemma4_unified_assistant gemma4_unified_text git glm glm4 glm4_moe glm4_moe_lite glm_moe_dsa got_ocr2 gpt-sw3 gpt2
gpt_bigcode gpt_neo gpt_neox gpt_neox_japanese gpt_oss gptj granite granite_swa granitemoe granitemoe_swa
granitemoehybrid granitemoeshared helium hrm_text hunyuan_v1_dense hunyuan_v1_moe hy_v3 hy_v4 hyperclovax
inkling2_text inkling_text internlm3 iquestcoder jais2 jamba jetmoe kimi_linear kolibri1 laguna lfm2 lfm2_moe lfm3
llama llama4 llama4_text longcat_flash mamba mamba2 marian mbart megatron-bert mellum mimo_v2_flash minicpm3 minimax
minimax_m2 minimax_m3_vl_text ministral ministral3 mistral mixtral mllama modernbert-decoder moshi
moss_transcribe_diarize mpt musicgen musicgen_melody mvp nanochat nemotron nemotron_h olmo olmo2 olmo3 olmo_hybrid
olmoe openai-gpt opt pegasus persimmon phi phi3 phi4_multimodal phimoe plbart prophetnet qwen2 qwen2_moe qwen3 qwen3_5
qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen3_moe qwen3_next qwen4_exp qwen4_exp_text recurrent_gemma reformer
rembert roberta roberta-prelayernorm roc_bert roformer rwkv seed_oss smollm3 solar_open stablelm starcoder2 trocr
vaultgemma whisper xglm xlm xlm-roberta xlm-roberta-xl xlnet xlstm xmod youtu zamba zamba2 zaya
"""
CAUSAL_TYPES = frozenset(_CAUSAL_TYPES.split())
"""Model types that transformers' AutoModelForCausalLM loads without code of the model's own."""
