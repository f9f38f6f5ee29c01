"""Reward models with one output."""

import torch
from safetensors.torch import load_file, save_file

from ..case import Case
from ..checkpoint import read, seeded
from ..decoders import KINDS, linear, mlp, write
from ..items import CHAT, IDS, TEXT, with_bos
from ..reference import bare_body, conversation, head, hidden_states, of_class, pair, template_ids, tokenizer_of

LINEAR, TWO = linear("score"), mlp("score")


def classifier(bos: int, render=None):
    """Return the reference of a transformers *ForSequenceClassification: its own forward on each sequence alone (rule P2)."""
    def run(directory, items):
        tokenizer, model = tokenizer_of(directory), of_class(directory)
        pairs = []
        for item in items:
            ids = template_ids(tokenizer, item, bos, render)
            with torch.no_grad():
                score = model(input_ids=torch.tensor([ids])).logits[0, 0]
            pad = model.config.get_text_config().pad_token_id
            pairs.append(pair(item, ids, max(at for at, one in enumerate(ids) if one != pad), score))
        return pairs
    return run


def skywork_v2(directory, items):
    """Restates Skywork-Reward-V2's README: the rendered text loses one leading BOS, and the tokenizer writes its own."""
    tokenizer, model = tokenizer_of(directory), of_class(directory)
    pairs = []
    for item in items:
        text = tokenizer.apply_chat_template(conversation(item), tokenize=False)
        if tokenizer.bos_token is not None and text.startswith(tokenizer.bos_token):
            text = text[len(tokenizer.bos_token):]
        encoded = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            score = model(input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]).logits[0][0]
        ids = encoded["input_ids"][0].tolist()
        pairs.append(pair(item, ids, len(ids) - 1, score))
    return pairs


def fsfairx(directory, items):
    """Restates the card of FsfairX: the rendered text without any BOS string through the pipeline, which lets the tokenizer add one."""
    tokenizer, model = tokenizer_of(directory), of_class(directory)
    pairs = []
    for item in items:
        text = tokenizer.apply_chat_template(conversation(item), tokenize=False, add_generation_prompt=False).replace(tokenizer.bos_token, "")
        ids = tokenizer(text)["input_ids"]
        with torch.no_grad():
            pairs.append(pair(item, ids, len(ids) - 1, model(input_ids=torch.tensor([ids])).logits[0, 0]))
    return pairs


def last_row(score, *, prefix: str = "model.", bos: int = 0, render=None, end: str | int | None = None, model_type: str | None = None):
    """Return the reference of a body and a head read at the last token.

    score(weights, config, row [hidden]) is the head; end is a token (or its id) that is appended unless the ids end with it.
    """
    def run(directory, items):
        config, weights = read(directory)
        tokenizer, body = tokenizer_of(directory), bare_body(directory, prefix, model_type)
        last = tokenizer.convert_tokens_to_ids(end) if isinstance(end, str) else end
        pairs = []
        for item in items:
            ids = template_ids(tokenizer, item, bos, render)
            if last is not None and ids[-1] != last:
                ids.append(last)
            row = hidden_states(body, ids)[-1]
            pairs.append(pair(item, ids, len(ids) - 1, score(weights, config, row).reshape(-1)[0]))
        return pairs
    return run


def two_layers(name: str):
    """Return the head Linear, ReLU, Linear under a name."""
    return lambda weights, config, row: head(weights, f"{name}.2", torch.relu(head(weights, f"{name}.0", row)))


def one_layer(name: str):
    """Return the head of one Linear under a name."""
    return lambda weights, config, row: head(weights, name, row)


def ultrarm_text(messages):
    """The card of UltraRM: Human and Assistant, an empty line between."""
    return "\n\n".join({"user": "Human: ", "assistant": "Assistant: "}[turn["role"]] + turn["content"] for turn in messages)


def eurus_text(messages):
    """The card of Eurus-RM: [INST] question [\\INST] answer."""
    text = ""
    for number, turn in enumerate(messages):
        space = " " if number else ""
        text += space + (f"[INST] {turn['content']} [\\INST]" if turn["role"] == "user" else turn["content"])
    return text


def starling(render, bos: int, pad_id):
    """Restates GPTRewardModel (7B) and RewardBench's class (34B): the row before the first pad of the sequence, else the last.

    pad_id(tokenizer) is the 7B's first id of the tokenized pad token, the BOS, and the 34B's 0.
    """
    def run(directory, items):
        weights = read(directory)[1]
        tokenizer, body = tokenizer_of(directory), bare_body(directory, "transformer.")
        pairs = []
        for item in items:
            ids = template_ids(tokenizer, item, bos, render)
            rewards = head(weights, "v_head", hidden_states(body, ids)).squeeze(-1)
            places = (torch.tensor(ids) == pad_id(tokenizer)).nonzero()
            first = places[0].item() if len(places) > 0 else len(ids)
            pairs.append(pair(item, ids, (first - 1) % len(ids), rewards[first - 1]))
        return pairs
    return run


def starling_7b_text(messages):
    """The card of Starling-RM-7B, turn after turn."""
    return "".join(f"<s>[INST] {turn['content']} </s> [/INST]" if turn["role"] == "user" else f" {turn['content']}</s>" for turn in messages)


def starling_34b_text(messages):
    """ChatML without a newline at the end."""
    return "\n".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>" for turn in messages)


def beaver_text(messages):
    """The conversation format of safe-rlhf."""
    text = "BEGINNING OF CONVERSATION: "
    for turn in messages:
        text += f"USER: {turn['content']} ASSISTANT:" if turn["role"] == "user" else turn["content"] + "</s>"
    return text


def beaver_score(weights, config, row):
    """safe-rlhf's ScoreModelMixin in evaluation: the score of the last token, through the normalizer when do_normalize is set."""
    score = head(weights, "score_head", row)
    if not config["do_normalize"]:
        return score
    deviation = weights["normalizer.var"].sqrt() + 1e-8
    return (score - weights["normalizer.mean"]) / deviation if config["score_type"] == "reward" else score / deviation


def variance(weights):
    """Give a normalizer a variance that is one."""
    weights["normalizer.var"] = torch.tensor([2.5])
    weights["normalizer.mean"] = torch.tensor([-1.25])


def openrlhf(bos: int = 0, normalize_reward: bool = False):
    """Restates RewardDataset and RewardModel of OpenRLHF: the rendered text without its last newlines, a space and the EOS where it does not
    end with it, the last id set to the EOS; the value there, or with normalize_reward (value - mean) / std by config.json.

    Of a text or ids it is the EOS alone that is put behind them.
    """
    def run(directory, items):
        config, weights = read(directory)
        tokenizer, body = tokenizer_of(directory), bare_body(directory, "model.")
        name, pairs = config.get("value_head_prefix", "score"), []

        def render(messages):
            text = tokenizer.apply_chat_template(messages, tokenize=False).rstrip("\n")
            return text if text.endswith(tokenizer.eos_token) else text + " " + tokenizer.eos_token

        for item in items:
            ids = template_ids(tokenizer, item, bos, render)
            if "messages" in item or "prompt" in item:
                ids[-1] = tokenizer.eos_token_id
            elif ids[-1] != tokenizer.eos_token_id:
                ids.append(tokenizer.eos_token_id)
            reward = head(weights, name, hidden_states(body, ids)[-1])
            if normalize_reward:
                reward = (reward - config["mean"]) / config["std"]
            pairs.append(pair(item, ids, len(ids) - 1, reward))
        return pairs
    return run


def worldpm_text(messages):
    """ChatML with an empty system turn where there is none, as the README of WorldPM builds it."""
    turns = messages if messages[0]["role"] == "system" else [{"role": "system", "content": ""}, *messages]
    return "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in turns)


def token_zero(directory, items):
    """Restates the card of Nemotron-70B-Reward: the first generated token's score of vocabulary entry 0."""
    tokenizer, model = tokenizer_of(directory), of_class(directory)
    pairs = []
    for item in items:
        ids = template_ids(tokenizer, item, 1)
        with torch.no_grad():
            made = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=1,
                                  do_sample=False, return_dict_in_generate=True, output_scores=True, pad_token_id=0)
        pairs.append(pair(item, ids, len(ids) - 1, made["scores"][0][0][0]))
    return pairs


def athene(directory, items):
    """Restates RewardBench models/athene.py: template and CLS token through the tokenizer, which adds a BOS; read at the last CLS."""
    weights = read(directory)[1]
    tokenizer, body = tokenizer_of(directory), bare_body(directory, "model.")
    mark, pairs = tokenizer.convert_tokens_to_ids("<|reserved_special_token_1|>"), []
    for item in items:
        text = item["text"] if "text" in item else tokenizer.apply_chat_template(conversation(item), tokenize=False)
        ids = tokenizer(text + "<|reserved_special_token_1|>")["input_ids"]
        at = max(place for place, one in enumerate(ids) if one == mark)
        pairs.append(pair(item, ids, at, head(weights, "v_head", hidden_states(body, ids)[at])))
    return pairs


def oasst_text(messages):
    """OpenAssistant's prompter and assistant turns, each closed by the EOS."""
    return "".join(("<|prompter|>" if turn["role"] == "user" else "<|assistant|>") + turn["content"] + "<|endoftext|>" for turn in messages)


SYSTEM = {"messages": [{"role": "system", "content": "Be brief."}, *conversation(CHAT[0])]}
LLAMA3_BOS = with_bos("<|begin_of_text|>", 0)
LLAMA2_BOS = with_bos("<s>", 1)
GENERAL = "sequence-classification"
TRAINED = {"value_head_prefix": "value_head", "mean": 0.75, "std": 2.5}
"""What OpenRLHF writes into config.json after a training."""
CLASSES = {"qwen2": "Qwen2", "qwen3": "Qwen3", "llama3": "Llama", "mistral": "Mistral", "gemma2": "Gemma2", "phi3": "Phi3"}


def plain(kind: str) -> Case:
    """Return the case of a body's own sequence classification class."""
    named = KINDS[kind].tokens["bos_token"]
    bos = with_bos(named, KINDS[kind].tokenizer().token_to_id(named)) if named else TEXT
    system = [] if kind == "gemma2" else [SYSTEM]
    return Case(f"plain-{kind}", GENERAL, write(kind, f"{CLASSES[kind]}ForSequenceClassification", LINEAR), [*CHAT, *system, *bos, *IDS],
                classifier(1 if named else 0))


TULU = ("{% for message in messages %}{% if message['role'] == 'system' %}{{ '<|system|>\n' + message['content'] + '\n' }}"
        "{% elif message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + '\n' }}{% elif message['role'] == 'assistant' %}"
        "{{ '<|assistant|>\n' + message['content'] + eos_token + ('' if loop.last else '\n') }}{% endif %}"
        "{% if loop.last and add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}{% endfor %}")
"""Tülu 3's chat template."""


def reward_bench(directory, items):
    """Restates RewardBench scripts/run_v2.py: the rendered conversation through the tokenizer, which adds a BOS, and the class's own logit."""
    tokenizer, model = tokenizer_of(directory), of_class(directory)
    pairs = []
    for item in items:
        ids = tokenizer(tokenizer.apply_chat_template(conversation(item), tokenize=False))["input_ids"]
        with torch.no_grad():
            pairs.append(pair(item, ids, len(ids) - 1, model(input_ids=torch.tensor([ids])).logits[0, 0]))
    return pairs


def with_head_beside(directory):
    """Write a Qwen2 with ReasonFlux-PRM's reward_head beside it, as the export asks for it."""
    write("qwen2", "Qwen2ForCausalLM", {}, seed=28, config={"tie_word_embeddings": True})(directory)
    save_file(seeded(linear("reward_head", bias=True), 29), directory / "reward_head.safetensors")


def reasonflux(directory, items):
    """Restates rm_utils.RewardModel of ReasonFlux_PRM: question and solution in one text, the last token's row through reward_head, a sigmoid."""
    tokenizer, body, weights = tokenizer_of(directory), bare_body(directory, "model."), load_file(directory / "reward_head.safetensors")
    pairs = []
    for item in items:
        ids = tokenizer(item["prompt"] + item["response"])["input_ids"]
        pairs.append(pair(item, ids, len(ids) - 1, torch.sigmoid(head(weights, "reward_head", hidden_states(body, ids)[-1]))))
    return pairs


CHATML = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"

CASES = [
    *(plain(kind) for kind in CLASSES),
    Case("plain-gpt2", GENERAL, write("gpt2", "GPT2ForSequenceClassification", LINEAR, prefix="transformer."), [*TEXT, *IDS], classifier(0)),
    Case("plain-opt", GENERAL, write("opt", "OPTForSequenceClassification", LINEAR, prefix="model."), [*TEXT, *IDS, *with_bos("</s>", 2)],
         classifier(1)),
    Case("plain-gpt-neox", GENERAL, write("gpt_neox", "GPTNeoXForSequenceClassification", LINEAR, prefix="gpt_neox."), [*TEXT, *IDS],
         classifier(0)),
    Case("skywork-v1-llama31", GENERAL, write("llama3", "LlamaForSequenceClassification", LINEAR, seed=2), [*CHAT, SYSTEM, *LLAMA3_BOS],
         classifier(1)),
    Case("skywork-v1-gemma2", GENERAL, write("gemma2", "Gemma2ForSequenceClassification", LINEAR, seed=3), [*CHAT, *with_bos("<bos>", 2)],
         classifier(1)),
    Case("skywork-v2-qwen3", GENERAL, write("qwen3", "Qwen3ForSequenceClassification", LINEAR, seed=4), [*CHAT, SYSTEM], skywork_v2),
    Case("skywork-v2-llama32", GENERAL, write("llama3", "LlamaForSequenceClassification", LINEAR, seed=5, config={
        "tie_word_embeddings": True}), [*CHAT, SYSTEM], skywork_v2),
    Case("fsfairx", GENERAL, write("llama3", "LlamaForSequenceClassification", LINEAR, seed=6, config={"rope_parameters": {
        "rope_type": "default", "rope_theta": 500000.0}}), [*CHAT, SYSTEM], fsfairx),
    Case("grm-plain", GENERAL, write("llama3", "LlamaForSequenceClassification", LINEAR, seed=7), [*CHAT, *TEXT], classifier(1)),
    Case("grm", "grm", write("llama3", "GRewardModel", mlp("v_head.summary", inner=24), seed=8, extra={
        "vhead_layer_type": "mlp", "vhead_num_neurons": 24, "vhead_num_layers": 1}), [*CHAT, *LLAMA3_BOS],
        last_row(two_layers("v_head.summary"), bos=1)),
    Case("ultrarm", "ultrarm", write("llama2", "LlamaRewardModel", linear("regression_head"), seed=9), [*CHAT, *LLAMA2_BOS],
         last_row(one_layer("regression_head"), bos=1, render=ultrarm_text)),
    Case("eurus-rm", "eurus-rm", write("mistral", "EurusRewardModel", linear("regression_head"), seed=10), [*CHAT, *LLAMA2_BOS],
         last_row(one_layer("regression_head"), bos=1, render=eurus_text)),
    Case("starling-7b", "starling-7b", write("llama2", "GPTRewardModel", linear("v_head"), prefix="transformer.", seed=11), [
        *CHAT, *LLAMA2_BOS, {"text": "one <unk> two"}, {"input_ids": [1, 40, 41, 0, 42, 0]}],
        starling(starling_7b_text, 2, lambda tokenizer: tokenizer(tokenizer.unk_token)["input_ids"][0])),
    Case("starling-34b", "starling-34b", write("llama2", "LlamaForSequenceClassification", linear("v_head"), prefix="transformer.", seed=12), [
        *CHAT, *TEXT, {"text": "one <unk> two"}, {"input_ids": [40, 41, 0, 42]}, {"input_ids": [0, 40, 41]}, {"input_ids": [0, 0]}],
        starling(starling_34b_text, 0, lambda tokenizer: 0)),
    Case("beaver-reward", "beaver", write("llama2", "LlamaForScore", linear("score_head") | {"normalizer.mean": (1,), "normalizer.var": (1,)},
                                          seed=13, edit=variance, extra={"score_type": "reward", "do_normalize": True, "bias": False}),
         [*CHAT, *LLAMA2_BOS], last_row(beaver_score, bos=1, render=beaver_text)),
    Case("beaver-cost", "beaver", write("llama2", "LlamaForScore", linear("score_head", bias=True) | {"normalizer.mean": (1,), "normalizer.var": (1,)},
                                        seed=14, edit=variance, extra={"score_type": "cost", "do_normalize": True, "bias": True}),
         [*CHAT, *TEXT], last_row(beaver_score, bos=1, render=beaver_text)),
    Case("beaver-plain", "beaver", write("llama2", "LlamaForScore", linear("score_head", bias=True), seed=15, extra={
        "score_type": "reward", "do_normalize": False, "bias": True}), [*CHAT, *TEXT], last_row(beaver_score, bos=1, render=beaver_text)),
    Case("openrlhf", "openrlhf", write("llama3", "RewardModel", linear("value_head"), seed=16, extra=TRAINED), [
        *CHAT, *LLAMA3_BOS, {"text": "ends<|eot_id|>"}], openrlhf(1)),
    Case("openrlhf-normalized", "openrlhf", write("llama3", "RewardModel", linear("value_head"), seed=16, extra=TRAINED), [*CHAT, SYSTEM],
         openrlhf(1, True), ("--mean", "0.75", "--std", "2.5")),
    Case("openrlhf-qwen2", "openrlhf", write("qwen2", "Qwen2ForSequenceClassification", LINEAR, seed=17), [
        *CHAT, SYSTEM, *TEXT, {"text": "ends<|im_end|>"}], openrlhf()),
    Case("openrlhf-gemma2", "openrlhf", write("gemma2", "Gemma2ForSequenceClassification", LINEAR, seed=26), [*CHAT, *TEXT], openrlhf(1)),
    Case("trl-value-head", "trl-value-head", write("llama3", "LlamaForCausalLM", linear("v_head.summary", bias=True) | {
        "lm_head.weight": (KINDS["llama3"].tokenizer().get_vocab_size(), 32)}, seed=18), [*CHAT, *LLAMA3_BOS],
        last_row(one_layer("v_head.summary"), bos=1)),
    Case("trl-value-head-gpt2", "trl-value-head", write("gpt2", "GPT2LMHeadModel", linear("v_head.summary", bias=True), prefix="transformer.", seed=19),
         [*TEXT, *IDS], last_row(one_layer("v_head.summary"), prefix="transformer.")),
    Case("acecode-rm", "trl-value-head", write("qwen2", "Qwen2ForCausalRM", linear("v_head.summary", bias=True) | {
        "lm_head.weight": (KINDS["qwen2"].tokenizer().get_vocab_size(), 32)}, seed=27), [*CHAT, SYSTEM, *TEXT], last_row(one_layer("v_head.summary"))),
    Case("reasonflux-prm-1.5b", "reasonflux-prm-1.5b", with_head_beside, CHAT[:3], reasonflux),
    Case("rewardbench2-tulu", GENERAL, write("llama3", "LlamaForSequenceClassification", LINEAR, seed=30, template=TULU), [*CHAT, SYSTEM], reward_bench),
    Case("qwen-math-rm", "qwen-math-rm", write("qwen2", "Qwen2ForRewardModel", TWO, seed=20), [*CHAT, SYSTEM, *TEXT], last_row(two_layers("score"))),
    Case("worldpm", "worldpm", write("qwen2", "Qwen2ForRewardModel", TWO, seed=21), [*CHAT, SYSTEM, {"text": "ends<|endoftext|>"}, *TEXT],
         last_row(two_layers("score"), render=worldpm_text, end="<|endoftext|>")),
    Case("inf-orm", "inf-orm", write("llama3", "INFORMForSequenceClassification", TWO, seed=22), [*CHAT, *LLAMA3_BOS],
         last_row(two_layers("score"), bos=1)),
    Case("nemotron-reward", "nemotron-reward", write("llama3", "LlamaForCausalLM", {
        "lm_head.weight": (KINDS["llama3"].tokenizer().get_vocab_size(), 32)}, seed=23), [*CHAT, *LLAMA3_BOS], token_zero),
    Case("athene-rm", "athene-rm", write("llama3", "AtheneForSequenceClassification", linear("v_head"), seed=25), [
        *CHAT, {"text": "<|begin_of_text|>rendered<|eot_id|>"}, {"text": "<|begin_of_text|>one<|reserved_special_token_1|> two"}], athene),
    Case("oasst-rm-pythia", "oasst-rm-pythia", write("gpt_neox", "GPTNeoXRewardModel", linear("out_proj", bias=True), prefix="gpt_neox.", seed=24,
                                                     extra={"model_type": "gpt_neox_reward_model", "pooling": "last"}), [*CHAT, *TEXT, *IDS],
         last_row(one_layer("out_proj"), prefix="gpt_neox.", render=oasst_text, model_type="gpt_neox")),
]
