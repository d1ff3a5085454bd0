"""The checks of a language model's folder, asked before the libraries are, so that the answer is a sentence and not a
stack of their exceptions. They are the library's own (`core.library`), under the names that text engines use.
"""

from __future__ import annotations

from aigc_studio.core.library.language import check_folder as check_model_folder
from aigc_studio.core.library.language import folder_identity as identity
from aigc_studio.core.library.weights import check_safetensors

__all__ = ["check_model_folder", "check_safetensors", "identity"]
