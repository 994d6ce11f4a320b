"""Exit codes of the commands; an `MdprError` brings its own."""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_SOME_SOURCES_FAILED = 3
EXIT_NO_FRAME = 4
EXIT_INTERRUPTED = 130
