"""The `assay-export` command as a process: one line for whatever comes of it, and a status."""

import logging
import sys
import warnings

import transformers

from .cli import arguments, export
from .errors import ExportError, first_line


def main() -> None:
    """Run the command; an export that fails says why in one line and exits with 1, a fault of this package's own with 70."""
    options = arguments().parse_args()
    quiet()
    try:
        print(export(options))
    except ExportError as error:
        sys.exit(f"assay-export: {error}")
    except OSError as error:
        if options.traceback:
            raise
        sys.exit(f"assay-export: {error.filename or options.out}: {error.strerror or first_line(error)}")
    except MemoryError:
        sys.exit("assay-export: there is not enough memory; --no-check needs less of it, since it does not hold the whole model at once")
    except KeyboardInterrupt:
        sys.exit(130)
    except BaseException as error:  # a panic of the tokenizer library is no Exception
        if options.traceback or isinstance(error, SystemExit):
            raise
        print(f"assay-export: {options.source}: {first_line(error)}; this is a fault of assay-export itself, and --traceback shows where",
              file=sys.stderr)
        sys.exit(70)


def quiet() -> None:
    """Let libraries say nothing of their own, so that what is wrong is the one sentence on stderr."""
    warnings.simplefilter("ignore")
    logging.getLogger("torch").setLevel(logging.ERROR)
    logging.getLogger("torch.utils.flop_counter").setLevel(logging.ERROR)
    transformers.logging.set_verbosity(logging.CRITICAL)
    transformers.logging.disable_progress_bar()
