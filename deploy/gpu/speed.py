"""What PyTorch makes of the same device: python speed.py [CHECKPOINT] prints one JSON object.

Needs torch; with transformers and a checkpoint also the tokens a second that the model's own code computes.
"""

import json
import sys
import time

import torch

SIDE, RUNS = 8192, 20  # of the square matrices
BATCH, TOKENS = 64, 256


def timed(run, runs):
    """Gives the seconds of one run, after one that does not count."""
    run()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(runs):
        run()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / runs


def product(kind):
    """Gives the floating-point operations a second of a matrix product."""
    a, b = (torch.randn(SIDE, SIDE, device="cuda", dtype=kind) for _ in range(2))
    return 2 * SIDE**3 / timed(lambda: a @ b, RUNS)


def model(checkpoint):
    """Gives the model's parameters beside its embeddings, and the tokens a second in float32."""
    from transformers import AutoModelForSequenceClassification

    reward = AutoModelForSequenceClassification.from_pretrained(checkpoint, torch_dtype=torch.float32).cuda().eval()
    ids = torch.randint(reward.config.vocab_size, (BATCH, TOKENS), device="cuda")
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        seconds = timed(lambda: reward(input_ids=ids, attention_mask=mask), RUNS)
    parameters = sum(p.numel() for name, p in reward.named_parameters() if "embed" not in name)
    return {"parameters": parameters, "tokens_per_second": BATCH * TOKENS / seconds}


def main():
    torch.backends.cuda.matmul.allow_tf32 = False  # as the server has it
    found = {"torch": torch.__version__, "product_flops": {}}
    for kind in (torch.float32, torch.float16, torch.bfloat16):
        found["product_flops"][str(kind).removeprefix("torch.")] = product(kind)
    if len(sys.argv) > 1:
        try:
            found["model"] = model(sys.argv[1])
        except ImportError as problem:
            found["model_missing"] = str(problem)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
