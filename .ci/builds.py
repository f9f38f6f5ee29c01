"""Laws of the build: nothing is stale, nothing is made twice, and a tool that is too old is refused in one sentence.

Usage: python3 .ci/builds.py, after make build. They run in a copy of the checkout, with stand-ins for cargo, go and pip where a real one
would take minutes or the network; only the last two build the real binary.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPIED = ("Makefile", "go.mod", "go.sum", "models/native", "models/export/lock.txt", "models/export/torch_cpu.py", "models/export/venv.sh")

# Records of what is made -> the pins that it is made of -> what makes it.
MADE = {
    ".runtime/lib/onnxruntime.txt": (["models/native/onnxruntime.txt"], "models/native/wheels.py onnxruntime"),
    ".runtime/tokenizers.txt": (["models/native/Cargo.toml", "models/native/Cargo.lock", "models/native/tokenizers.sh", "models/native/src/lib.rs",
                                "models/native/src/operators.rs", "go.mod", "go.sum"], "models/native/tokenizers.sh"),
    ".runtime/headers.txt": (["go.mod", "go.sum"], "models/native/headers.sh"),
    ".venv/lock.txt": (["models/export/lock.txt"], "models/export/venv.sh"),
}
MAKERS = {maker for _, maker in MADE.values()}

STAND_INS = {
    "cargo": """echo "cargo ${CARGO_VERSION:-1.95.0} (of a test)"
        [ "$1" = --version ] || { while [ "$1" != --target-dir ]; do shift; done; mkdir -p "$2/release"; echo made >"$2/release/libtokenizers.a"; }""",
    "go": """case $1 in
        version) echo go version go1.26.8 linux/amd64 ;;
        list) echo "$SOURCES" ;;
        build) mkdir -p bin; echo built >"$3" ;;
        esac""",
}


class Builds(unittest.TestCase):
    """A copy of the checkout in which everything is made, and PATH with stand-ins first."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.at = pathlib.Path(folder.name, "checkout")
        for name in COPIED:
            here, there = ROOT / name, self.at / name
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(here, there) if here.is_dir() else shutil.copy2(here, there)
        for name in (*MADE, ".runtime/lib/libonnxruntime.so.1.27.0", ".runtime/lib/libtokenizers.a", ".runtime/include/onnxruntime_c_api.h",
                     ".runtime/include/onnxruntime_ep_c_api.h"):
            (self.at / name).parent.mkdir(parents=True, exist_ok=True)
            (self.at / name).write_text("old\n")
        shutil.copy(ROOT / "models/native/onnxruntime.txt", self.at / ".runtime/lib/onnxruntime.txt")
        bin_folder, sources = pathlib.Path(folder.name, "bin"), pathlib.Path(folder.name, "sources")
        (sources / "src").mkdir(parents=True)
        (sources / "src/lib.rs").write_text("match Tokenizer::from_bytes(bytes_slice) {}\n")  # the call that tokenizers.sh wraps
        for header in ("onnxruntime_c_api.h", "onnxruntime_ep_c_api.h"):
            (sources / header).write_text("new\n")
        bin_folder.mkdir()
        for name, script in STAND_INS.items():
            self.script(bin_folder / name, f"echo {name} >>{folder.name}/called\n{script}")
        self.called = pathlib.Path(folder.name, "called")
        self.environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "SOURCES": str(sources), "MAKEFLAGS": ""}
        self.bin = bin_folder
        self.make(".runtime/tokenizers.txt", ".runtime/headers.txt", "--always-make")  # the records are of these pins
        self.called.write_text("")
        self.begun = time.time()
        for path in self.at.rglob("*"):
            made = {".runtime", ".venv"} & set(path.parts)
            os.utime(path, (self.begun - (20 if made else 30),) * 2)

    def script(self, path, text):
        path.write_text(f"#!/usr/bin/env bash\nset -e\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def make(self, *arguments, wrong=False, **environment):
        """Run make; return its output. It must fail where wrong is set, and only there."""
        done = subprocess.run(["make", "--no-print-directory", *arguments], cwd=self.at, env={**self.environment, **environment},
                              capture_output=True, text=True, timeout=600)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode != 0, wrong, said)
        return said

    def would(self):
        """Return the scripts that make would run for everything that has a record."""
        said = self.make("--dry-run", *MADE)
        return {maker for maker in MAKERS if maker in said.splitlines()}

    def change(self, name, old, new):
        path = self.at / name
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new))

    def touch(self, name):
        """Give a file a time after all that was made, and before all that will be."""
        os.utime(self.at / name, (self.begun - 10,) * 2)

    def test_nothing_is_made_again_where_nothing_changed(self):
        self.assertEqual(self.would(), set())
        self.make("runtime")
        self.assertEqual(self.called.read_text(), "")

    def test_every_pin_is_a_prerequisite_of_what_it_makes_and_of_nothing_else(self):
        for pin in {pin for pins, _ in MADE.values() for pin in pins}:
            with self.subTest(pin):
                self.setUp()
                self.touch(pin)
                self.assertEqual(self.would(), {maker for pins, maker in MADE.values() if pin in pins})

    def test_a_library_that_is_gone_is_made_again(self):
        (self.at / ".runtime/lib/libtokenizers.a").unlink()
        self.assertEqual(self.would(), {"models/native/tokenizers.sh"})

    def test_a_pin_that_changed_remakes_the_library(self):
        for pin, old, new in (("models/native/Cargo.lock", "version = 4", "version = 4 # changed"), ("models/native/Cargo.toml", "1.23.0", "1.23.1"),
                              ("go.mod", "github.com/daulet/tokenizers v1.24.0", "github.com/daulet/tokenizers v1.25.0")):
            with self.subTest(pin):
                self.setUp()
                (self.at / ".runtime/lib/libtokenizers.a").write_text("old\n")
                self.change(pin, old, new)
                self.touch(pin)
                self.make("runtime")
                self.assertEqual((self.at / ".runtime/lib/libtokenizers.a").read_text(), "made\n")
                self.assertEqual(self.would(), set())

    def test_another_onnxruntime_go_brings_its_headers(self):
        (self.at / ".runtime/include/onnxruntime_c_api.h").write_text("old\n")
        self.change("go.mod", "github.com/yalue/onnxruntime_go v1.27.0", "github.com/yalue/onnxruntime_go v1.28.0")
        self.touch("go.mod")
        self.make("runtime")
        self.assertEqual((self.at / ".runtime/include/onnxruntime_c_api.h").read_text(), "new\n")

    def test_another_wheel_is_fetched(self):
        self.change("models/native/onnxruntime.txt", "--hash=sha256:7", "--hash=sha256:8")
        self.touch("models/native/onnxruntime.txt")
        said = self.make("runtime", wrong=True, PIP_NO_INDEX="1", PIP_FIND_LINKS="")
        self.assertIn("runtime: the wheels of onnxruntime.txt could not be had", said)

    def test_what_was_only_touched_is_not_made_again(self):
        self.change("go.mod", "github.com/google/go-cmp v0.7.0", "github.com/google/go-cmp v0.7.1")  # another module's version
        for pin in ("go.mod", "models/native/Cargo.lock", "models/native/onnxruntime.txt"):
            self.touch(pin)
        self.make("runtime")
        self.assertEqual(self.called.read_text(), "")
        for name in (".runtime/lib/libtokenizers.a", ".runtime/include/onnxruntime_c_api.h"):
            self.assertIn((self.at / name).read_text(), ("made\n", "new\n"))

    def test_a_tool_that_is_too_old_is_refused_in_one_sentence(self):
        for tool, said, sentence in (
            ("cargo", "cargo 1.75.0 (1d8b05cdd 2023-11-20)", r"cargo is 1\.75\.0, and 1\.78 or later is needed: .*Cargo\.lock is of version 4"),
            ("go", "go version go1.19.8 linux/amd64", r"go is 1\.19\.8, and 1\.26 or later is needed: .*"),
            ("gcc", "gcc (of a test) 4.8.5", r"gcc is 4\.8\.5, and 11 or later is needed: .*"),
        ):
            with self.subTest(tool):
                self.setUp()
                self.script(self.bin / tool, f"echo '{said}'")
                (self.at / ".runtime/lib/libtokenizers.a").unlink()
                first = self.make("runtime", wrong=True).splitlines()
                self.assertEqual(first[0], "models/native/tokenizers.sh")
                self.assertRegex(first[1], f"^{sentence}$")
                self.assertRegex(first[2], "^make: ")

    def test_an_old_python_is_refused_in_one_sentence(self):
        self.script(self.bin / "python3", "echo Python 3.9.2")
        for record in (".runtime/lib/onnxruntime.txt", ".venv/lock.txt"):
            (self.at / record).unlink()
            self.assertRegex(self.make(record, wrong=True), r"(?m)^python3 is 3\.9\.2, and 3\.11 or later is needed: .*$")

    def test_a_tool_that_is_missing_is_named_in_one_sentence(self):
        self.script(self.bin / "cargo", "exit 127")
        (self.at / ".runtime/lib/libtokenizers.a").unlink()
        self.assertRegex(self.make("runtime", wrong=True), r"(?m)^cargo 1\.78 or later is missing: .*$")

    def test_an_old_make_is_refused_in_one_sentence(self):
        said = self.make("runtime", ".FEATURES=", "MAKE_VERSION=3.81", wrong=True)
        self.assertRegex(said, "^Makefile:[0-9]+: .*make is 3.81, and 4.3 or later is needed")

    def test_the_binary_is_always_gos_to_judge(self):
        self.make("build")
        self.called.write_text("")
        self.make("build")
        self.assertEqual(self.called.read_text(), "go\n")

    def test_a_new_archive_is_linked(self):
        self.make("build")
        binary = self.at / "bin/assay"
        os.utime(binary, (self.begun - 15,) * 2)
        self.script(self.bin / "go", '[ -e "$3" ] || echo linked >"$3"')  # as go does, which does not look into archives
        self.touch(".runtime/lib/libtokenizers.a")
        self.make("build")
        self.assertEqual(binary.read_text(), "linked\n")


class Binary(unittest.TestCase):
    """The real binary of the checkout."""

    def test_the_old_one_is_not_kept_where_an_embedded_file_changes(self):
        listed = subprocess.run(["go", "list", "-f", "{{range .EmbedFiles}}{{$.Dir}}/{{.}}\n{{end}}", "./server"], cwd=ROOT, capture_output=True,
                                text=True, check=True).stdout.split()
        page = next(file for file in listed if file.endswith(".html"))
        before = digest(ROOT / "bin/assay")
        with tempfile.TemporaryDirectory() as work:
            changed, overlay = pathlib.Path(work, "changed"), pathlib.Path(work, "overlay.json")
            changed.write_text(pathlib.Path(page).read_text() + "<!-- changed -->\n")
            overlay.write_text(json.dumps({"Replace": {page: str(changed)}}))
            try:
                build(GOFLAGS=f"-overlay={overlay}")
                self.assertNotEqual(digest(ROOT / "bin/assay"), before)
            finally:
                build()
        self.assertEqual(digest(ROOT / "bin/assay"), before)

    def test_the_readme_says_what_the_scripts_ask_for(self):
        start = (ROOT / "README.md").read_text().partition("## Start")[2].partition("\n    make serve")[0]
        asked = set()
        for script in ("models/native/need.sh", "models/native/tokenizers.sh", "models/native/headers.sh", "models/export/venv.sh"):
            asked |= set(re.findall(r"^\s*need (\w+) ([\d.]+) ", (ROOT / script).read_text(), re.MULTILINE))
        asked.add(("make", "4.3"))
        self.assertEqual(len({tool for tool, _ in asked}), len(asked), f"two versions of one tool: {asked}")
        names = {"go": "Go", "python3": "Python"}
        for tool, least in asked:
            self.assertIn(f"{names.get(tool, tool)} {least}", start)


def build(**environment):
    """Run make build in the checkout."""
    subprocess.run(["make", "--no-print-directory", "--silent", "build"], cwd=ROOT, env={**os.environ, **environment}, check=True)


def digest(path):
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    unittest.main()
