"""What is known of providers and models: all rows, which of them a model fits, and how they are asked.

Rows come from three places, of which a later one counts more: this package, installed packages (the
entry points of the group `vlm_core.providers`), and `register`."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from vlm_core.catalog.model_rows import FAMILIES
from vlm_core.catalog.offer_rows import OFFERS
from vlm_core.catalog.plugins import Row, installed_rows
from vlm_core.catalog.provider_rows import PROVIDERS
from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
from vlm_core.errors import ConfigError, UnknownProviderError

# Fields of a row that add up.
_SETS = ("quirks", "returned_fields")
_WORD = re.compile(r"\d+(?:\.\d+)?|[a-z]+")
_P_FOR_POINT = re.compile(r"(?<=\d)p(?=\d)")


@lru_cache(maxsize=4096)
def words(model: str) -> tuple[str, ...]:
    """A model's name in words and numbers: what stands after the last slash, in lower case.

    Example:
        >>> words("accounts/fireworks/models/qwen2p5-vl-7b")
        ('qwen', '2.5', 'vl', '7', 'b')
        >>> words("qwen2.5vl:7b")
        ('qwen', '2.5', 'vl', '7', 'b')
    """
    name = model.rstrip("/").rpartition("/")[2].lower()
    return tuple(_WORD.findall(_P_FOR_POINT.sub(".", name)))


def begins_with(model: str, prefix: str) -> bool:
    """Whether a model's words begin with those of a prefix.

    The prefix may end within a word of letters, but within a number only after its point.

    Example:
        >>> begins_with("google/gemma-3-27b-it", "gemma-3"), begins_with("gemma-34b", "gemma-3")
        (True, False)
        >>> begins_with("lab/my-model", "my-mod"), begins_with("gpt-5.2", "gpt-5.")
        (True, True)
    """
    of_model, of_prefix = words(model), words(prefix)
    if not of_prefix:
        return True
    before, last = of_prefix[:-1], of_prefix[-1]
    if len(of_model) < len(of_prefix) or of_model[: len(before)] != before:
        return False
    word = of_model[len(before)]
    if prefix.endswith("."):
        return word.startswith(f"{last}.")
    return word == last or (last.isalpha() and word.startswith(last))


def fits(row: ModelProfile, provider: str | None, model: str) -> bool:
    """Whether a row is about this model at this provider; of no provider, a row about all of them."""
    if row.provider not in (None, provider):
        return False
    return row.model.lower() == model.lower() if row.model else begins_with(model, row.prefix)


def specificity(row: ModelProfile) -> tuple[bool, bool, int]:
    """What orders rows that fit: one model before a provider's before everybody's, then the longer prefix."""
    return row.model is not None, row.provider is not None, len("".join(words(row.prefix)))


def merged(rows: Iterable[ModelProfile], model: str) -> ModelProfile:
    """What rows say together: of two that set a field the later one counts, and of two limits the tighter.

    Args:
        rows: all that fit, the most specific last.
        model: what the profile is of.
    """
    found: dict[str, Any] = {"prefix": "", "limits": ImageLimits()} | dict.fromkeys(_SETS, frozenset())
    for row in rows:
        own = {name: getattr(row, name) for name in row.model_fields_set}
        own["limits"] = tighter(found["limits"], row.limits)
        own |= {name: found[name] | getattr(row, name) for name in _SETS}
        found |= own
    return ModelProfile(**(found | {"model": model}))


def tighter(general: ImageLimits, specific: ImageLimits) -> ImageLimits:
    """Two limits together: of two numbers the smaller, of anything else what the more specific one sets.

    Example:
        >>> tighter(ImageLimits(max_images=5, accepts_url=True), ImageLimits(max_images=9, accepts_url=False))
        ... # doctest: +ELLIPSIS
        ImageLimits(..., max_images=5, ..., accepts_url=False, ...)
    """
    found = {name: getattr(general, name) for name in general.model_fields_set}
    for name in specific.model_fields_set:
        value, bound = getattr(specific, name), found.get(name)
        if value is None or bound is None or isinstance(value, bool | frozenset):
            found[name] = bound if value is None else value
        else:
            found[name] = min(value, bound)
    return ImageLimits(**found)


_Key = tuple[str, str, str | None, str | None]


class Registry:
    """All rows, those of installed packages loaded when they are first needed.

    Args:
        rows: what is known from the start, a later row of one name in place of an earlier one.

    Example:
        >>> Registry([Provider(name="lab")]).providers()[0].name
        'lab'
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._lock = threading.RLock()  # an entry point may itself look something up
        self._are_installed_loaded = False
        self._levels: tuple[dict[_Key, Row], ...] = ({_key(row): row for row in rows}, {}, {})

    def register(self, row: Row) -> None:
        """Add a row, in place of one about the same thing."""
        with self._lock:
            self._levels[-1][_key(row)] = row

    def rows(self) -> list[tuple[int, Row]]:
        """All rows, each with the level it comes from; a higher one counts more."""
        with self._lock:
            if not self._are_installed_loaded:
                # Before they are loaded: one that looks something up meanwhile must not load them again.
                self._are_installed_loaded = True
                self._levels[1].update({_key(row): row for row in installed_rows()})
            return [(level, row) for level, rows in enumerate(self._levels) for row in rows.values()]

    def providers(self) -> tuple[Provider, ...]:
        """A row for each name, the one that counts most."""
        return tuple({row.name: row for _, row in self.rows() if isinstance(row, Provider)}.values())

    def profile(self, model: str, provider: str | None = None) -> ModelProfile:
        """All rows that fit a model, merged."""
        fitting = [
            (level, row)
            for level, row in self.rows()
            if isinstance(row, ModelProfile) and fits(row, provider, model)
        ]
        # Merged in this order, so that the most specific row of the highest level has the last word.
        fitting.sort(key=lambda pair: (pair[0], specificity(pair[1])))
        return merged((row for _, row in fitting), model)

    def offers(self) -> tuple[tuple[str, str], ...]:
        """Each known model of each provider, as the two names."""
        found = (
            (row.provider, row.model)
            for _, row in self.rows()
            if isinstance(row, ModelProfile) and row.provider and row.model
        )
        return tuple(dict.fromkeys(found))


def _key(row: Row) -> _Key:
    if isinstance(row, Provider):
        return "provider", row.name, None, None
    return "model", row.prefix.lower(), row.provider, row.model and row.model.lower()


_REGISTRY = Registry((*PROVIDERS, *FAMILIES, *OFFERS))


def register(row: Row | Iterable[Row]) -> None:
    """Make a provider or a model known, in place of a row about the same one.

    Args:
        row: a Provider replaces the one of its name. A ModelProfile adds to what other rows say of the
            model, and counts before them; of two limits in numbers the tighter one holds. Several may
            be given in a list.

    Raises:
        ConfigError: something else is given, or stands in the list; then none of it is registered.

    Example:
        >>> register(Provider(name="my-lab", base_url="http://10.11.12.13:8000/v1"))
        >>> find_provider("my-lab").base_url
        'http://10.11.12.13:8000/v1'
    """
    for found in _checked_rows(row):
        _REGISTRY.register(found)


def _checked_rows(given: Row | Iterable[Row]) -> tuple[Row, ...]:
    if isinstance(given, Provider | ModelProfile):  # first, for a row can be iterated too, over its fields
        return (given,)
    is_list = isinstance(given, Iterable) and not isinstance(given, Mapping | str)
    rows: tuple[object, ...] = tuple(given) if is_list else (given,)
    wrong = next((type(row).__name__ for row in rows if not isinstance(row, Provider | ModelProfile)), None)
    if wrong:
        raise ConfigError(
            f"register was given a {wrong}, which is not a row",
            hint="Give a Provider(...) or a ModelProfile(...), or several in a list.",
        )
    return tuple(row for row in rows if isinstance(row, Provider | ModelProfile))


def providers() -> tuple[Provider, ...]:
    """All providers that are known.

    Example:
        >>> {"deepinfra", "novita", "ollama"} <= {provider.name for provider in providers()}
        True
    """
    return _REGISTRY.providers()


def find_provider(name: str) -> Provider:
    """The provider of a name, in any case.

    Raises:
        UnknownProviderError: there is none; it names those that are spelled alike.

    Example:
        >>> find_provider("DeepInfra").base_url
        'https://api.deepinfra.com/v1/openai'
    """
    known = {provider.name: provider for provider in providers()}
    wanted = name.strip().lower()
    if wanted not in known:
        near = get_close_matches(wanted, known, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Known are {', '.join(sorted(known))}."
        raise UnknownProviderError(
            f"no provider is called {name!r}", hint=f"{hint} Any other name needs base_url=..."
        )
    return known[wanted]


def profile(model: str, provider: str | None = None) -> ModelProfile:
    """What is known of a model: all rows that fit it, merged.

    Args:
        model: its id, as the provider spells it.
        provider: the name of who serves it; None for what holds everywhere.

    Returns:
        A profile whose fields are None where nothing is known, as for a model that no row fits.

    Example:
        >>> found = profile("qwen/qwen2.5-vl-72b-instruct", "novita")
        >>> found.family, found.context_tokens, found.price.input_usd
        ('qwen2.5-vl', 32768, 0.8)
    """
    return _REGISTRY.profile(model, provider)


def models_of(provider_name: str) -> tuple[ModelProfile, ...]:
    """The models that are known of a provider, which may serve many more.

    Example:
        >>> [found.model for found in models_of("myrouter")]
        ['qwen/qwen2.5-vl-72b-instruct']
    """
    ids = (model for provider, model in offers() if provider == provider_name)
    return tuple(profile(model, provider_name) for model in ids)


def offers() -> tuple[tuple[str, str], ...]:
    """Each known model of each provider, as the names of the provider and the model.

    Example:
        >>> ("myrouter", "qwen/qwen2.5-vl-72b-instruct") in offers()
        True
    """
    return _REGISTRY.offers()
