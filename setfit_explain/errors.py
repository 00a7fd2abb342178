"""Every error and warning that setfit_explain raises.

::

    SetFitExplainError
    ├── InputError                 what the caller passed (ValueError)
    │   ├── TextError              a text that cannot be explained
    │   ├── TargetError            a class that the classifier does not have
    │   ├── OptionError            a setting with an unknown or contradictory value
    │   └── SchemaError            a saved explanation that cannot be read
    ├── ModelError                 the model, as it was given
    │   ├── ModelNotFoundError     no model at that place (FileNotFoundError)
    │   ├── UnsafePickleError      the head's pickle needs the caller's trust (PermissionError)
    │   ├── UnsupportedModelError  not a kind of model that is known (TypeError)
    │   ├── UnsupportedHeadError   no exact torch equivalent of the head is known (TypeError)
    │   │   └── HeadNotDifferentiableError  the head answers in steps, such as a tree
    │   ├── UnsupportedBodyError   no gradient reaches the word embeddings (TypeError)
    │   ├── HeadNotFittedError     the head was never trained (ValueError)
    │   └── VerificationError      the rebuilt probabilities are not the model's own (ArithmeticError)
    └── MissingExtraError          an optional package is not installed (ImportError)

    SetFitExplainWarning (UserWarning)
    ├── ConvergenceWarning         an attribution's error is above the tolerance
    └── BusyClusterWarning         others hold what a cluster has room for
"""


class SetFitExplainError(Exception):
    """Root of all errors raised on purpose by setfit_explain."""


class InputError(SetFitExplainError, ValueError):
    """The caller passed something that cannot be used."""


class TextError(InputError):
    """A text that cannot be explained."""


class TargetError(InputError):
    """A target that is not a class of this classifier."""


class OptionError(InputError):
    """A setting with an unknown or contradictory value."""


class SchemaError(InputError):
    """A saved explanation that cannot be read."""


class ModelError(SetFitExplainError):
    """The model cannot be explained as it was given."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """There is no model at the place named."""


class UnsafePickleError(ModelError, PermissionError):
    """The head's pickle names code that is not known to be harmless."""


class UnsupportedModelError(ModelError, TypeError):
    """Not a kind of model that is known."""


class UnsupportedHeadError(ModelError, TypeError):
    """No exact torch equivalent of this head is known."""


class HeadNotDifferentiableError(UnsupportedHeadError):
    """The head's answer has no useful gradient; methods that perturb the text need none."""


class UnsupportedBodyError(ModelError, TypeError):
    """No gradient can be had with respect to this body's word embeddings."""


class HeadNotFittedError(ModelError, ValueError):
    """The head was never trained."""


class VerificationError(ModelError, ArithmeticError):
    """The rebuilt probabilities are not those of the model's own ``predict_proba``."""


class MissingExtraError(SetFitExplainError, ImportError):
    """An optional package is not installed."""

    @classmethod
    def of(cls, package: str, extra: str) -> "MissingExtraError":
        """Build the error that names the exact pip line for ``extra``."""
        return cls(f"{package} is not installed. It comes with: pip install 'setfit-explain[{extra}]'")


class SetFitExplainWarning(UserWarning):
    """Root of all warnings of setfit_explain."""


class ConvergenceWarning(SetFitExplainWarning):
    """An attribution's numerical error is above the tolerance asked for."""


class BusyClusterWarning(SetFitExplainWarning):
    """Others hold the cores or GPUs that a run on a cluster was asked to take."""
