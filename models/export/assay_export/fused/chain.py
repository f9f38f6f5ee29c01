"""Running the stages of a written graph one after the other, as one session."""

import ml_dtypes
import numpy as np
import onnxruntime
from onnx import TensorProto

from .stages import handed


class Chain:
    """The sessions of a graph's stages, with as much of ONNX Runtime's session as is used here. One stage is a chain,
    too."""

    def __init__(self, sessions: list[onnxruntime.InferenceSession]):
        self.sessions = sessions

    def get_inputs(self) -> list:
        """Return the inputs of all stages but for what they hand on, those that several have once."""
        every = {value.name: value for session in self.sessions for value in session.get_inputs()}
        for number in range(len(self.sessions)):
            for name in handed(number):
                every.pop(name, None)
        return list(every.values())

    def run(self, outputs: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Run all stages on the feeds that each asks for, of which some may be bfloat16. An output in float32 that
        several stages have is theirs side by side."""
        given = {name: ort_value(value) for name, value in feeds.items()}
        found: dict[str, list[np.ndarray]] = {name: [] for name in outputs}
        for number, session in enumerate(self.sessions):
            has = [value.name for value in session.get_outputs()]
            asked, on = [name for name in outputs if name in has], [name for name in handed(number + 1) if name in has]
            binding = session.io_binding()
            for value in session.get_inputs():
                binding.bind_ortvalue_input(value.name, given[value.name])
            for name in [*on, *asked]:
                binding.bind_output(name)
            session.run_with_iobinding(binding)
            values = binding.get_outputs()
            given |= zip(on, values, strict=False)
            for name, value in zip(asked, values[len(on):], strict=True):
                found[name].append(value.numpy())
        return [np.concatenate(found[name]) for name in outputs]


def chained(sessions: list[onnxruntime.InferenceSession]) -> Chain | onnxruntime.InferenceSession:
    """Return the sessions of a graph's stages as one, which the only one is already."""
    return sessions[0] if len(sessions) == 1 else Chain(sessions)


def ort_value(given: np.ndarray) -> onnxruntime.OrtValue:
    """Return an array as ONNX Runtime has it; bfloat16 is a type of its own there, and not of NumPy's."""
    if given.dtype == ml_dtypes.bfloat16:
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(given.view(np.uint16), TensorProto.BFLOAT16)
    return onnxruntime.OrtValue.ortvalue_from_numpy(given)

