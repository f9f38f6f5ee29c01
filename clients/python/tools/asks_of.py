"""Writes assay/asks_async.py of assay/asks.py: every method that asks the server awaits its answer."""

import pathlib
import re

SYNC = pathlib.Path(__file__).parents[1] / "assay" / "asks.py"


def written(text: str) -> str:
    """Return the file of the asynchronous client."""
    text = text.replace("class Asks:", "class AsyncAsks:").replace("tools/asks_of.py writes the same for AsyncClient", "Made by tools/asks_of.py of asks.py")
    text = re.sub(r"    def (?!_)", "    async def ", text)
    text = re.sub(r"self\.send\((.*)\)\[", r"(await self.send(\1))[", text).replace("return self.send(", "return await self.send(")
    return text.replace("lines_of(self.send(", "lines_of(await self.send(")


if __name__ == "__main__":
    SYNC.with_name("asks_async.py").write_text(written(SYNC.read_text()))
