"""openai's graders against /v1/fine_tuning/alpha/graders."""

import json
import sys
import urllib.request
from importlib.metadata import version

import openai

BASE = sys.argv[1].rstrip("/")


def native(route, body):
    """The answer of the native route."""
    request = urllib.request.Request(BASE + route, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def said(call):
    print(f"openai {version('openai')} | {call} | ok")


want = native("/v1/score", {"model": "arith-rm", "items": [{"prompt": "12 + 30?", "response": "42"}]})["results"][0]["raw"]
graders = openai.OpenAI(base_url=BASE + "/v1", api_key="any", max_retries=0).fine_tuning.alpha.graders
talk = [{"role": "user", "content": "{{item.question}}"}, {"role": "assistant", "content": "{{sample.output_text}}"}]
judge = [{"role": "system", "content": "Be strict."}, {"role": "user", "content": "Q: {{item.question}} A: {{sample.output_text}}"}]
for turns in (talk, judge):
    grader = {"type": "score_model", "name": "g", "model": "arith-rm", "input": turns}
    run = graders.run(grader=grader, model_sample="42", item={"question": "12 + 30?"})
    assert run.reward == want and run.metadata.scores == {"g": want} and not run.metadata.errors.other_error, run
said("graders.run, score_model")

assert graders.validate(grader=grader).grader.model == "arith-rm"
said("graders.validate")

same = {"type": "string_check", "name": "s", "input": "{{sample.output_text}}", "reference": "{{item.answer}}", "operation": "eq"}
assert graders.run(grader=same, model_sample="42", item={"answer": "42"}).reward == 1
assert graders.run(grader=same, model_sample="43", item={"answer": "42"}).reward == 0
said("graders.run, string_check")

for wrong, sample in (({**grader, "type": "python", "source": "x"}, "42"), (grader, "42 " * 5000)):
    try:
        graders.run(grader=wrong, model_sample=sample, item={"question": "12 + 30?"})
        raise AssertionError("a sample without a reward has one")
    except openai.APIStatusError as problem:
        assert problem.status_code in (413, 422) and problem.body["message"], problem
said("graders.run, what has no reward")
