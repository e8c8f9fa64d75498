"""Errors that leave the chat model: of both families, with all that they know."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core import exceptions as core
from langchain_core.callbacks import BaseCallbackHandler

import vlm_core as vlm
from langchain_vlm import ChatVLM
from langchain_vlm.errors import langchain_errors, of_both_families
from vlm_core.completion import Attempt
from vlm_core.testing import ScriptedServer

Make = Callable[..., ChatVLM]
KINDS = [
    kind
    for name in vlm.__all__
    if isinstance(kind := getattr(vlm, name), type) and issubclass(kind, vlm.VLMError)
]
REFUSAL = getattr(core, "ModelRefusalError", core.ModelInvalidRequestError)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_belongs_to_both(kind: type[vlm.VLMError]) -> None:
    error = kind("boom", hint="Do this.", route="lab:m", request_id="r1")
    assert of_both_families(error) is error
    assert type(error).__name__ == kind.__name__
    assert isinstance(error, kind)
    assert isinstance(error, core.ModelError)
    assert isinstance(error.is_retryable, bool)
    assert str(error) == "boom. Do this."


@pytest.mark.parametrize("copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("kind", [vlm.RateLimited, vlm.MissingExtraError, vlm.AllRoutesFailed])
def test_a_copy_knows_all_that_the_error_did(kind: type[vlm.VLMError], copied: Any) -> None:
    error = kind("boom", hint="Do this.", route="lab:m", request_id="r1")
    error.attempts = (Attempt("lab:m", "RateLimited"),)
    again = copied(of_both_families(error))
    assert type(again) is type(error)
    assert again.__dict__ == error.__dict__
    assert str(again) == str(error)


@pytest.mark.parametrize(
    ("error", "meaning", "is_retryable"),
    [
        pytest.param(vlm.ConfigError("x"), core.ModelInvalidRequestError, False, id="config"),
        pytest.param(vlm.MissingKeyError("x"), core.ModelAuthenticationError, False, id="key"),
        pytest.param(vlm.CorruptImageError("x"), core.ModelInvalidRequestError, False, id="image"),
        pytest.param(vlm.ConnectionFailed("x"), core.ModelConnectionError, True, id="connection"),
        pytest.param(vlm.ProviderTimeout("x"), core.ModelTimeoutError, True, id="timeout"),
        pytest.param(vlm.RateLimited("x"), core.ModelRateLimitError, True, id="rate"),
        pytest.param(vlm.ServerError("x"), core.ModelAPIError, True, id="server"),
        pytest.param(vlm.QuotaExhausted("x"), core.ModelPermissionDeniedError, False, id="quota"),
        pytest.param(vlm.ModelNotFound("x"), core.ModelNotFoundError, False, id="model"),
        pytest.param(vlm.ContextOverflow("x"), core.ContextOverflowError, False, id="context"),
        pytest.param(vlm.PayloadTooLarge("x"), core.ModelInvalidRequestError, False, id="payload"),
        pytest.param(vlm.RequestRejected("x"), core.ModelInvalidRequestError, False, id="rejected"),
        pytest.param(vlm.MalformedResponse("x"), core.ModelAPIError, True, id="malformed"),
        pytest.param(vlm.EmptyOutput("x"), core.ModelAPIError, True, id="empty"),
        pytest.param(vlm.OutputTruncated("x"), core.ModelInvalidRequestError, False, id="truncated"),
        pytest.param(vlm.OutputLooped("x"), core.ModelInvalidRequestError, False, id="looped"),
        pytest.param(vlm.ContentFiltered("x"), REFUSAL, False, id="filtered"),
        pytest.param(vlm.DeadlineExceeded("x"), core.ModelTimeoutError, True, id="deadline"),
        pytest.param(vlm.BudgetExceeded("x"), core.ModelInvalidRequestError, False, id="budget"),
    ],
)
def test_an_error_means_to_langchain(
    error: vlm.VLMError, meaning: type[core.ModelError], is_retryable: bool
) -> None:
    found: Any = of_both_families(error)
    assert isinstance(found, meaning)
    assert found.is_retryable is is_retryable


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(401, core.ModelAuthenticationError), (403, core.ModelPermissionDeniedError)],
)
def test_a_refused_key_is_told_from_a_refused_model(status: int, meaning: type[core.ModelError]) -> None:
    error = vlm.AuthenticationFailed("x")
    error.status = status
    assert isinstance(of_both_families(error), meaning)


def test_a_wrong_certificate_does_not_pass() -> None:
    error = vlm.ConnectionFailed("x")
    error.is_passing = False
    assert of_both_families(error).is_retryable is False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("causes", "meaning", "is_retryable"),
    [
        pytest.param([vlm.ServerError("x"), vlm.RateLimited("x")], core.ModelAPIError, True, id="passing"),
        pytest.param([vlm.ContextOverflow("x")] * 2, core.ContextOverflowError, False, id="too-long"),
        pytest.param(
            [vlm.QuotaExhausted("x"), vlm.ContextOverflow("x")],
            core.ModelAPIError,
            False,
            id="neither-passes",
        ),
    ],
)
def test_where_all_routes_failed_their_errors_decide(
    causes: list[vlm.VLMError], meaning: type[core.ModelError], is_retryable: bool
) -> None:
    error = vlm.AllRoutesFailed("x")
    error.causes = tuple(causes)
    found: Any = of_both_families(error)
    assert isinstance(found, meaning)
    assert found.is_retryable is is_retryable


def test_an_error_of_an_unknown_kind_means_what_its_parent_does() -> None:
    class Throttled(vlm.RateLimited):
        pass

    assert isinstance(of_both_families(Throttled("x")), core.ModelRateLimitError)


def test_what_is_no_error_of_ours_stays_as_it_is() -> None:
    with pytest.raises(KeyError) as caught, langchain_errors():
        raise KeyError("x")
    assert type(caught.value) is KeyError


@pytest.mark.parametrize(
    ("status", "code", "kind", "meaning"),
    [
        (429, "rate_limit_exceeded", vlm.RateLimited, core.ModelRateLimitError),
        (429, "insufficient_quota", vlm.QuotaExhausted, core.ModelPermissionDeniedError),
        (401, "invalid_api_key", vlm.AuthenticationFailed, core.ModelAuthenticationError),
        (404, "model_not_found", vlm.ModelNotFound, core.ModelNotFoundError),
        (400, "context_length_exceeded", vlm.ContextOverflow, core.ContextOverflowError),
        (413, None, vlm.PayloadTooLarge, core.ModelInvalidRequestError),
        (422, None, vlm.RequestRejected, core.ModelInvalidRequestError),
        (500, None, vlm.ServerError, core.ModelAPIError),
    ],
)
@pytest.mark.parametrize("ask", ["invoke", "stream"])
def test_what_a_server_refuses_is_both(
    server: ScriptedServer, make: Make, ask: str, status: int, code: Any, kind: Any, meaning: Any
) -> None:
    server.refuse(status, "No.", code=code)
    with pytest.raises(kind) as caught:
        list(getattr(make(max_retries=0), ask)("Hi"))
    assert isinstance(caught.value, meaning)
    assert caught.value.route
    assert len(caught.value.attempts) == 1


def test_a_trace_has_the_status_and_no_header(server: ScriptedServer, make: Make) -> None:
    class Watch(BaseCallbackHandler):
        seen: Any = None

        def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
            self.seen = kwargs["response"].generations[0][0].message.response_metadata

    server.refuse(429, "No.")
    watch = Watch()
    with pytest.raises(vlm.RateLimited):
        make(max_retries=0).invoke("Hi", config={"callbacks": [watch]})
    assert watch.seen == {"status_code": 429, "request_id": "req-1"}


def test_what_has_no_status_has_no_response() -> None:
    assert not hasattr(of_both_families(vlm.ConnectionFailed("x")), "response")
    assert not hasattr(of_both_families(vlm.InputError("x")), "response")
