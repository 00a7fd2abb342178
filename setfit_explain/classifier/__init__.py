"""Body and head as one differentiable function, verified against the model's own ``predict_proba``."""
