"""What goes over the wire, as types: made by tools/types_of.py of /openapi.json, and compared with it by a test."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Aggregated(TypedDict):
    # Why there are none, as of a fit that has no finite answer
    error: NotRequired[Problem]
    # One per response; null where it could be compared to no other
    values: NotRequired[list[float | None]]


class AliveAnswer(TypedDict):
    alive: bool


class Budget(TypedDict):
    # Numbers of the answer, by item, label, step, feature or pair of responses
    cells: int
    # Sequences that are read
    items: int
    # Of all items
    steps: int
    # Bytes of text as it is rendered, a prompt that items share in each
    text_bytes: int
    # Of all items
    tokens: int


class Candidate(TypedDict):
    # Its token
    id: int
    # Next-token logit
    logit: float
    # Softmax of the logits over the item's candidates
    probability: float
    text: str


class ChooseAnswer(TypedDict):
    # sha256 of the model's bundle's files; of a recipe, of its file's digest and those of its models
    digest: str
    # Fields of the items that were passed over, by name: what else a data set says of them
    ignored: NotRequired[list[str] | None]
    # Name of the model, or of the recipe, that answered
    model: str
    results: list[ChooseResult]
    # 1 for what was served under the name first, and one more with each model that took a place since
    revision: int
    timings: Timings
    # What was applied between raw and score, in order; empty: score equals raw
    transforms: list[str]
    usage: Usage


class ChooseOptions(TypedDict):
    # Of every item that has none of its own: 1 to 256 texts, each exactly one token behind the prompt
    candidates: NotRequired[list[str]]
    # The digest that the answer must have; where it would have another, the request is refused with 409
    expect_digest: NotRequired[str]
    # Name of the model, or of a recipe; may be left out where one model answers this question
    model: NotRequired[str]
    # Of a recipe, by name: those that are not to have their defaults, numbers or words
    params: NotRequired[dict[str, Any]]
    # A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)
    recipe: NotRequired[str]
    # Milliseconds after which items without an answer fail with deadline_exceeded; 0 waits as long as the
    # client does
    timeout_ms: NotRequired[int]
    # What happens to an item over the model's max_tokens: refuse it, drop its oldest tokens, or drop its newest
    # before the template's tail
    truncate: NotRequired[Literal["error", "left", "right"]]


class ChooseRequest(ChooseOptions):
    # Each messages, a prompt, or text
    items: list[Item]


class ChooseResult(TypedDict):
    # Leading tokens taken from the cache
    cached_tokens: NotRequired[int]
    # In the request's order
    candidates: NotRequired[list[Candidate] | None]
    # The candidate with the largest logit, the first of equal ones
    choice: NotRequired[str]
    # Why there is no choice
    error: NotRequired[Problem]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # Logarithm of the sum of exp(logit) over the whole vocabulary: a candidate's log-probability there is logit
    # - log_sum
    log_sum: NotRequired[float]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # The candidates' share of the vocabulary's probability: near 0, the model would have said something else
    share: NotRequired[float]
    # Leading tokens computed once together with other items
    shared_tokens: NotRequired[int]
    # Tokens read
    tokens: NotRequired[int]
    # Tokens cut away, on request only
    truncated: NotRequired[int]


class CompareAnswer(TypedDict):
    # What else is made of the preferences, by name, on request
    aggregates: NotRequired[dict[str, Aggregated]]
    # sha256 of the model's bundle's files; of a recipe, of its file's digest and those of its models
    digest: str
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # Fields of the items that were passed over, by name: what else a data set says of them
    ignored: NotRequired[list[str] | None]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # Name of the model, or of the recipe, that answered
    model: str
    # Row i, column j: probability that response i is preferred to j; 0.5 on the diagonal; null where a response
    # failed
    preference: NotRequired[list[list[float | None] | None] | None]
    # One per response, in the request's order
    responses: NotRequired[list[ScoreResult] | None]
    # One per pair, in the request's order
    results: NotRequired[list[PairResult] | None]
    # 1 for what was served under the name first, and one more with each model that took a place since
    revision: int
    # Of the responses' scores, on request
    statistics: NotRequired[Statistics]
    timings: Timings
    # What was applied between raw and score, in order; empty: score equals raw
    transforms: list[str]
    usage: Usage
    # Of a recipe that rewards groups, of responses: its group's values that are numbers
    values: NotRequired[dict[str, float]]
    # Mean of each row without the diagonal; null where the response, or every other, failed
    win_rate: NotRequired[list[float | None] | None]


class CompareOptions(TypedDict):
    # One number for each response of all preferences, by each of these names
    aggregate: NotRequired[list[Literal["win_rate", "copeland", "bradley_terry", "elo", "nash"]]]
    # Of elo: who is so many points ahead wins 10 times of 11; 400 when left out
    elo_scale: NotRequired[float]
    # The digest that the answer must have; where it would have another, the request is refused with 409
    expect_digest: NotRequired[str]
    # Of each response: the fields that a recipe names (recipes)
    given: NotRequired[list[dict[str, Any]]]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # The label to compare by; the model's first when left out
    label: NotRequired[str]
    # The conversation before the response; give this or prompt
    messages: NotRequired[list[Message]]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # Name of the model, or of a recipe; may be left out where one model answers this question
    model: NotRequired[str]
    # Pairs, each with its own prompt; instead of prompt and responses
    pairs: NotRequired[list[Pair]]
    # Of a recipe, by name: those that are not to have their defaults, numbers or words
    params: NotRequired[dict[str, Any]]
    # What the responses are judged by (models whose template names it)
    principle: NotRequired[str]
    # The user's turn; give this or messages
    prompt: NotRequired[str]
    # A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)
    recipe: NotRequired[str]
    # An answer that is known to be good (models whose template names it: fields of GET /v1/models)
    reference: NotRequired[str]
    # Responses to the prompt, each compared to every other
    responses: NotRequired[list[str]]
    # Splits each response into steps (recipes over process models)
    separator: NotRequired[str]
    # Tell what the scores are as a group
    statistics: NotRequired[bool]
    # Of each response: what comes back beside what is said of it
    tags: NotRequired[list[Tag]]
    # Milliseconds after which items without an answer fail with deadline_exceeded; 0 waits as long as the
    # client does
    timeout_ms: NotRequired[int]
    # What happens to an item over the model's max_tokens: refuse it, drop its oldest tokens, or drop its newest
    # before the template's tail
    truncate: NotRequired[Literal["error", "left", "right"]]
    # The user's vector (models whose head takes one)
    user: NotRequired[list[float]]


class CompareRequest(CompareOptions):
    pass


class Component(TypedDict):
    # Leading tokens taken from the cache
    cached_tokens: NotRequired[int]
    # sha256 of its bundle's files
    digest: NotRequired[str]
    # Why there is nothing
    error: NotRequired[Problem]
    # That gave it
    model: NotRequired[str]
    # The same before the model's transforms
    raw: NotRequired[float]
    # Of a reading of a reward model; of preferences the win rate
    score: NotRequired[float]
    # Of a reading of labels: the score of each; of candidates: the probability of each
    scores: NotRequired[dict[str, float]]
    # Leading tokens computed once together with other items
    shared_tokens: NotRequired[int]
    # Of a reading of steps: the score of each that has one; of several inputs: the number of each; of logprobs:
    # the log-probability of each token
    steps: NotRequired[list[float] | None]
    # Tokens read
    tokens: NotRequired[int]
    # Tokens cut away, on request only
    truncated: NotRequired[int]


class ComputeSpec(TypedDict):
    # Likewise: items scored with both graphs
    items: NotRequired[int]
    # Likewise: share of the pairs of items that keep their order
    order: NotRequired[float]
    # Of float16, bfloat16 and weights of int8 and int4: largest difference of a score from float32, relative
    # above 1
    score: NotRequired[float]
    # What a golden pair's score may be off, times the score where that is above 1
    tolerance: float
    # Of its keys and values, and of its products but for those of int8 weights, which are int8: float32,
    # float16 or bfloat16
    type: str


class DriftSpec(TypedDict):
    # Items scored with both graphs
    items: int
    # Largest difference of a score
    max: float
    # Mean difference of a score
    mean: float
    # Share of the pairs that keep their order
    order: float
    # Pairs of items
    pairs: int


class Embedding(TypedDict):
    # Leading tokens taken from the cache
    cached_tokens: NotRequired[int]
    # The vector: a list of numbers, null where a process model reads nothing, or a text in base64
    embedding: NotRequired[Any]
    # Why there is no vector
    error: NotRequired[Problem]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # Of the text
    index: NotRequired[int]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    object: NotRequired[Literal["embedding"]]
    # Leading tokens computed once together with other items
    shared_tokens: NotRequired[int]
    # Tokens read
    tokens: NotRequired[int]
    # Tokens cut away, on request only
    truncated: NotRequired[int]


class EmbeddingsAnswer(TypedDict):
    data: list[Embedding]
    # sha256 of the model's bundle's files
    digest: str
    model: str
    object: Literal["list"]
    timings: Timings
    usage: EmbeddingsUsage


class EmbeddingsOptions(TypedDict):
    # Refused unless null: a vector has the model's own size
    dimensions: NotRequired[Any]
    # float, which it is when left out, or base64: numbers, or the bytes of little-endian float32
    encoding_format: NotRequired[str | None]
    # The digest that the answer must have; where it would have another, the request is refused with 409
    expect_digest: NotRequired[str]
    # Name of the model, or of a recipe; may be left out where one model answers this question
    model: NotRequired[str]
    # Of a recipe, by name: those that are not to have their defaults, numbers or words
    params: NotRequired[dict[str, Any]]
    # A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)
    recipe: NotRequired[str]
    # Of each text: what comes back beside its vector
    tags: NotRequired[list[Tag]]
    # Milliseconds after which items without an answer fail with deadline_exceeded; 0 waits as long as the
    # client does
    timeout_ms: NotRequired[int]
    # What happens to an item over the model's max_tokens: refuse it, drop its oldest tokens, or drop its newest
    # before the template's tail
    truncate: NotRequired[Literal["error", "left", "right"]]


class EmbeddingsRequest(EmbeddingsOptions):
    # A text, a list of texts, the token ids of one text, or a list of those
    input: str | list[str] | list[int] | list[list[int]]


class EmbeddingsUsage(TypedDict):
    # Texts that have an error; left out where none has
    failed: NotRequired[int]
    prompt_tokens: int
    total_tokens: int


class Game(TypedDict):
    # Index of a response
    first: int
    second: int
    # The first where both are as good
    winner: int


class Item(TypedDict):
    # What may follow the prompt, each one token there; those of the request when left out (choice models)
    candidates: NotRequired[list[str]]
    # Every feature of the model, by name (models that read features)
    features: NotRequired[dict[str, float]]
    # What a recipe names of an item, by name: numbers, words, or lists of either (recipes)
    given: NotRequired[dict[str, Any]]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # Token ids
    input_ids: NotRequired[list[int]]
    # A conversation, rendered through the model's chat template
    messages: NotRequired[list[Message]]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # What the response is judged by (models whose template names it)
    principle: NotRequired[str]
    # The user's turn; goes with response or steps
    prompt: NotRequired[str]
    # An answer that is known to be good (models whose template names it: fields of GET /v1/models)
    reference: NotRequired[str]
    # The assistant's turn
    response: NotRequired[str]
    # Splits the response into steps (process models)
    separator: NotRequired[str]
    # The assistant's turn as a list of steps (process models)
    steps: NotRequired[list[str]]
    # Text that is rendered already, tokenized as it is
    text: NotRequired[str]
    # The user's vector (models whose head takes one)
    user: NotRequired[list[float]]


class JobAnswer(TypedDict):
    # Of the body, without its encoding
    bytes: int
    created: str
    # Of what answers, the same for every row
    digest: NotRequired[str]
    # Rows that have a result
    done: int
    ended: NotRequired[str]
    # When the job and its result are removed
    expires: NotRequired[str]
    # Rows among them with an error in their result
    failed: int
    # Why the job failed as a whole
    failure: NotRequired[Problem]
    id: str
    # Columns of the rows that were passed over, by name
    ignored: NotRequired[list[str] | None]
    # Name of the model, or of the recipe, that answers; there with the first rows, as are digest, transforms
    # and threshold
    model: NotRequired[str]
    question: str
    rows: int
    # Since it was started
    rows_per_second: NotRequired[float]
    # Until its end, at that rate
    seconds_left: NotRequired[float]
    started: NotRequired[str]
    status: Literal["queued", "running", "done", "cancelled", "failed"]
    # Of steps: that first_error goes by
    threshold: NotRequired[float]
    # Of the sequences that were read for the rows that are done
    tokens: int
    # What is applied between raw and score, in order
    transforms: NotRequired[list[str]]


class JobGone(TypedDict):
    # Id of the job
    deleted: str


class JobOptions(TypedDict):
    # Of score and rank: applied to the score last
    activation: NotRequired[Literal["none", "sigmoid", "softmax"]]
    # Of compare of responses: one number for each of all preferences
    aggregate: NotRequired[list[Literal["win_rate", "copeland", "bradley_terry", "elo", "nash"]]]
    # Of the aggregate elo
    elo_scale: NotRequired[float]
    # The digest that every answer must have; where one would have another, the job fails
    expect_digest: NotRequired[str]
    # Of score: beside each score, how it moves with each feature
    explain: NotRequired[Literal["gradient"]]
    # Of score, rank and compare: the label to go by
    label: NotRequired[str]
    # Name of the model, or of a recipe; may be left out where one model answers this question
    model: NotRequired[str]
    # Of rank: places kept; of top_n also how many are selected
    n: NotRequired[int]
    # Of a recipe, by name
    params: NotRequired[dict[str, Any]]
    # Of rank by power_weights
    power: NotRequired[float]
    # A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)
    recipe: NotRequired[str]
    # Of rank by top_share
    share: NotRequired[float]
    # Of rank and compare: tell what the scores are as a group
    statistics: NotRequired[bool]
    # Of rank: which responses are selected
    strategy: NotRequired[Literal["best_of_n", "top_n", "top_share", "best_worst", "best_random", "power_weights", "majority", "weighted_vote", "weighted_mean", "tournament", "nash"]]
    # Of steps: first_error is the first step whose score is below
    threshold: NotRequired[float]
    # What happens to an item over the model's max_tokens
    truncate: NotRequired[Literal["error", "left", "right"]]


class JobRequest(JobOptions):
    # As the route of that name asks
    question: Literal["score", "rank", "compare", "steps"]


class JobsAnswer(TypedDict):
    # The caller's, the latest first
    jobs: list[JobAnswer]


class LoadAnswer(TypedDict):
    # Digest of the model whose place it took; left out where there was none
    before: NotRequired[str]
    # false where this very bundle is served already
    changed: bool
    # sha256 over the bundle's files
    digest: str
    # From the request to the change, in milliseconds
    load_ms: float
    model: str
    # 1 for the first model that was served under the name, and one more for each that took its place
    revision: int


class LoadOptions(TypedDict):
    # Folder of the bundle in the server's folder of bundles (--models). Left out: where the model that is
    # served came from, or else the folder of its name
    bundle: NotRequired[str]
    # The digest that the bundle must have; where it has another, nothing changes
    expect_digest: NotRequired[str]


class LoadRequest(LoadOptions):
    pass


class LogprobsAnswer(TypedDict):
    # sha256 of the model's bundle's files; of a recipe, of its file's digest and those of its models
    digest: str
    # Fields of the items that were passed over, by name: what else a data set says of them
    ignored: NotRequired[list[str] | None]
    # Name of the model, or of the recipe, that answered
    model: str
    results: list[LogprobsResult]
    # 1 for what was served under the name first, and one more with each model that took a place since
    revision: int
    timings: Timings
    # What was applied between raw and score, in order; empty: score equals raw
    transforms: list[str]
    usage: Usage


class LogprobsOptions(TypedDict):
    # The digest that the answer must have; where it would have another, the request is refused with 409
    expect_digest: NotRequired[str]
    # Name of the model, or of a recipe; may be left out where one model answers this question
    model: NotRequired[str]
    # Of a recipe, by name: those that are not to have their defaults, numbers or words
    params: NotRequired[dict[str, Any]]
    # A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)
    recipe: NotRequired[str]
    # Milliseconds after which items without an answer fail with deadline_exceeded; 0 waits as long as the
    # client does
    timeout_ms: NotRequired[int]
    # What happens to an item over the model's max_tokens: refuse it, drop its oldest tokens, or drop its newest
    # before the template's tail
    truncate: NotRequired[Literal["error", "left", "right"]]


class LogprobsRequest(LogprobsOptions):
    # Each a prompt with a response, or messages that end with the assistant's turn; of a process model also
    # with steps or a separator
    items: list[Item]


class LogprobsResult(TypedDict):
    # Leading tokens taken from the cache
    cached_tokens: NotRequired[int]
    # Number of these tokens
    count: NotRequired[int]
    # Of the differences, of a model with a reference
    difference: NotRequired[Total]
    # Why there are none
    error: NotRequired[Problem]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # Of every token behind the prompt, what the template puts behind the response among them
    logprobs: NotRequired[list[TokenLogprob] | None]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # Of the model's own log-probabilities
    policy: NotRequired[Total]
    # Of the reference's, of a model that has one
    reference: NotRequired[Total]
    # Leading tokens computed once together with other items
    shared_tokens: NotRequired[int]
    # Tokens read
    tokens: NotRequired[int]
    # Tokens cut away, on request only
    truncated: NotRequired[int]


class Message(TypedDict):
    # The turn's text, or a list of texts; null or left out only beside tool_calls
    content: NotRequired[str | None | list[str | Part]]
    # Who speaks
    name: NotRequired[str | None]
    # Another name of reasoning_content
    reasoning: NotRequired[str | None]
    # What the assistant thought before its text; of a template that reads it
    reasoning_content: NotRequired[str | None]
    # system, user or assistant
    role: str
    # Of a tool's turn: the call that it answers
    tool_call_id: NotRequired[str | None]
    # A list of calls in the form of OpenAI's API; of a template that reads it
    tool_calls: NotRequired[Any]


class ModelInfo(TypedDict):
    # The questions that it answers
    answers: list[str]
    # Tokens of one forward, measured at load
    batch_tokens: int
    # BOS that lead the ids: none, one or two
    bos: str
    # What one request may ask of it, beside the limits of each item
    budget: Budget
    # Keys and values that may be kept; 0: none, or none can be
    cache_bytes: int
    # That the bundle was made from
    checkpoint: NotRequired[str]
    # What a graph with an attention operator computes in
    compute: NotRequired[ComputeSpec]
    # Whether the template writes today's date, so that scores follow the day
    dated: NotRequired[bool]
    description: str
    # sha256 over the bundle's files
    digest: str
    # Numbers of a vector (embedding models), which have no labels
    dimensions: NotRequired[int]
    # What lower precision was seen to change
    drift: NotRequired[DriftSpec]
    # Policy on the last token: keep, append or replace
    end: str
    # Of the exporter's families
    family: NotRequired[str]
    # That every item has, by name, instead of text or tokens
    features: NotRequired[list[str] | None]
    # Further fields of an item that its template names, reference and principle, and whether each is required
    # or optional
    fields: NotRequired[dict[str, str]]
    # The instructions by which processors multiply in a graph whose operators are of domain assay; absent where
    # they do not
    kernels: NotRequired[str]
    # reward, process, pair, preference, choice or embedding
    kind: str
    # Outputs, in order
    labels: list[str]
    # Forwards side by side, on one thread each, when much waits; 1: one at a time, on all threads
    lanes: int
    layout: str
    licence: str
    # Longest item accepted
    max_tokens: int
    name: str
    pooling: str
    # Of the weights as stored; products are float32, of int8 weights int8, unless compute says otherwise. With
    # compute, int8 and int4 are of linear layers, and others are as compute says
    precision: str
    # The execution provider in use
    provider: str
    # Empty: a bundle does not say when its model was released; clients of TypeSafe's API want a text
    release_date: str
    # 1 for the first model that was served under the name, and one more for each that took its place
    revision: int
    # The token that ends a step
    separator: NotRequired[str]
    # Whether messages and prompts are accepted
    template: bool
    # Of one forward
    threads: int
    # Applied to raw by the manifest, in order
    transforms: list[str]
    # Numbers of the user's vector that every item has beside its text or tokens
    user: NotRequired[int]
    # Ids must be below it
    vocab_size: int


class ModelsAnswer(TypedDict):
    # The same models in the form of OpenAI's API
    data: NotRequired[list[OpenAIModel]]
    models: list[ModelInfo]
    object: NotRequired[Literal["list"]]


class OpenAIModel(TypedDict):
    # Since when it is served, in seconds since 1970
    created: int
    id: str
    # Tokens of the longest item accepted, as vLLM says it
    max_model_len: NotRequired[int]
    object: Literal["model"]
    owned_by: str


class Pair(TypedDict):
    chosen: str
    # Of chosen and of rejected: the fields that a recipe names (recipes)
    given: NotRequired[list[dict[str, Any]]]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # The conversation before the response; give this or prompt
    messages: NotRequired[list[Message]]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # What the responses are judged by (models whose template names it)
    principle: NotRequired[str]
    # The user's turn; give this or messages
    prompt: NotRequired[str]
    # An answer that is known to be good (models whose template names it: fields of GET /v1/models)
    reference: NotRequired[str]
    rejected: str
    # Splits each response into steps (recipes over process models)
    separator: NotRequired[str]
    # The user's vector (models whose head takes one)
    user: NotRequired[list[float]]


class PairResult(TypedDict):
    chosen: NotRequired[ScoreResult]
    # Why there is no probability: the first problem of the two, and its side where it has one
    error: NotRequired[Problem]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # Log-odds of the probability; of a reward model raw of chosen less raw of rejected, times beta where raw is
    # a likelihood
    margin: NotRequired[float]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # That chosen is preferred to rejected
    probability: NotRequired[float]
    rejected: NotRequired[ScoreResult]
    # Of a recipe that rewards groups: the pair's values that are numbers
    values: NotRequired[dict[str, float]]


class Part(TypedDict):
    text: str
    type: Literal["text", "input_text", "output_text"]


class Picked(TypedDict):
    # Of the response in the request
    index: int
    weight: float


class Problem(TypedDict):
    # Stable name of the problem; docs/API.md lists them
    code: str
    # What is wrong here: the field, the limit, the value
    detail: str
    # HTTP status of the problem
    status: int
    # The same sentence for every problem of this code
    title: str


class ProblemDetails(TypedDict):
    # Stable name of the problem; docs/API.md lists them
    code: str
    # What is wrong here: the field, the limit, the value
    detail: str
    # HTTP status of the problem
    status: int
    # The same sentence for every problem of this code
    title: str
    # Where the problem is described
    type: str


class RankAnswer(TypedDict):
    # As asked
    activation: str
    # Index of the best response; null when every one failed
    best: int | None
    # sha256 of the model's bundle's files; of a recipe, of its file's digest and those of its models
    digest: str
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # Fields of the items that were passed over, by name: what else a data set says of them
    ignored: NotRequired[list[str] | None]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # Name of the model, or of the recipe, that answered
    model: str
    # Best first; responses that failed have no place
    ranking: list[Ranked]
    # One per response, in the request's order
    responses: list[ScoreResult]
    # 1 for what was served under the name first, and one more with each model that took a place since
    revision: int
    # What the strategy selects
    selected: Selected
    # Of the scores, on request
    statistics: NotRequired[Statistics]
    # As asked
    strategy: str
    timings: Timings
    # What was applied between raw and score, in order; empty: score equals raw
    transforms: list[str]
    usage: Usage
    # Of a recipe that rewards groups: its group's values that are numbers
    values: NotRequired[dict[str, float]]


class RankOptions(TypedDict):
    # Applied to the score last; raw is always beside it
    activation: NotRequired[Literal["none", "sigmoid", "softmax"]]
    # Of the votes: the final answer of each response; an empty one is none, and does not vote
    answers: NotRequired[list[str]]
    # The digest that the answer must have; where it would have another, the request is refused with 409
    expect_digest: NotRequired[str]
    # Of each response: the fields that a recipe names (recipes)
    given: NotRequired[list[dict[str, Any]]]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # The label that score and raw show; the model's first when left out
    label: NotRequired[str]
    # The conversation before the response; give this or prompt
    messages: NotRequired[list[Message]]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # Name of the model, or of a recipe; may be left out where one model answers this question
    model: NotRequired[str]
    # Places kept in ranking; 0 keeps all. Of top_n also how many are selected, at least 1
    n: NotRequired[int]
    # Of a recipe, by name: those that are not to have their defaults, numbers or words
    params: NotRequired[dict[str, Any]]
    # Of power_weights: 2 when left out
    power: NotRequired[float]
    # What the responses are judged by (models whose template names it)
    principle: NotRequired[str]
    # The user's turn; give this or messages
    prompt: NotRequired[str]
    # A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)
    recipe: NotRequired[str]
    # An answer that is known to be good (models whose template names it: fields of GET /v1/models)
    reference: NotRequired[str]
    # Of best_random: one seed chooses the same place of every ranking of as many
    seed: NotRequired[int]
    # Splits each response into steps (recipes over process models)
    separator: NotRequired[str]
    # Of top_share: how many of the responses that have a score, rounded down
    share: NotRequired[float]
    # Tell what the scores are as a group
    statistics: NotRequired[bool]
    # Which responses are selected; the ranking goes by scores whatever it is
    strategy: NotRequired[Literal["best_of_n", "top_n", "top_share", "best_worst", "best_random", "power_weights", "majority", "weighted_vote", "weighted_mean", "tournament", "nash"]]
    # Of each response: what comes back beside what is said of it
    tags: NotRequired[list[Tag]]
    # Milliseconds after which items without an answer fail with deadline_exceeded; 0 waits as long as the
    # client does
    timeout_ms: NotRequired[int]
    # What happens to an item over the model's max_tokens: refuse it, drop its oldest tokens, or drop its newest
    # before the template's tail
    truncate: NotRequired[Literal["error", "left", "right"]]
    # The user's vector (models whose head takes one)
    user: NotRequired[list[float]]


class RankRequest(RankOptions):
    # Each is the assistant's turn after the prompt
    responses: list[str]


class Ranked(TypedDict):
    # Of the response in the request
    index: int
    score: float


class ReadyAnswer(TypedDict):
    models: list[ReadyModel]
    ready: bool


class ReadyModel(TypedDict):
    # Why it is not ready
    error: NotRequired[Problem]
    model: NotRequired[str]
    ready: NotRequired[bool]


class RecipeExample(TypedDict):
    # By reading of preferences: a row and a column for each response
    between: NotRequired[dict[str, list[list[float] | None] | None]]
    # By reading or field: a number, a text, a list of either, the vectors of tokens, or numbers by label
    given: NotRequired[dict[str, Any]]
    # The same of each response of a group
    group: NotRequired[list[dict[str, Any]] | None]
    params: NotRequired[dict[str, Any]]
    score: NotRequired[float]
    # Of each response of a group
    scores: NotRequired[list[float] | None]
    # Who computed it
    source: NotRequired[str]
    steps: NotRequired[list[float] | None]
    values: NotRequired[dict[str, float]]


class RecipeGroup(TypedDict):
    # The expression of the rewards, one for each response
    score: str
    # Of the group, in the order in which they are computed
    values: list[RecipeValue]


class RecipeInfo(TypedDict):
    about: NotRequired[str]
    # The questions that it answers
    answers: str
    # sha256 of its file; answers have one that its models are part of
    digest: str
    # Given readings with the reward that somebody else computed; the recipe gives it to 1e-9
    example: NotRequired[RecipeExample]
    # That a request says of each item or response
    given: list[RecipeParam]
    # Of a recipe that rewards the responses of a group by one another
    group: NotRequired[RecipeGroup]
    # That requests give as model
    name: str
    # Title of the paper that it follows
    paper: NotRequired[str]
    # That a request may set
    params: list[RecipeParam]
    # What is read of each item
    readings: list[RecipeReading]
    # The expression of an item's reward
    score: NotRequired[str]
    # What is remembered between requests
    states: NotRequired[list[RecipeState] | None]
    # The expression of each step's own reward
    steps: NotRequired[str]
    # Named expressions, in the order in which they are computed
    values: list[RecipeValue]


class RecipeParam(TypedDict):
    about: NotRequired[str]
    # null: every request must set it
    default: Any
    gives: Literal["number", "word", "vector", "words"]
    # null: there is no greatest value
    max: float | None
    # null: there is no least value
    min: float | None
    name: str
    # Of a word: those that there are
    one_of: NotRequired[list[str] | None]


class RecipeReading(TypedDict):
    gives: Literal["score", "raw", "labels", "steps", "logprobs", "candidates", "embedding", "tokens", "preferences"]
    # Of labels and candidates: those that the recipe uses
    labels: NotRequired[list[str] | None]
    # That gives it
    model: str
    name: str
    # It reads several inputs of each item, and gives a number of each
    several: NotRequired[bool]


class RecipeState(TypedDict):
    # What of an item names its key: prompt, response, or a field of given
    key: NotRequired[str]
    kind: str
    # What a number is where the state does not know it
    missing: NotRequired[dict[str, float]]
    # In expressions
    name: str
    # Of GET /v1/state
    state: str
    # Expressions, by constraint; of every kind but multipliers under the empty name
    update: NotRequired[dict[str, str]]
    # The field of given, or the reading, that is asked about
    vector: NotRequired[str]


class RecipeValue(TypedDict):
    expression: str
    name: str


class RecipesAnswer(TypedDict):
    recipes: list[RecipeInfo]


class RunAnswer(TypedDict):
    components: list[RunComponent]
    failures: RunFailures
    groups: RunGroups
    # Results, those that failed among them
    items: int
    # When a request named it last
    last: str
    # Numbers of components beyond the limit
    left_out: int
    # Models and recipes in the order in which they first answered
    models: list[RunModel]
    requests: int
    run: str
    started: str
    # Of the sequences with a score
    tokens: RunComponent


class RunComponent(TypedDict):
    count: int
    # Sample deviation
    deviation: float | None
    # From first to last, in pooled deviations
    drift: float | None
    # The first numbers
    first: RunWindow
    # The latest numbers; count 0 until there are enough beside the first
    last: RunWindow
    # Pearson's, of the tokens read and the number
    length_correlation: float | None
    max: float | None
    mean: float | None
    min: float | None
    model: NotRequired[str]
    name: str
    # null: there is no number
    quantiles: RunQuantiles
    # The value that occurs most often; null: none does
    repeated: RunRepeated
    # null: the numbers are no probabilities
    saturation: RunSaturation


class RunFailures(TypedDict):
    by_code: dict[str, int]
    # Items that failed
    count: int
    # Requests that the engine refused as a whole, by code
    refused_requests: dict[str, int]
    # Of all items; null: there is none
    share: float | None


class RunGroups(TypedDict):
    # Groups of two or more responses with scores
    count: int
    # Mean of the groups' sample deviations
    deviation: float | None
    # Of tokens and score, each less its group's mean
    length_correlation: float | None
    # Of these, whose scores are all equal
    without_variance: int
    # null: there is no group
    without_variance_share: float | None


class RunModel(TypedDict):
    digest: str
    name: str


class RunQuantiles(TypedDict):
    p01: float
    p05: float
    p25: float
    p50: float
    p75: float
    p95: float
    p99: float


class RunRepeated(TypedDict):
    # At least; exact while there are at most 32 values
    count: int
    share: float
    value: float


class RunSaturation(TypedDict):
    # Share of at least 0.99
    high: float
    # Share of at most 0.01
    low: float


class RunSummary(TypedDict):
    # Results, those that failed among them
    items: int
    # When a request named it last
    last: str
    requests: int
    run: str
    started: str


class RunWindow(TypedDict):
    count: int
    deviation: float | None
    mean: float | None


class RunsAnswer(TypedDict):
    # The caller's, the latest first
    runs: list[RunSummary]


class ScoreAnswer(TypedDict):
    # As asked
    activation: str
    # sha256 of the model's bundle's files; of a recipe, of its file's digest and those of its models
    digest: str
    # Fields of the items that were passed over, by name: what else a data set says of them
    ignored: NotRequired[list[str] | None]
    # Name of the model, or of the recipe, that answered
    model: str
    results: list[ScoreResult]
    # 1 for what was served under the name first, and one more with each model that took a place since
    revision: int
    timings: Timings
    # What was applied between raw and score, in order; empty: score equals raw
    transforms: list[str]
    usage: Usage


class ScoreOptions(TypedDict):
    # Applied to the score last; raw is always beside it
    activation: NotRequired[Literal["none", "sigmoid", "softmax"]]
    # The digest that the answer must have; where it would have another, the request is refused with 409
    expect_digest: NotRequired[str]
    # Beside each score: how it moves with each feature (models that read features)
    explain: NotRequired[Literal["gradient"]]
    # The label that score and raw show; the model's first when left out
    label: NotRequired[str]
    # Name of the model, or of a recipe; may be left out where one model answers this question
    model: NotRequired[str]
    # Of a recipe, by name: those that are not to have their defaults, numbers or words
    params: NotRequired[dict[str, Any]]
    # A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)
    recipe: NotRequired[str]
    # Milliseconds after which items without an answer fail with deadline_exceeded; 0 waits as long as the
    # client does
    timeout_ms: NotRequired[int]
    # What happens to an item over the model's max_tokens: refuse it, drop its oldest tokens, or drop its newest
    # before the template's tail
    truncate: NotRequired[Literal["error", "left", "right"]]


class ScoreRequest(ScoreOptions):
    # Each in exactly one form: messages, prompt with response, text, input_ids, or features
    items: list[Item]


class ScoreResult(TypedDict):
    # Leading tokens taken from the cache
    cached_tokens: NotRequired[int]
    # Of a recipe: what each of its readings gave, those of an item without a score among them
    components: NotRequired[dict[str, Component]]
    # Why there is no score
    error: NotRequired[Problem]
    # The derivative of the score by each feature, where the request asks for it
    gradient: NotRequired[dict[str, float]]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # Raw output of each label, where the model has several
    logits: NotRequired[dict[str, float]]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # The value before activations, mean and std; of a plain head the graph's output, untouched
    raw: NotRequired[float]
    # The raw output after the transforms
    score: NotRequired[float]
    # Score of each label, where the model has several
    scores: NotRequired[dict[str, float]]
    # Leading tokens computed once together with other items
    shared_tokens: NotRequired[int]
    # Tokens read
    tokens: NotRequired[int]
    # Tokens cut away, on request only
    truncated: NotRequired[int]
    # Of a recipe: its named values that are numbers
    values: NotRequired[dict[str, float]]
    # Of a recipe: its named values that are vectors, as a reward of each step or token
    vectors: NotRequired[dict[str, list[float] | None]]


class Selected(TypedDict):
    # Of a tournament: the best also won the last game, against the worst
    agrees: NotRequired[bool]
    # Of a vote: the one that wins
    answer: NotRequired[str]
    # Why nothing is selected, though there are scores
    error: NotRequired[Problem]
    # Of a tournament: in the order in which they were played
    games: NotRequired[list[Game]]
    # The greatest weight first, of equal ones the better place in the ranking, of a tournament the best; the
    # weights sum to 1
    picks: NotRequired[list[Picked]]
    # Of a vote: every answer, from the one that wins; of equal ones the one that comes first
    votes: NotRequired[list[Vote]]


class StateAnswer(TypedDict):
    # Of the values, twice the keys, and 64 for each
    bytes: int
    keys: int
    name: str
    # One for each key or query, in order
    readings: list[StateReading]
    # With its defaults
    spec: StateSpec
    # Changes with every change, and is never given twice
    version: int


class StateCell(TypedDict):
    key: str
    value: Any


class StateGone(TypedDict):
    # Name of the state
    deleted: str


class StateInfo(TypedDict):
    # Of the values, twice the keys, and 64 for each
    bytes: int
    keys: int
    name: str
    # With its defaults
    spec: StateSpec
    # Changes with every change, and is never given twice
    version: int


class StateNeighbour(TypedDict):
    key: str
    score: float
    # Cosine
    similarity: float


class StateQuery(TypedDict):
    # At most 256 bytes; left out it is empty, which is a key too
    key: NotRequired[str]
    # Instead of key: its key is sha256: and the hexadecimal digest of this text
    prompt: NotRequired[str]
    # Of quantiles: another than the state's
    quantile: NotRequired[float]
    # Of neighbours: of that text itself, which is fused at similarity 1
    score: NotRequired[float]
    # Of users and neighbours: the embedding of a text
    vector: NotRequired[list[float]]


class StateRead(TypedDict):
    # Answered in their order, all of one moment
    queries: list[StateQuery]


class StateReading(TypedDict):
    key: str
    # The nearest first
    neighbours: NotRequired[list[StateNeighbour] | None]
    # null: not known
    numbers: dict[str, float | None]
    # Of users: vector, and weights where those are fitted
    vectors: NotRequired[dict[str, list[float] | None]]


class StateOptions(TypedDict):
    # Of quantiles: values that are kept of a key
    capacity: NotRequired[int]
    # Of users: weight of half the squared vector in the loss
    decay: NotRequired[float]
    # Of labels: of a key without one
    default: NotRequired[float]
    # Of updates, reset and forget: the version that the state must have; 0: any
    expect_version: NotRequired[int]
    # Of users: what is fitted
    fit: NotRequired[Literal["ideal", "latent", "weights"]]
    # These keys go
    forget: NotRequired[list[str]]
    # Of quantiles: a uniform sample of the values seen, or the latest
    keep: NotRequired[Literal["sample", "last"]]
    # That it may have
    keys: NotRequired[int]
    # What it remembers
    kind: NotRequired[Literal["running", "quantiles", "labels", "multipliers", "users", "neighbours"]]
    # Of multipliers: to which a longer gradient is cut
    max_norm: NotRequired[float]
    # Of multipliers
    momentum: NotRequired[float]
    # Of neighbours: that are fused at most
    nearest: NotRequired[int]
    # Of users: the latest that are kept
    pairs: NotRequired[int]
    # Of users, fitted by weights: the points that they mix
    prototypes: NotRequired[list[list[float] | None]]
    # Of quantiles: that a reading gives where it asks for none
    quantile: NotRequired[float]
    # Of multipliers and users: of a step
    rate: NotRequired[float]
    # Every key goes; the state stays declared
    reset: NotRequired[bool]
    # Of quantiles: of the sample
    seed: NotRequired[int]
    # Of neighbours: least cosine of one that is fused
    similarity: NotRequired[float]
    # Of multipliers: what makes weights of them
    squash: NotRequired[Literal["sigmoid", "tanh", "clamp", "none"]]
    # Of multipliers: before the first step
    start: NotRequired[float]
    # Of users: of gradient descent at each update
    steps: NotRequired[int]
    # Of multipliers: of each constraint, by name
    thresholds: NotRequired[dict[str, float]]
    # Made in their order, all or none of them
    updates: NotRequired[list[StateUpdate]]
    # Of users and neighbours: numbers of a vector
    width: NotRequired[int]


class StateRequest(StateOptions):
    pass


class StateSnapshot(TypedDict):
    # By key
    cells: list[StateCell]
    # Not looked at when it is restored
    name: NotRequired[str]
    spec: StateSpec
    # Not looked at when it is restored
    version: NotRequired[int]


class StateSpec(TypedDict):
    # Of quantiles: values that are kept of a key
    capacity: NotRequired[int]
    # Of users: weight of half the squared vector in the loss
    decay: NotRequired[float]
    # Of labels: of a key without one
    default: NotRequired[float]
    # Of users: what is fitted
    fit: NotRequired[Literal["ideal", "latent", "weights"]]
    # Of quantiles: a uniform sample of the values seen, or the latest
    keep: NotRequired[Literal["sample", "last"]]
    # That it may have
    keys: NotRequired[int]
    # What it remembers
    kind: NotRequired[Literal["running", "quantiles", "labels", "multipliers", "users", "neighbours"]]
    # Of multipliers: to which a longer gradient is cut
    max_norm: NotRequired[float]
    # Of multipliers
    momentum: NotRequired[float]
    # Of neighbours: that are fused at most
    nearest: NotRequired[int]
    # Of users: the latest that are kept
    pairs: NotRequired[int]
    # Of users, fitted by weights: the points that they mix
    prototypes: NotRequired[list[list[float] | None]]
    # Of quantiles: that a reading gives where it asks for none
    quantile: NotRequired[float]
    # Of multipliers and users: of a step
    rate: NotRequired[float]
    # Of quantiles: of the sample
    seed: NotRequired[int]
    # Of neighbours: least cosine of one that is fused
    similarity: NotRequired[float]
    # Of multipliers: what makes weights of them
    squash: NotRequired[Literal["sigmoid", "tanh", "clamp", "none"]]
    # Of multipliers: before the first step
    start: NotRequired[float]
    # Of users: of gradient descent at each update
    steps: NotRequired[int]
    # Of multipliers: of each constraint, by name
    thresholds: NotRequired[dict[str, float]]
    # Of users and neighbours: numbers of a vector
    width: NotRequired[int]


class StateUpdate(TypedDict):
    # At most 256 bytes; left out it is empty, which is a key too
    key: NotRequired[str]
    # Of labels
    label: NotRequired[float]
    # Of multipliers: the mean reward of each constraint, by name
    means: NotRequired[dict[str, float]]
    # Of users
    pairs: NotRequired[list[VectorPair]]
    # Instead of key: its key is sha256: and the hexadecimal digest of this text
    prompt: NotRequired[str]
    # Of neighbours: of the text
    score: NotRequired[float]
    # Of labels: how often the key was seen since the last update
    seen: NotRequired[int]
    # Of running and quantiles
    values: NotRequired[list[float]]
    # Of neighbours: the embedding of a text
    vector: NotRequired[list[float]]


class StatesAnswer(TypedDict):
    # By name
    states: list[StateInfo]


class Statistics(TypedDict):
    # All scores are equal, or there are fewer than two: the group has no variance
    constant: NotRequired[bool]
    # Of the scores
    count: NotRequired[int]
    # Of a sample: the root of the squares around the mean over count - 1; null of fewer than two scores
    deviation: NotRequired[float | None]
    # Why there are none: a number beyond the range of numbers
    error: NotRequired[Problem]
    # The score less the mean of the other scores (RLOO)
    leave_one_out: NotRequired[list[float | None]]
    # Null where there is no score
    mean: NotRequired[float | None]
    # (score - mean) / (deviation + 0.0001) (GRPO)
    normalized: NotRequired[list[float | None]]
    # Places from the best, 1; equal scores share the lowest of their places
    ranks: NotRequired[list[float | None]]


class StepScore(TypedDict):
    # Where the step ends, in characters (code points) of the response; of steps, of their concatenation
    end: NotRequired[int]
    # Raw output of each label, where the model has several
    logits: NotRequired[dict[str, float]]
    # The graph's output for the label that means right, untouched; of several labels and of log-probabilities
    # the sum
    raw: NotRequired[float]
    # The raw output after the manifest's activation; null of a step that the model does not score
    score: float | None
    # Index of the token where the step is read
    token: int


class StepsAnswer(TypedDict):
    # sha256 of the model's bundle's files; of a recipe, of its file's digest and those of its models
    digest: str
    # Fields of the items that were passed over, by name: what else a data set says of them
    ignored: NotRequired[list[str] | None]
    # Name of the model, or of the recipe, that answered
    model: str
    results: list[StepsResult]
    # 1 for what was served under the name first, and one more with each model that took a place since
    revision: int
    # That first_error went by: the request's, else 0.5 of probabilities and 0 of log-ratios; null of scores
    # that have no scale
    threshold: float | None
    timings: Timings
    # What was applied between raw and score, in order; empty: score equals raw
    transforms: list[str]
    usage: Usage


class StepsOptions(TypedDict):
    # The digest that the answer must have; where it would have another, the request is refused with 409
    expect_digest: NotRequired[str]
    # Name of the model, or of a recipe; may be left out where one model answers this question
    model: NotRequired[str]
    # Of a recipe, by name: those that are not to have their defaults, numbers or words
    params: NotRequired[dict[str, Any]]
    # A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)
    recipe: NotRequired[str]
    # first_error is the first step whose score is below; left out, it is 0.5 of probabilities and 0 of log-
    # ratios
    threshold: NotRequired[float]
    # Milliseconds after which items without an answer fail with deadline_exceeded; 0 waits as long as the
    # client does
    timeout_ms: NotRequired[int]
    # What happens to an item over the model's max_tokens: refuse it, drop its oldest tokens, or drop its newest
    # before the template's tail
    truncate: NotRequired[Literal["error", "left", "right"]]


class StepsRequest(StepsOptions):
    # Each a prompt with steps, a prompt with a response and a separator, messages with a separator, or text or
    # input_ids that hold the step token
    items: list[Item]


class StepsResult(TypedDict):
    # Leading tokens taken from the cache
    cached_tokens: NotRequired[int]
    # Why there are no steps
    error: NotRequired[Problem]
    # Index of the first step below the threshold; null where there is none, or no threshold
    first_error: NotRequired[int | None]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    last: NotRequired[float]
    mean: NotRequired[float]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    min: NotRequired[float]
    # Null where it overflows, which scores in [0, 1] never do
    product: NotRequired[float | None]
    # Leading tokens computed once together with other items
    shared_tokens: NotRequired[int]
    steps: NotRequired[list[StepScore] | None]
    # Tokens read
    tokens: NotRequired[int]
    # Tokens cut away, on request only
    truncated: NotRequired[int]


class Tag(TypedDict):
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]


class Timings(TypedDict):
    # Longest wait of an item for its run
    queue_ms: float
    # Longest run of an item
    run_ms: float
    # From the request to its answer, tokenizing included
    total_ms: float


class TokenLogprob(TypedDict):
    # logprob less reference
    difference: NotRequired[float]
    # Where that text ends, in characters (code points) from where the response begins
    end: int
    # Of the model's own tokenizer
    id: int
    # Natural logarithm of its probability after all tokens before it
    logprob: float
    # The same under the reference, of a model that has one
    reference: NotRequired[float]
    # What the token adds to the texts before it; of a character that several tokens make, all is the last one's
    text: str


class TokenizeAnswer(TypedDict):
    digest: str
    # Fields of the items that were passed over, by name
    ignored: NotRequired[list[str] | None]
    # Longest item that the model accepts
    max_tokens: int
    model: str
    results: list[TokenizeResult]
    # As of every answer
    revision: int
    total_ms: float


class TokenizeOptions(TypedDict):
    # Applied to the score last; raw is always beside it
    activation: NotRequired[Literal["none", "sigmoid", "softmax"]]
    # Taken so that a choose body is one of this route, and left alone
    candidates: NotRequired[list[str]]
    # The digest that the answer must have; where it would have another, the request is refused with 409
    expect_digest: NotRequired[str]
    # The label that score and raw show; the model's first when left out
    label: NotRequired[str]
    # Name of the model, or of a recipe; may be left out where one model answers this question
    model: NotRequired[str]
    # Of a recipe, by name: those that are not to have their defaults, numbers or words
    params: NotRequired[dict[str, Any]]
    # A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)
    recipe: NotRequired[str]
    # Taken so that a steps body is one of this route, and left alone
    threshold: NotRequired[float]
    # Milliseconds after which items without an answer fail with deadline_exceeded; 0 waits as long as the
    # client does
    timeout_ms: NotRequired[int]
    # What happens to an item over the model's max_tokens: refuse it, drop its oldest tokens, or drop its newest
    # before the template's tail
    truncate: NotRequired[Literal["error", "left", "right"]]


class TokenizeRequest(TokenizeOptions):
    # As score, steps or choose takes them
    items: list[Item]


class TokenizeResult(TypedDict):
    error: NotRequired[Problem]
    # A string or a whole number, which comes back as it is
    id: NotRequired[str | None | int]
    input_ids: NotRequired[list[int] | None]
    # Any JSON value, which comes back as it is
    metadata: NotRequired[Any]
    # Indices of the tokens whose outputs are read; left out of a model whose graph pools
    read: NotRequired[list[int] | None]
    # The text that was tokenized, rendered; none for input_ids
    text: NotRequired[str]
    # Length of input_ids
    tokens: NotRequired[int]
    # Tokens cut away, on request only
    truncated: NotRequired[int]


class Total(TypedDict):
    # The sum over count
    mean: float
    sum: float


class UnloadAnswer(TypedDict):
    digest: str
    revision: int
    # Name of the model
    unloaded: str


class Usage(TypedDict):
    # Tokens computed for them: what sequences of a run share counts once, cached tokens not at all
    computed_tokens: int
    # Results that are an error; left out where none is
    failed: NotRequired[int]
    # Sequences read; a pair counts two
    items: int
    # Tokens of the sequences
    tokens: int


class VectorPair(TypedDict):
    # Of the text that the user preferred
    chosen: list[float]
    # Of the other
    rejected: list[float]


class Vote(TypedDict):
    answer: str
    # Of the responses that have it
    indices: list[int]
    # How many responses have it, or the sum or the mean of their scores
    weight: float
