"""pip installs it, with httpx alone, and a checker sees its types."""

import pathlib
import subprocess
import sys
import venv
import zipfile

FOLDER = pathlib.Path(__file__).parents[1]
USER = """
import assay
from assay.types import ScoreAnswer

client = assay.Client("http://127.0.0.1:9")
answer: ScoreAnswer = client.score([("a", "b")], activation="sigmoid")
scores: list[float | None] = client.scores([{"prompt": "a", "response": "b"}], truncate="left")
"""
WRONG = """
import assay

assay.Client().score([("a", "b")], activation="relu")
assay.Client().score([("a", "b")], modle="x")
"""


def test_the_wheel_is_installed_and_typed(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source"
    subprocess.run(["cp", "-r", str(FOLDER), str(source)], check=True)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("assay_client-*.whl")
    with zipfile.ZipFile(wheel) as held:
        names = {pathlib.PurePath(name) for name in held.namelist()}
        told = held.read(next(name for name in held.namelist() if name.endswith("METADATA"))).decode()
    ours = {pathlib.PurePath("assay", path.name) for path in (FOLDER / "assay").iterdir() if path.is_file()}
    assert ours <= names and pathlib.PurePath("assay/py.typed") in names and not any("tests" in name.parts for name in names)
    assert [line for line in told.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line] == ["Requires-Dist: httpx<1,>=0.27"]

    fresh = tmp_path / "venv"
    venv.create(fresh, with_pip=True)
    python = str(fresh / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", str(wheel)], check=True)
    known = [path for path in sys.path if path.endswith("site-packages")]
    (pathlib.Path(python).parents[1] / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / "known.pth").write_text("\n".join(known))
    files = {name: tmp_path / name for name in ("user.py", "wrong.py")}
    files["user.py"].write_text(USER)
    files["wrong.py"].write_text(WRONG)
    checked = [python, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    good = subprocess.run([*checked, str(files["user.py"])], capture_output=True, text=True, cwd=tmp_path)
    assert good.returncode == 0, good.stdout
    bad = subprocess.run([*checked, str(files["wrong.py"])], capture_output=True, text=True, cwd=tmp_path)
    assert bad.returncode == 1 and "Found 2 errors" in bad.stdout, bad.stdout
