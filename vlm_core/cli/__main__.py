"""`python -m vlm_core.cli` is `vlm`."""

from vlm_core.cli import main

main()
