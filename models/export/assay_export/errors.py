"""The one exception that this package raises on purpose."""


class ExportError(Exception):
    """The export cannot go on. The message is one sentence that names the file, field or weight at fault."""
