"""The providers that are known: one row each, made from the pages that it names.

What no page says is None. DevUp's page is nearly DeepInfra's and MyRouter's nearly Novita's, but each
row holds only what its own page says.
"""

from __future__ import annotations

from datetime import date

from vlm_core.catalog.schema import ImageLimits, Provider, Quirk, ResponseFormat

__all__ = ["PROVIDERS"]

_READ = date(2026, 11, 21)
_MODELS_DEV = date(2026, 7, 2)
_NOVEMBER = date(2026, 11, 1)

_ALL_STRUCTURED: frozenset[ResponseFormat] = frozenset({"json_schema", "json_object", "tool"})

# The pages say 20 MB and not of what. The file is held to it, and the whole request too, so that
# neither reading of it ends in an error.
_TWENTY_MB = ImageLimits(
    formats=frozenset({"jpeg", "png", "webp"}),
    max_image_bytes=20_000_000,
    max_body_bytes=20_000_000,
    accepts_url=True,
    accepts_detail=False,
)
_SMALL_AND_FEW = ImageLimits(
    target_base64_bytes=1_000_000, recommended_images=2, accepts_url=True, accepts_detail=True
)
_PIXELS_ARE_TOKENS = "Images are billed as input tokens; the answer's usage says how many."

_FROM_THEIR_PAGES = (
    Provider(
        name="devup",
        title="DevUp AI",
        base_url="https://api.devupai.com/v1",
        api_key_env=("DEVUP_API_KEY",),
        limits=_TWENTY_MB,
        notes=(_PIXELS_ARE_TOKENS, "A scoped JWT goes in place of the key."),
        source="DevUp AI documentation: Vision & OCR",
        checked=_READ,
    ),
    Provider(
        name="deepinfra",
        title="DeepInfra",
        base_url="https://api.deepinfra.com/v1/openai",
        api_key_env=("DEEPINFRA_TOKEN", "DEEPINFRA_API_KEY", "DEEPINFRA_API_TOKEN"),
        limits=_TWENTY_MB,
        quirks=frozenset({Quirk.TOOL_CONTENT_STRING, Quirk.TOOL_CHOICE_AUTO_OR_NONE}),
        model_list_url="https://deepinfra.com/pricing",
        notes=(_PIXELS_ARE_TOKENS, "At most 200 requests at a time for each model; 429 also means busy."),
        source="DeepInfra documentation: Vision & OCR, Rate limits; litellm 1.106.2 for the tool quirks",
        checked=_READ,
    ),
    Provider(
        name="myrouter",
        title="MyRouter",
        base_url="https://api.myrouter.ai/openai",
        api_key_env=("MYROUTER_API_KEY",),
        limits=_SMALL_AND_FEW,
        notes=("The page names no variable for the key; this one follows the custom.",),
        source="MyRouter documentation: Vision Language Models",
        checked=_READ,
    ),
    Provider(
        name="novita",
        title="Novita AI",
        base_url="https://api.novita.ai/openai",
        api_key_env=("NOVITA_API_KEY",),
        limits=_SMALL_AND_FEW,
        bills_abandoned=True,
        model_list_url="https://novita.ai/pricing",
        notes=("A request that the client breaks off is billed.",),
        source="Novita documentation: Vision-Language Models (2026-06-10), LLM billing",
        checked=_READ,
    ),
    Provider(
        name="hyperbolic",
        title="Hyperbolic",
        base_url="https://api.hyperbolic.xyz/v1",
        api_key_env=("HYPERBOLIC_API_KEY", "HYPERBOLIC_API_TOKEN"),
        limits=ImageLimits(
            formats=frozenset({"jpeg", "png"}), max_side=2048, max_images=1, accepts_url=False
        ),
        model_list_url="https://docs.hyperbolic.ai",
        notes=(
            "All its vision models are to be removed; no date is named.",
            "The image of an earlier turn must be sent again, and counts as the one image.",
            "600 requests a minute, 60 without a deposit.",
        ),
        source="Hyperbolic documentation: Vision Language Models, Performance limits",
        checked=_READ,
    ),
)

_OTHER_HOSTS = (
    Provider(
        name="openai",
        title="OpenAI",
        base_url="https://api.openai.com/v1",
        api_key_env=("OPENAI_API_KEY",),
        limits=ImageLimits(
            formats=frozenset({"png", "jpeg", "webp", "gif"}),
            max_image_bytes=20_000_000,
            max_body_bytes=50_000_000,
            max_images=500,
            accepts_url=True,
            accepts_detail=True,
        ),
        quirks=frozenset({Quirk.MAX_COMPLETION_TOKENS}),
        tools=True,
        response_formats=_ALL_STRUCTURED,
        model_list_url="https://developers.openai.com/api/docs/pricing",
        notes=("A GIF may not be animated.", "20 MB an image is from an older page."),
        source="OpenAI's guide to images, 2026",
        checked=_NOVEMBER,
    ),
    Provider(
        name="openrouter",
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        api_key_env=("OPENROUTER_API_KEY",),
        limits=ImageLimits(accepts_url=True, accepts_detail=True),
        reasoning_back="always",
        cache_control=True,
        model_list_url="https://openrouter.ai/models",
        notes=(
            "Limits are those of the host that it chooses.",
            "Hosts may drop parameters; provider.require_parameters in extra_body avoids those.",
        ),
        source="models.dev, OpenRouter's list of models; its pages on reasoning tokens and prompt caching",
        checked=_MODELS_DEV,
    ),
    Provider(
        name="together",
        title="Together AI",
        base_url="https://api.together.ai/v1",
        hosts=("api.together.xyz",),
        api_key_env=("TOGETHER_API_KEY",),
        limits=ImageLimits(accepts_url=True),
        notes=("Llama images are billed by tiles of 560 pixels, at most four.",),
        source="docs.together.ai/docs/inference/vision/overview; litellm 1.106.2",
        checked=_NOVEMBER,
    ),
    Provider(
        name="fireworks",
        title="Fireworks AI",
        base_url="https://api.fireworks.ai/inference/v1",
        api_key_env=("FIREWORKS_API_KEY",),
        limits=ImageLimits(
            formats=frozenset({"png", "jpeg", "gif", "bmp", "tiff", "ppm"}),
            max_body_bytes=10_000_000,
            max_images=30,
            accepts_url=True,
        ),
        notes=("An image behind a URL must be under 5 MB and come within 1.5 seconds.",),
        source="Fireworks' guide to vision models",
        checked=_NOVEMBER,
    ),
    Provider(
        name="siliconflow",
        title="SiliconFlow",
        base_url="https://api.siliconflow.com/v1",
        api_key_env=("SILICONFLOW_API_KEY",),
        limits=ImageLimits(accepts_url=True, accepts_detail=True),
        notes=(
            'Without `detail` an image counts as high; "auto" means low.',
            "Keys of api.siliconflow.cn are others, so give its base_url with api_key.",
        ),
        source="docs.siliconflow.com: vision; models.dev",
        checked=_MODELS_DEV,
    ),
    Provider(
        name="nebius",
        title="Nebius Token Factory",
        base_url="https://api.tokenfactory.nebius.com/v1",
        hosts=("api.studio.nebius.ai",),
        api_key_env=("NEBIUS_API_KEY",),
        source="models.dev; litellm 1.106.2",
        checked=_MODELS_DEV,
    ),
    Provider(
        name="groq",
        title="Groq",
        base_url="https://api.groq.com/openai/v1",
        api_key_env=("GROQ_API_KEY",),
        limits=ImageLimits(max_pixels=33_177_600, max_body_bytes=4_000_000, max_images=5, accepts_url=True),
        quirks=frozenset({Quirk.NO_STREAMED_RESPONSE_FORMAT}),
        reasoning_back="never",
        tools=True,
        response_formats=_ALL_STRUCTURED,
        model_list_url="https://console.groq.com/docs/vision",
        notes=("An image behind a URL may have 20 MB.",),
        source="console.groq.com/docs/vision; litellm 1.106.2; AstrBotDevs/AstrBot#5946 for reasoning",
        checked=_NOVEMBER,
    ),
    Provider(
        name="mistral",
        title="Mistral AI",
        base_url="https://api.mistral.ai/v1",
        api_key_env=("MISTRAL_API_KEY",),
        limits=ImageLimits(accepts_url=True),
        reasoning_back="never",
        tools=True,
        response_formats=_ALL_STRUCTURED,
        model_list_url="https://docs.mistral.ai/models",
        notes=("Its mistral-ocr models are priced by the page and not reached by chat.",),
        source="litellm 1.106.2; BerriAI/litellm#30835 for reasoning",
        checked=date(2026, 10, 21),
    ),
    Provider(
        name="gemini",
        title="Google Gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        api_key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        # Only data URIs are documented, so pictures behind a URL are sent as such.
        limits=ImageLimits(formats=frozenset({"png", "jpeg", "webp", "heic"}), accepts_url=False),
        tools=True,
        response_formats=_ALL_STRUCTURED,
        model_list_url="https://ai.google.dev/gemini-api/docs/pricing",
        source="Google's page on OpenAI compatibility, 2026-06; models.dev",
        checked=date(2026, 6, 30),
    ),
    Provider(
        name="azure",
        title="Azure OpenAI",
        hosts=(".openai.azure.com",),
        api_key_env=("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
        limits=ImageLimits(
            formats=frozenset({"jpeg", "png", "webp", "gif"}),
            max_images=10,
            accepts_url=True,
            accepts_detail=True,
        ),
        quirks=frozenset({Quirk.API_KEY_HEADER}),
        tools=True,
        response_formats=_ALL_STRUCTURED,
        notes=(
            "base_url is https://RESOURCE.openai.azure.com/openai/v1, the model the deployment's name.",
            "Of a GIF the first frame counts.",
        ),
        source="Microsoft Learn: GPT with vision",
        checked=_NOVEMBER,
    ),
)

_ON_YOUR_MACHINE = (
    Provider(
        name="ollama",
        title="Ollama",
        base_url="http://localhost:11434/v1",
        hosts=("localhost:11434", "ollama.com"),
        api_key_env=("OLLAMA_API_KEY",),
        key_required=False,
        limits=ImageLimits(formats=frozenset({"png", "jpeg", "webp"}), accepts_url=False),
        bills_abandoned=False,
        notes=("In the cloud: base_url=https://ollama.com/v1, with a key.",),
        source="ollama/ollama#6753, #7247 and #7300; models.dev",
        checked=_MODELS_DEV,
    ),
    Provider(
        name="vllm",
        title="vLLM",
        base_url="http://localhost:8000/v1",
        key_required=False,
        limits=ImageLimits(accepts_url=False),  # it would fetch from within its own network
        bills_abandoned=False,
        notes=("How many images it takes is set with --limit-mm-per-prompt; old versions take one.",),
        source="vllm-project/vllm#13513 and #40856",
        checked=_NOVEMBER,
    ),
    Provider(
        name="lmstudio",
        title="LM Studio",
        base_url="http://127.0.0.1:1234/v1",
        hosts=("localhost:1234",),
        api_key_env=("LMSTUDIO_API_KEY",),
        key_required=False,
        limits=ImageLimits(accepts_url=False),
        bills_abandoned=False,
        notes=("Load the model with a context of more than 2048 tokens: an image alone may fill less.",),
        source="lmstudio-ai/lmstudio-bug-tracker#278; models.dev",
        checked=_MODELS_DEV,
    ),
)

PROVIDERS: tuple[Provider, ...] = _FROM_THEIR_PAGES + _OTHER_HOSTS + _ON_YOUR_MACHINE
"""All rows, those of hosts before those of servers on this machine."""
