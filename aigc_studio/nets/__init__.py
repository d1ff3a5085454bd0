"""Our own networks (nn.Module). The only package that may import torch at module level; imports nothing of ours."""
