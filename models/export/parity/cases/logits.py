"""Cross-encoders of sentence-transformers that read next-token logits: a causal language model and LogitScore behind it."""

import json

import torch

from ..case import Case
from ..decoders import KINDS, write
from ..items import PASSAGES
from ..reference import of_class, pair, tokenizer_of

TORCH = "torch.nn.modules"
TYPES = ("sentence_transformers.base.modules.transformer.Transformer", "sentence_transformers.cross_encoder.modules.logit_score.LogitScore")
FORWARD = {"method": "forward", "method_output_name": "logits"}
MESSAGE = {"transformer_task": "text-generation", "modality_config": {"text": FORWARD, "message": FORWARD | {"format": "flat"}},
           "module_output_name": "causal_logits", "processing_kwargs": {"chat_template": {"add_generation_prompt": True, "thinking": False}}}
PLAIN = {"transformer_task": "text-generation", "modality_config": {"text": FORWARD}, "module_output_name": "causal_logits"}
TASK = "Does the document answer the query?"
TEMPLATE = """
  {% if messages[0]['role'] == 'system' %}
<|im_start|>system
{{ messages[0]['content'] }}<|im_end|>
{% endif %}
<|im_start|>user
Query: {{ (messages | selectattr('role', 'eq', 'query') | first)['content'] }}
Document: {{ (messages | selectattr('role', 'eq', 'document') | first)['content'] }}<|im_end|>
{% if add_generation_prompt %}
<|im_start|>assistant
{% if not thinking %}
<think>

</think>

{% endif %}{% endif %}"""
"""A template that sees a query and a document; its first line, and the spaces before its first statement, are part of it."""


def writer(kind, class_name: str, seed: int, score: dict[str, str], transformer: dict, settings: dict, template: str | None = None):
    """Return the writer of a causal language model with LogitScore; score names its tokens by the fields of the module's config.json."""
    whole = write(kind, class_name, {}, seed=seed, template=template, config={"max_position_embeddings": 1024, "tie_word_embeddings": True})

    def run(directory):
        whole(directory)
        tokenizer = KINDS[kind].tokenizer()
        (directory / "1_LogitScore").mkdir()
        files = {"1_LogitScore/config.json": {name: tokenizer.token_to_id(token) for name, token in score.items()},
                 "modules.json": [{"idx": at, "name": str(at), "path": "1_LogitScore" if at else "", "type": name} for at, name in enumerate(TYPES)],
                 "sentence_bert_config.json": transformer, "config_sentence_transformers.json": {"model_type": "CrossEncoder", "prompts": {}} | settings}
        for name, content in files.items():
            (directory / name).write_text(json.dumps(content))
    return run


def logit_score(ids_of, true: str, false: str | None, sigmoid: bool):
    """Return the reference: LogitScore.forward on the logits of transformers' own class, at the last token of ids_of(tokenizer, item)."""
    def run(directory, items):
        tokenizer, model = tokenizer_of(directory), of_class(directory)
        pairs = []
        for item in items:
            ids = ids_of(tokenizer, item)
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids])).logits[0, -1]
            score = logits[tokenizer.convert_tokens_to_ids(true)]
            if false is not None:
                score = score - logits[tokenizer.convert_tokens_to_ids(false)]
            pairs.append(pair(item, ids, len(ids) - 1, torch.sigmoid(score) if sigmoid else score))
        return pairs
    return run


def rendered(tokenizer, item: dict) -> list[int]:
    """Transformer.preprocess where modality_config has message: a message of the query and one of the document, the prompt as a system message."""
    turns = {turn["role"]: turn["content"] for turn in item.get("messages", [])}
    messages = [{"role": "system", "content": turns.get("system", TASK)}, {"role": "query", "content": turns.get("user", item.get("prompt"))},
                {"role": "document", "content": turns.get("assistant", item.get("response"))}]
    return tokenizer.apply_chat_template(messages, add_generation_prompt=True, thinking=False, tokenize=True, return_dict=True)["input_ids"]


def beside(tokenizer, item: dict) -> list[int]:
    """Transformer.preprocess where it has no message: two texts to the tokenizer, the prompt before the first."""
    return tokenizer("query: " + item["prompt"], item["response"])["input_ids"]


ASKED = {"messages": [{"role": "system", "content": "Find \"code\"."}, {"role": "user", "content": "sort a list"},
                      {"role": "assistant", "content": "sorted(x)"}]}
CASES = [
    Case("logit-score-qwen3", "logit-score", writer(
        "qwen3", "Qwen3ForCausalLM", 291, {"true_token_id": "yes", "false_token_id": "no"}, MESSAGE,
        {"default_prompt_name": "task", "prompts": {"task": TASK}}, TEMPLATE), [*PASSAGES, ASKED], logit_score(rendered, "yes", "no", True)),
    Case("logit-score-mistral", "logit-score", writer(
        "mistral", "MistralForCausalLM", 292, {"true_token_id": "▁2"}, PLAIN,
        {"default_prompt_name": "query", "prompts": {"query": "query: "}, "activation_fn": f"{TORCH}.linear.Identity"}), PASSAGES,
        logit_score(beside, "▁2", None, False)),
]
