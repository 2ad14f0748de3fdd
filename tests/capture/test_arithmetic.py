"""What the process has set makes no difference to a call, and is as before afterwards."""

import torch

from pyxai.capture.arithmetic import exact_arithmetic, unaffected


def test_exact_arithmetic_on_cuda_is_switched_back():
    def settings():
        cudnn = torch.backends.cudnn
        return torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark

    before = settings()
    with exact_arithmetic(torch.device("cuda")):
        assert settings() == (False, False, True, False)
    assert settings() == before
    with exact_arithmetic(torch.device("cpu")):
        assert settings() == before
    first, second = (exact_arithmetic(torch.device("cuda")) for _ in range(2))  # of two threads
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert settings() == (False, False, True, False)
    second.__exit__(None, None, None)
    assert settings() == before


def test_what_the_caller_has_set_makes_no_difference():
    values = torch.rand(3, 3)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        with unaffected(torch.device("cpu")):
            assert not torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
            assert (values @ values).dtype == torch.float32
        assert torch.is_inference_mode_enabled() and (values @ values).dtype == torch.bfloat16
