"""Everything about a model and its surroundings that an explanation must leave as found."""

import warnings

import torch


def snapshot(model):
    body = model.model_body
    tokenizer = getattr(body.tokenizer, "tokenizer", body.tokenizer)  # out of the shell of WordEmbeddings
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    return {
        "modes": [module.training for module in body.modules()],
        "grads": [(parameter.requires_grad, parameter.grad) for parameter in body.parameters()],
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in body.modules()],
        "weights": [parameter.detach().sum().item() for parameter in body.parameters()],
        "dtypes": [parameter.dtype for parameter in body.parameters()],
        "tokenizer": backend.to_str(),
        "filters": list(warnings.filters),
        "threads": torch.get_num_threads(),
        "grad mode": torch.is_grad_enabled(),
        "random numbers": torch.random.get_rng_state().tolist(),
        "head": model.model_head.coef_.tolist(),
    }
