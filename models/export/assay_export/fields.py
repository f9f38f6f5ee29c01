"""The manifest's fields with their types, as docs/BUNDLE.md has them. A field that is None is left out when the
manifest is written."""

from typing import Any, Literal, Required, TypedDict

Kind = Literal["reward", "process", "pair", "choice", "preference", "embedding"]

Source = TypedDict("Source", {"checkpoint": str, "class": str, "family": str, "digest": str, "licences": list[str], "checked": bool,
                              "rendered": bool, "harmless": list[str] | None}, total=False)
"""Where the numbers come from; `class` is no name of Python's, so it is written otherwise than the others."""


class HeadGraph(TypedDict):
    """A head in a graph of its own."""

    file: str
    width: int
    input: str
    output: str


class GraphDrift(TypedDict, total=False):
    """What computing in half precision and storing in int8 or int4 change together: the largest difference of a score,
    the share of pairs of items in the same order, how many items were read, and where weights are int8 or int4 the
    difference that computing makes alone."""

    score: float
    order: float
    items: int
    computed: float


class Stage(TypedDict):
    """A graph with some of the layers."""

    file: str
    layers: int


class Graph(TypedDict, total=False):
    """What the graph is; until it is written, its labels alone, of which an embedding model's has none."""

    file: str
    stages: list[Stage]
    layout: str
    attention: str
    precision: str
    compute: str
    operators: str | None
    drift: GraphDrift | None
    input: str
    output: str
    labels: list[str]
    features: list[str]
    vocab_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    head: HeadGraph


class Frame(TypedDict, total=False):
    """Ids around every text."""

    before: list[int]
    after: list[int]


class TokenizerRules(TypedDict, total=False):
    """The tokenizer, and what is done with its ids."""

    file: str
    bos: Required[str]
    bos_id: int | None
    end: str
    end_id: int
    pad_id: int | None
    type_after: int
    frame: Frame | None


class Segment(TypedDict, total=False):
    """One segment of a text without Jinja."""

    token: str
    fixed: str
    text: str
    max_tokens: int


class Template(TypedDict, total=False):
    """How an item becomes text."""

    file: str
    variables: dict[str, str]
    date: str | None
    fields: dict[str, str]
    segments: list[Segment]


class Read(TypedDict, total=False):
    """What the pooling rule needs, and a second place."""

    token: str
    offset: int
    prompt: dict[str, Any]


class Gates(TypedDict, total=False):
    """Labels, and those that weigh them."""

    values: list[str]
    gates: list[str]


class Head(TypedDict, total=False):
    """From a row to the score."""

    activation: str
    label: str
    weights: dict[str, float]
    gates: Gates
    mean: float
    std: float
    final: str


class Steps(TypedDict, total=False):
    """How a process model reads steps."""

    separator: str | None
    label: str | list[str]
    activation: str
    tokenize: str
    join: str
    turns: bool
    skip: int
    offset: int
    accumulate: bool


class Likelihood(TypedDict):
    """What is made of log-probabilities."""

    beta: float
    norm: str


class Pair(TypedDict):
    """How two orders of a pair become a probability."""

    label: str
    activation: str
    orders: str


class Preference(TypedDict, total=False):
    """How two embeddings are compared; until the head's width is known, `{labels: v}` stands for v0, v1 and so on."""

    embedding: Required[Any]
    scale: Any
    normalize: bool
    temperature: Required[float]


class Embedding(TypedDict):
    """What an embedding model's vectors are."""

    size: int
    similarity: str
    before: dict[str, str] | None


class Golden(TypedDict):
    """Where the golden pairs lie, and what a score may differ from them."""

    file: str
    tolerance: float


class Manifest(TypedDict, total=False):
    """The whole of `assay.yaml`."""

    version: Required[int]
    name: Required[str]
    kind: Required[str]
    description: str | None
    licence: str
    source: Required[Source]
    graph: Required[Graph]
    tokenizer: Required[TokenizerRules]
    template: Template | None
    pooling: Required[str]
    read: Read | None
    head: Head | None
    steps: Steps
    likelihood: Likelihood | None
    pair: Pair
    embedding: Embedding
    preference: Preference
    limits: dict[str, int]
    golden: Golden | None
    drift: dict[str, float] | None
