"""Makes the Parquet files beside this file with Apache Arrow, as the hub's data sets are written.
Run: python make.py (pyarrow 26.0.1)."""

import pyarrow as pa
import pyarrow.parquet as pq

rewardbench = [
    {"prompt": f"{i} + {i}?", "chosen": f"{2 * i}", "chosen_model": "a", "rejected": f"{2 * i + 1}", "rejected_model": "b",
     "subset": ["alpacaeval-easy", "hep-go"][i % 2], "id": i} for i in range(10)
]
pq.write_table(pa.Table.from_pylist(rewardbench), "rewardbench.parquet", compression="snappy", row_group_size=4)

rewardbench2 = [
    {"id": f"{i}", "prompt": f"{i} + 1?", "chosen": [f"{i + 1}"], "rejected": [f"{i}", f"{i + 2}", f"{i + 3}"], "num_correct": 1, "num_incorrect": 3,
     "total_completions": 4, "models": ["m"] * 4, "subset": "Math", "additional_metadata": {"category": "sums", "correct": None, "score": None}}
    for i in range(3)
] + [
    {"id": f"{kind}:{i}", "prompt": f"A number above {i}?", "chosen": [f"{i + 1 + k}" for k in range(n)], "rejected": [f"{i - 1}", f"{i - 2}"], "num_correct": n,
     "num_incorrect": 2, "total_completions": n + 2, "models": ["m"] * (n + 2), "subset": "Ties", "additional_metadata": None}
    for i in range(3, 6) for kind, n in (("ref", 1), ("tied", 3))
]
pq.write_table(pa.Table.from_pylist(rewardbench2), "rewardbench2.parquet", compression="zstd")

shapes = pa.schema([
    ("text", pa.string()), ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))), ("nested", pa.list_(pa.list_(pa.int64()))),
    ("flag", pa.bool_()), ("whole", pa.float64()), ("part", pa.float32()), ("none", pa.string()), ("large", pa.large_list(pa.large_string())),
])
pq.write_table(pa.Table.from_pylist([
    {"text": "é\n", "messages": [{"role": "user", "content": "a"}, {"role": None, "content": "b"}], "nested": [[1, 2], [], None, [3]], "flag": True,
     "whole": 3.0, "part": 0.5, "none": None, "large": ["x", None, ""]},
    {"text": None, "messages": [], "nested": [], "flag": None, "whole": None, "part": None, "none": None, "large": None},
    {"text": "", "messages": None, "nested": [[]], "flag": False, "whole": -1.5, "part": 2.0, "none": None, "large": []},
], schema=shapes), "shapes.parquet", compression="gzip", use_dictionary=False, data_page_version="2.0")
