"""What the processes that read strangers' files are kept from on this machine."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_core.errors import InputError, VLMError

__all__ = ["confinements"]


def confinements() -> Iterator[tuple[str, dict[str, bool] | VLMError]]:
    """What each kind of worker was refused when it started, as `confine` says; or why none starts.

    Example:
        >>> [name for name, told in confinements()]
        ['pictures', 'pdfs']
    """
    from vlm_core.images import pdf_worker, picture_worker
    from vlm_core.images.worker import WorkerEnded

    for name, workers in (("pictures", picture_worker.workers("")), ("pdfs", pdf_worker.workers("bytes"))):
        try:
            with workers.lent() as worker:
                yield name, worker.confinement
        except (OSError, WorkerEnded) as error:
            hint = "Check that this Python starts other processes."
            yield name, InputError(f"the process that reads {name} does not start ({error})", hint=hint)
